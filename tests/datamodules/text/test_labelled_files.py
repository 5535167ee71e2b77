from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules.errors import BadInput
from datamodules.text.labelled_files import read_labelled
from tests.conftest import PROJECT

line = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12).filter(str.strip)
any_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


def read(path: Path, **columns: str):
    return read_labelled(path, columns.get("text", "text"), columns.get("label", "label"))


@any_fixture
@given(lines=st.lists(line, min_size=1, max_size=8), bom=st.booleans(), ends=st.sampled_from(["\n", "\r\n"]))
def test_a_folder_is_read_whatever_its_line_ends_and_byte_order_mark(tmp_path, lines, bom, ends) -> None:
    text = ends.join(lines) + ends
    (tmp_path / "Greek.txt").write_bytes(("\ufeff" * bom + text).encode())
    (tmp_path / "Irish.txt").write_text("Byrne", encoding="utf-8")
    got = read(tmp_path)
    assert got.texts == [*lines, "Byrne"]
    assert got.labels == ["Greek"] * len(lines) + ["Irish"]
    assert got.places[-1] == "Irish.txt:1"


@any_fixture
@given(rows=st.lists(st.tuples(line, st.sampled_from(["a", "b"])), min_size=1, max_size=8))
def test_csv_tsv_and_parquet_hold_the_same(tmp_path, rows) -> None:
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("label", "text"), *[(label, text) for text, label in rows]])
    rows_of_tabs = "".join(f"{text}\t{label}\n" for text, label in rows)
    (tmp_path / "t.tsv").write_text("text\tlabel\n" + rows_of_tabs, encoding="utf-8")
    polars.DataFrame(rows, schema=["text", "label"], orient="row").write_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.tsv", "t.parquet"):
        got = read(tmp_path / name)
        assert list(zip(got.texts, got.labels)) == rows, name


def test_blank_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x\n\n  \ny\n")
    got = read(tmp_path)
    assert (got.texts, got.blank, got.places) == (["x", "y"], 2, ["a.txt:1", "a.txt:4"])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("t.csv", b"", "t.csv: empty; the first line names the columns"),
        ("t.csv", b"txt,label\na,b\n", "no column 'text' (did you mean 'txt'?)"),
        ("t.csv", b"text,label\na,b\nc\n", "t.csv line 3: 1 cells where the header has 2"),
        ("t.csv", b"text,label\na,\n", "t.csv line 2: no label in column 'label'"),
        ("t.csv", b"text,label\nM\xfcller,German\n", "t.csv line 2: byte 0xfc is not utf-8"),
        ("t.tsv", b"text\tlabel\n", "no labelled text in it"),
        ("t.parquet", b"PAR1 or not", "not a Parquet file that can be read"),
        ("t.json", b"{}", "neither a folder of <Label>.txt nor a table"),
    ],
)
def test_bad_tables_are_a_sentence_with_file_and_line(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read(tmp_path / name)
    assert sentence in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_bad_folders_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file or folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(BadInput, match=r"no <Label>\.txt in this folder"):
        read(tmp_path)
    (tmp_path / "table.csv").write_text("text,label\n")
    with pytest.raises(BadInput, match=r"it holds table\.csv: give that file's path"):
        read(tmp_path)
    (tmp_path / "Greek.txt").write_bytes(b"Alexakis\nM\xe4kel\xe4\n")
    with pytest.raises(BadInput, match=r"Greek\.txt line 2: byte 0xe4 is not utf-8"):
        read(tmp_path)
    got = read_labelled(tmp_path, "text", "label", encoding="latin-1")
    assert got.texts[1] == "Mäkelä"
    with pytest.raises(BadInput, match="no such encoding"):
        read_labelled(tmp_path, "text", "label", encoding="latin-99")


@any_fixture
@given(content=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".tsv", ".parquet", ".txt"]))
def test_any_bytes_are_read_or_refused_in_a_sentence(tmp_path, content, suffix) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    try:
        got = read(tmp_path if suffix == ".txt" else path)
        assert len(got.texts) == len(got.labels) == len(got.places) > 0
    except BadInput as error:
        assert str(error)
    finally:
        path.unlink()


TORN = """
import sys
from pathlib import Path
from datamodules.errors import BadInput
from datamodules.text.labelled_files import read_labelled

whole, torn = map(Path, sys.argv[1:])
content, refused = whole.read_bytes(), 0
for place in range(4, len(content), 3):
    torn.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
    try:
        read_labelled(torn, "text", "label")
    except BadInput as error:
        assert str(error).startswith(str(torn))
        refused += 1
print(refused)
"""


def test_torn_parquet_files_are_sentences_also_where_polars_panics(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    polars.DataFrame({"text": ["Anna", "Bernd"] * 9, "label": ["A", "B"] * 9}).write_parquet(whole)
    command = [sys.executable, "-c", TORN, str(whole), str(tmp_path / "torn.parquet")]  # which polars could abort
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10
