"""Every layout that labelled texts come in, and what cannot be used as a sentence."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules.errors import BadInput
from datamodules.files.records import TableFormat
from datamodules.text.labelled_files import read_labelled
from datamodules.text.labelled_tables import LabelledFormat
from datamodules.text.labelled_texts import LabelledTexts
from tests.conftest import PROJECT

line = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12).filter(
    lambda text: text.strip() and not text.startswith('"')
)
any_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


def read(path: Path, **form: Any) -> LabelledTexts:
    return read_labelled(path, LabelledFormat(**form))


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@any_fixture
@given(lines=st.lists(line, min_size=1, max_size=8), bom=st.booleans(), ends=st.sampled_from(["\n", "\r\n"]))
def test_a_folder_is_read_whatever_its_line_ends_and_byte_order_mark(tmp_path, lines, bom, ends) -> None:
    text = ends.join(lines) + ends
    (tmp_path / "Greek.txt").write_bytes(("\ufeff" * bom + text).encode())
    (tmp_path / "Irish.txt").write_text("Byrne", encoding="utf-8")
    found = read(tmp_path)
    assert found.texts == [*lines, "Byrne"]
    assert found.labels == ["Greek"] * len(lines) + ["Irish"]
    assert found.places[-1] == "Irish.txt:1"


@any_fixture
@given(rows=st.lists(st.tuples(line, st.sampled_from(["a", "b"])), min_size=1, max_size=8))
def test_csv_tsv_parquet_and_json_hold_the_same(tmp_path, rows) -> None:
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("label", "text"), *[(label, text) for text, label in rows]])
    rows_of_tabs = "".join(f"{text}\t{label}\n" for text, label in rows)
    (tmp_path / "t.tsv").write_text("text\tlabel\n" + rows_of_tabs, encoding="utf-8")
    objects = [{"text": text, "label": label, "meta": {"n": 1}} for text, label in rows]
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps(one) for one in objects), encoding="utf-8")
    (tmp_path / "t.json").write_text(json.dumps({"version": 1, "data": objects}), encoding="utf-8")
    polars.DataFrame(rows, schema=["text", "label"], orient="row").write_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.tsv", "t.parquet", "t.jsonl", "t.json"):
        found = read(tmp_path / name)
        assert list(zip(found.texts, found.labels)) == rows, name


def test_blank_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x\n\n  \ny\n")
    found = read(tmp_path)
    assert (found.texts, found.blank, found.places) == (["x", "y"], 2, ["a.txt:1", "a.txt:4"])


def test_columns_by_name_number_and_found(tmp_path: Path) -> None:
    rows = "".join(f"spam {i},{i % 2}\n" for i in range(8))
    table = written(tmp_path, {"a.csv": "review,sentiment\n" + rows, "b.csv": rows, "c.csv": "v1,v2\n" + rows})
    for name, form in {
        "a.csv": {},
        "b.csv": {},
        "c.csv": {},
    }.items():
        found = read(table / name, **form)
        assert (found.texts[0], found.labels[:2]) == ("spam 0", ["0", "1"]), name
        assert "label from column" in found.notes[-1]
    swapped = read(table / "c.csv", text_column="2", label_column="v1")
    assert swapped.texts[:2] == ["0", "1"]
    with pytest.raises(BadInput, match=r"datamodule\.label_column=3: .* has 2 columns"):
        read(table / "a.csv", label_column="3")
    with pytest.raises(
        BadInput, match=r"no column 'sentimnt' \(did you mean 'sentiment'\?\); it has review, sentiment"
    ):
        read(table / "a.csv", label_column="sentimnt")
    with pytest.raises(BadInput, match=r"b\.csv has no header, so columns are numbers: .*first row: 1: 'spam 0'"):
        read(table / "b.csv", text_column="review")
    written(tmp_path, {"d.csv": "id,a,b\n1,x,y\n"})
    with pytest.raises(BadInput, match=r"datamodule\.text_column is needed: .* has id, a, b"):
        read(table / "d.csv")


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("qid,question_text,target", "{i:08x},what is {i},{k}", ("what is 0", "0")),
        ("tweet_id,airline_sentiment,airline_sentiment_confidence,text", "{i},s{k},0.5,hi {i}", ("hi 0", "s0")),
        ("Class Index,Title,Description", "{k},news {i},more of {i}", ("news 0", "0")),
    ],
)
def test_columns_with_a_name_of_two_words(header: str, row: str, expected: tuple[str, str], tmp_path: Path) -> None:
    rows = "".join(row.format(i=i, k=i % 2) + "\n" for i in range(8))
    found = read(written(tmp_path, {"a.csv": f"{header}\n{rows}"}) / "a.csv")
    assert (found.texts[0], found.labels[0]) == expected
    assert "label from column" in found.notes[-1]


def test_the_example_of_a_sentence_is_the_likely_column(tmp_path: Path) -> None:
    rows = "".join(f"{i},{'xyz'[i % 3]},a longer line {i}\n" for i in range(9))
    table = written(tmp_path, {"a.csv": f"nr,kind,what\n{rows}"}) / "a.csv"
    with pytest.raises(BadInput, match=r"for example datamodule\.text_column=what "):
        read(table)
    with pytest.raises(BadInput, match=r"for example datamodule\.label_column=kind "):
        read(table, text_column="what")
    assert set(read(table, text_column="what", label_column="kind").labels) == {"x", "y", "z"}


def test_official_splits_by_column_and_by_files(tmp_path: Path) -> None:
    written(tmp_path, {"t.csv": "text,label,split\na,x,train\nb,y,dev\nc,x,test\n"})
    assert read(tmp_path / "t.csv").splits == ["train", "val", "test"]
    assert read(tmp_path / "t.csv", split_column="none").splits == [""] * 3
    written(tmp_path, {"u.csv": "text,label,part\na,x,train\nb,y,held out\n"})
    with pytest.raises(BadInput, match=r"u\.csv:3: 'held out' in column 'part' .* train, val .* and test are accepted"):
        read(tmp_path / "u.csv", split_column="part")
    files = {"train.csv": "text,label\na,x\n", "valid.csv": "text,label\nb,y\n", "sst_test.tsv": "text\tlabel\nc\tx\n"}
    parts = read(written(tmp_path / "files", files))
    assert dict(zip(parts.texts, parts.splits)) == {"a": "train", "b": "val", "c": "test"}
    assert "official splits: " in parts.notes[-1]
    reviews = {
        "train/pos/1.txt": "good",
        "train/neg/1.txt": "bad",
        "test/pos/1.txt": "fine\ntwo",
        "test/neg/2.txt": "no",
    }
    folders = read(written(tmp_path / "reviews", {**reviews, "README": "about", "vocab": "x"}))
    assert sorted(zip(folders.splits, folders.labels)) == [(s, c) for s in ("test", "train") for c in ("neg", "pos")]
    assert "fine\ntwo" in folders.texts and "train/neg/1.txt" in folders.places
    assert any(note == "left out: vocab" for note in folders.notes)


def test_columns_of_the_training_file_hold_for_its_siblings(tmp_path: Path) -> None:
    files = {"train.txt": "".join(f"i feel {i};{'ab'[i % 2]}\n" for i in range(9)), "test.txt": "so, so;a\n"}
    found = read(written(tmp_path, files))
    assert found.texts[0] == "so, so" and set(found.labels) == {"a", "b"}


def test_folders_of_texts_suffixes_and_label_lines(tmp_path: Path) -> None:
    groups = read(written(tmp_path / "groups", {"alt.atheism/49960": "Hi\nthere", "sci.space/1": "rocket"}))
    assert (groups.texts, groups.labels) == (["Hi\nthere", "rocket"], ["alt.atheism", "sci.space"])
    split = {f"{part}/{label}/{i}.txt": f"{part} {i}" for part in ("train", "test") for label in "ab" for i in (1, 2)}
    reviews = read(written(tmp_path / "r", {**split, "train/unsup/0.txt": "neither"}))
    assert set(reviews.labels) == {"a", "b"} and "left out, without label: unsup/" in reviews.notes
    polarity = read(written(tmp_path / "p", {"rt.neg": "bad\n", "rt.pos": "good\nfine\n", "README.txt": "about"}))
    assert (polarity.labels, polarity.notes) == (["neg", "pos", "pos"], ["left out: README.txt"])
    lines = written(
        tmp_path, {"cooking.txt": "__label__a how to\n\n__label__b what\n", "two.txt": "__label__a __label__b x\n"}
    )
    found = read(lines / "cooking.txt")
    assert (found.texts, found.labels, found.blank) == (["how to", "what"], ["a", "b"], 2)
    with pytest.raises(BadInput, match=r"two\.txt:1: 2 labels"):
        read(lines / "two.txt")


def test_a_collection_without_suffix_or_header(tmp_path: Path) -> None:
    content = 'ham\tGo until\nspam\tFree "entry\nham\t"hi" he\nham\tok\nspam\twin\n'
    found = read(written(tmp_path, {"SMSSpamCollection": content}) / "SMSSpamCollection")
    assert found.texts[:3] == ["Go until", 'Free "entry', '"hi" he']
    assert found.labels[:2] == ["ham", "spam"]


def test_rows_without_label_are_refused_or_left_out_and_counted(tmp_path: Path) -> None:
    table = written(tmp_path, {"t.csv": "text,label\na,\nb,x\n"}) / "t.csv"
    with pytest.raises(BadInput, match=r"t\.csv:2: no label in column 'label'; datamodule\.empty_labels=leave_out"):
        read(table)
    found = read(table, empty_labels="leave_out")
    assert (found.texts, found.unlabelled) == (["b"], 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "no row in it; a text and its label are needed"),
        ("t.csv", b"text,label\na,b\nc\n", "t.csv line 3: 1 cells where the header has 2"),
        ("t.csv", b"text,label\nfoo, bar,x\n", "t.csv line 2: 3 cells where the header has 2 (separator ',')"),
        ("t.csv", b"text,label\nM\xfcller,German\n", "t.csv line 2: byte 0xfc is not utf-8"),
        ("t.tsv", b"text\tlabel\n", "no row in it"),
        ("t.parquet", b"PAR1 or not", "not a Parquet file that can be read"),
        ("t.json", b'{"a": 1}', "a JSON array of objects is accepted"),
        ("t.jsonl", b'{"text": "a", "label": "b"}\n{oops\n', "t.jsonl line 2: no JSON"),
        ("t.jsonl", b"[1]\n", "entry 1: a JSON object with keys is accepted, not list"),
        ("t.txt", b"hello\nworld\n", "one column, so no label; datamodule=plain_text reads texts without labels"),
    ],
)
def test_bad_tables_are_a_sentence_with_file_and_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read(tmp_path / name)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_bad_folders_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file or folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(BadInput, match=r"no <Label>\.txt, no table and no folders of texts in this folder"):
        read(tmp_path)
    written(tmp_path, {"table.csv": "text,label\na,b\n"})
    assert read(tmp_path).texts == ["a"]
    written(tmp_path, {"other.csv": "text,label\na,b\n"})
    with pytest.raises(BadInput, match=r"several tables \(other\.csv, table\.csv\); give the path of one of them"):
        read(tmp_path)
    (tmp_path / "Greek.txt").write_bytes(b"Alexakis\nM\xe4kel\xe4\n")
    with pytest.raises(BadInput, match=r"Greek\.txt line 2: byte 0xe4 is not utf-8"):
        read(tmp_path)
    found = read(tmp_path, table=TableFormat("latin-1"))
    assert found.texts[1] == "Mäkelä" and found.notes == ["left out: other.csv, table.csv"]


@any_fixture
@given(content=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".tsv", ".parquet", ".txt", ".json", ".jsonl"]))
def test_any_bytes_are_read_or_refused_in_a_sentence(tmp_path, content, suffix) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    try:
        found = read(tmp_path if suffix == ".txt" else path)
        assert len(found.texts) == len(found.labels) == len(found.places) == len(found.splits) > 0
    except BadInput as error:
        assert str(error)
    finally:
        path.unlink()


TORN = """
import sys
from pathlib import Path
from datamodules.errors import BadInput
from datamodules.text.labelled_files import read_labelled
from datamodules.text.labelled_tables import LabelledFormat

whole, torn = map(Path, sys.argv[1:])
content, refused = whole.read_bytes(), 0
for place in range(4, len(content), 3):
    torn.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
    try:
        read_labelled(torn, LabelledFormat("text", "label"))
    except BadInput as error:
        assert str(torn) in str(error), error
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


def test_what_public_reports_name(tmp_path: Path) -> None:
    """A cell `null` or `NA` is a text; a header with space around it; a carriage return within a line."""
    found = read(written(tmp_path, {"t.tsv": "text \tlabel\nnull\tNA\nNone\tb\n"}) / "t.tsv")
    assert (found.texts, found.labels) == (["null", "None"], ["NA", "b"])
    (tmp_path / "u.tsv").write_bytes(b"text\tlabel\nsmall town\r and\tx\nb\ty\n")
    assert read(tmp_path / "u.tsv").texts == ["small town  and", "b"]
    lines = written(tmp_path, {"v.txt": '__label__a "From: x\nSubject: y"\n__label__b z\n'})
    with pytest.raises(BadInput, match=r"v\.txt:2: 0 labels"):
        read(lines / "v.txt")


def test_what_other_programs_leave_in_folders_is_no_text(tmp_path: Path) -> None:
    texts = {"pos/1.txt": "fine", "pos/2.txt": "good", "neg/1.txt": "bad"}
    left = {
        "pos/.ipynb_checkpoints/1-checkpoint.txt": "fine", "neg/.git/config": "x", "__MACOSX/pos/._1.txt": "x",
        "pos/Thumbs.db": "x", "neg/desktop.ini": "x", "neg/.DS_Store": "x",
    }  # fmt: skip
    found = read(written(tmp_path, texts | left))
    assert sorted(zip(found.texts, found.labels)) == [("bad", "neg"), ("fine", "pos"), ("good", "pos")]


def test_files_of_labels_are_read_beside_a_folder_of_something_else(tmp_path: Path) -> None:
    files = {"Greek.txt": "Alexakis\nMakris\n", "Irish.txt": "Brady\n", "runs/notes.txt": "x", "runs/a/b.yaml": "a: 1"}
    found = read(written(tmp_path, files))
    assert sorted(set(found.labels)) == ["Greek", "Irish"] and len(found) == 3
    assert any("runs/" in note for note in found.notes)
