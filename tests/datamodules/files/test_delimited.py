"""The dialect of delimited files: encoding, separator, quoting and header, found or refused in a sentence."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules.errors import BadInput
from datamodules.files.delimited import Dialect, find_dialect, has_header, read_delimited

any_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
NAMES = ("text", "label")


@pytest.mark.parametrize(
    ("content", "separator", "header", "rows"),
    [
        ("text;label\nHello, world;a\n", ";", ["text", "label"], [["Hello, world", "a"]]),
        ("text|label\na;b|x\n", "|", ["text", "label"], [["a;b", "x"]]),
        ('text,label\n"a, b",x\n', ",", ["text", "label"], [["a, b", "x"]]),
        ('text,label\n"two\nlines ""quoted""",x\n', ",", ["text", "label"], [['two\nlines "quoted"', "x"]]),
        ('text,label\n"he said \\"hi, you\\"",x\n', ",", ["text", "label"], [['he said "hi, you"', "x"]]),
        ('he said "x\tpos\n"hi" he said\tpos\n', "\t", None, [['he said "x', "pos"], ['"hi" he said', "pos"]]),
        ('"text"\t"label"\n"a"\t"x"\n', "\t", ["text", "label"], [["a", "x"]]),
        ('text\tlabel\n"a\tb"\tx\nc\ty\n', "\t", ["text", "label"], [["a\tb", "x"], ["c", "y"]]),
        ('text\tlabel\n"a"\tx\nc\ty\n', "\t", ["text", "label"], [['"a"', "x"], ["c", "y"]]),
        ('"never closed,x\nb,x\n', ",", None, [['"never closed', "x"], ["b", "x"]]),
        ("sep=;\na,b;c\n1;2\n", ";", ["a,b", "c"], [["1", "2"]]),
        ("when;MW\n1.1.;1,5\n2.1.;2,5\n", ";", ["when", "MW"], [["1.1.", "1,5"], ["2.1.", "2,5"]]),
        ("a,x\nb,y\nc,x\n", ",", None, [["a", "x"], ["b", "y"], ["c", "x"]]),
        ("text,label\n\na,b\n , \n", ",", ["text", "label"], [["a", "b"]]),
    ],
)  # fmt: skip
def test_dialects_are_found(tmp_path: Path, content: str, separator: str, header: list | None, rows: list) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    read = read_delimited(path, names=NAMES)
    assert (read.dialect.separator, read.header, read.rows) == (separator, header, rows)


def test_lines_are_those_that_rows_begin_in(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('text,label\n"two\nlines",x\n\nb,y\n')
    assert read_delimited(path, names=NAMES).lines == [2, 5]


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("utf-32", "utf-32"),
     ("utf-16-le", "utf-16-le"), ("utf-16-be", "utf-16-be")],
)  # fmt: skip
def test_encodings_are_found(tmp_path: Path, encoding: str, found: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("text,label\r\ncafé,x\r\n".encode(encoding))
    read = read_delimited(path)
    assert (read.header, read.rows, read.dialect.encoding) == (["text", "label"], [["café", "x"]], found)


def test_an_encoding_that_would_be_a_guess_is_refused_with_what_it_would_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("text,label\nMünchen,x\n".encode("cp1252"))
    with pytest.raises(BadInput, match=r"byte 0xfc is not utf-8.*datamodule\.encoding=cp1252.*'München'"):
        read_delimited(path)
    assert read_delimited(path, encoding="cp1252").rows == [["München", "x"]]
    with pytest.raises(BadInput, match="encoding=latin-99: no such encoding"):
        read_delimited(path, encoding="latin-99")


def test_compressed_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"text,label\na,b\n"))
    assert read_delimited(path).rows == [["a", "b"]]
    path.write_bytes(b"\x1f\x8b torn")
    with pytest.raises(BadInput, match="cannot be read"):
        read_delimited(path)


def test_a_quotation_mark_that_is_never_closed_far_down_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "a,b\n" * 260_000 + '"open,b\nc,d\n')
    with pytest.raises(BadInput, match=r"line 260002: a quotation mark .* datamodule\.quoted=false"):
        read_delimited(path)
    assert read_delimited(path, quoted=False).rows[-2] == ['"open', "b"]


cell = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=8).filter(str.strip)


@any_fixture
@given(rows=st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=9), separator=st.sampled_from(",;\t|"))
def test_what_the_csv_module_writes_is_read_again(tmp_path, rows, separator) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([("id", "text", "label"), *rows])
    path = tmp_path / "t.csv"
    path.write_text(written.getvalue(), encoding="utf-8", newline="")
    read = read_delimited(path, names=NAMES)
    assert read.rows == [list(row) for row in rows]
    assert read.dialect.separator == separator


@given(st.text(max_size=60))
def test_any_text_has_a_dialect(text: str) -> None:
    assert isinstance(find_dialect(text, names=NAMES), Dialect)


def test_headers_are_told_from_rows() -> None:
    assert has_header([["text", "label"], ["a", "b"]], NAMES)
    assert has_header([["when", "MW"], ["2021", "1,5"], ["2022", "2"]])
    assert has_header([["Anna", "x"], ["Bernd", "y"], ["Cem", "x"]]) is False
    assert has_header([["big cat", "gros chat"], ["a big dog", "gros chien"], ["the cat", "le chat"]]) is False
    assert has_header([["1", "x"], ["2", "y"]]) is False
    assert has_header([["v1", "v2"], ["ham", "Go until"]]) is None
    assert has_header([]) is None


def test_what_differs_from_a_plain_table_is_described() -> None:
    assert Dialect().is_plain(Path("a.csv")) and not Dialect(";").is_plain(Path("a.csv"))
    assert Dialect("\t", quoted=False).is_plain(Path("a.tsv.gz"))
    described = Dialect("\t", header=False, encoding="utf-16").describe()
    assert described == "separator tab, encoding utf-16, no header, quoted cells"
