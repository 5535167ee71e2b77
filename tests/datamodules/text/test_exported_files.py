"""Labelled texts and pairs as annotation programs, data hubs and spreadsheets export them."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import polars
import pytest

from datamodules.errors import BadInput
from datamodules.text.labelled_files import read_labelled
from datamodules.text.labelled_tables import LabelledFormat
from datamodules.text.labelled_texts import LabelledTexts
from datamodules.text.pair_files import read_pairs
from datamodules.text.pair_tables import PairFormat
from datamodules.texts import Texts

ROWS = [(f"film {i} was {'good' if i % 2 else 'bad'}", "pos" if i % 2 else "neg") for i in range(12)]
PAIRS = [(f"I see {i}.", f"Je vois {i}.") for i in range(6)]


def read(path: Path, **form: Any) -> LabelledTexts:
    return read_labelled(path, LabelledFormat(**form))


def lines_of(path: Path, entries: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(entry) for entry in entries))
    return path


def are_the_rows(found: LabelledTexts) -> bool:
    return sorted(zip(found.texts, found.labels)) == sorted(ROWS)


@pytest.mark.parametrize("cell", [["pos", "film"], {"choices": ["pos", "film"]}, "['pos', 'film']"])
def test_several_labels_of_a_text_are_no_class_of_their_own(cell: Any, tmp_path: Path) -> None:
    entries = [{"text": text, "label": label} for text, label in ROWS] + [{"text": "x", "label": cell}]
    with pytest.raises(BadInput, match=r"a\.jsonl:13: 2 labels \(pos, film\) in column 'label'; one a text"):
        read(lines_of(tmp_path / "a.jsonl", entries))


def test_no_label_and_one_label_in_a_list(tmp_path: Path) -> None:
    path = lines_of(tmp_path / "a.jsonl", [{"text": text, "label": [label]} for text, label in ROWS])
    assert are_the_rows(read(path))
    missing: Any
    for missing in ([], float("nan"), None):
        lines_of(path, [*({"text": text, "label": [label]} for text, label in ROWS), {"text": "x", "label": missing}])
        with pytest.raises(BadInput, match=r"a\.jsonl:13: no label"):
            read(path)
        assert are_the_rows(read(path, empty_labels="leave_out"))
    texts = [text for text, _ in ROWS]
    polars.DataFrame({"text": texts, "label": [[label] for _, label in ROWS]}).write_parquet(tmp_path / "b.parquet")
    assert are_the_rows(read(tmp_path / "b.parquet"))
    numbers = polars.DataFrame({"text": texts, "label": [float("nan"), *[1.0] * 11]})
    numbers.write_parquet(tmp_path / "c.parquet")
    with pytest.raises(BadInput, match=r"c\.parquet:1: no label"):
        read(tmp_path / "c.parquet")


def test_spans_are_no_label(tmp_path: Path) -> None:
    entries = [{"text": text, "annotations": [{"label": 3, "user": 1}]} for text, _ in ROWS]
    path = lines_of(tmp_path / "a.jsonl", entries)
    with pytest.raises(BadInput, match="a list or an object, no label, in column 'annotations'"):
        read(path, label_column="annotations")
    with pytest.raises(BadInput, match=r"a\.jsonl:1: column 'annotations' holds a list or an object, not one text"):
        read(path, text_column="annotations", label_column="text")


def test_rejected_answers_do_not_count(tmp_path: Path) -> None:
    accepted = [{"text": text, "label": label, "answer": "accept"} for text, label in ROWS]
    wrong = [{"text": "x", "label": "pos", "answer": answer} for answer in ("reject", "ignore")]
    found = read(lines_of(tmp_path / "a.jsonl", accepted + wrong))
    assert are_the_rows(found) and "2 rows that were rejected or ignored left out" in found.notes[-1]
    binary = [
        {**entry, "label": "pos", "answer": "accept" if entry["label"] == "pos" else "reject"} for entry in accepted
    ]
    path = lines_of(tmp_path / "b.jsonl", binary)
    with pytest.raises(BadInput, match=r"every accepted row has the label 'pos'; datamodule\.label_column=answer"):
        read(path)
    assert Counter(read(path, label_column="answer").labels) == {"accept": 6, "reject": 6}


def test_forms_of_json(tmp_path: Path) -> None:
    cats = [
        {"text": text, "cats": {"pos": float(label == "pos"), "neg": float(label == "neg")}} for text, label in ROWS
    ]
    assert are_the_rows(read(lines_of(tmp_path / "spacy.jsonl", cats)))
    assert are_the_rows(read(lines_of(tmp_path / "lists.json", [ROWS])))
    examples = [{"text": text, "intent": label, "entities": []} for text, label in ROWS]
    nested = {"rasa_nlu_data": {"common_examples": examples, "regex_features": []}}
    assert are_the_rows(read(lines_of(tmp_path / "rasa.json", [nested])))
    with pytest.raises(BadInput, match=r"several lists \(train, test\); one list a file .* a folder of train\.json"):
        read(lines_of(tmp_path / "splits.json", [{"train": ROWS, "test": ROWS}]))


@pytest.mark.parametrize("names", [("seq.in", "label", "{}/"), ("text.txt", "labels.txt", "{}_")])
def test_texts_and_labels_in_files_of_their_own(names: tuple[str, str, str], tmp_path: Path) -> None:
    for split, part in (("train", ROWS[:8]), ("test", ROWS[8:])):
        for name, column in zip(names, zip(*part)):
            path = tmp_path / (names[2].format(split) + name)
            path.parent.mkdir(exist_ok=True)
            path.write_text("\n".join(column) + "\n")
    found = read(tmp_path)
    assert are_the_rows(found) and Counter(found.splits) == {"train": 8, "test": 4}
    path.write_text("pos\n")
    with pytest.raises(BadInput, match=r"has 4 lines, .*labels?(\.txt)? has 1; a label a text"):
        read(tmp_path)


def test_arrow_files_with_their_descriptions(tmp_path: Path) -> None:
    for split, part in (("train", ROWS[:8]), ("test", ROWS[8:])):
        (tmp_path / split).mkdir()
        half = len(part) // 2
        for i, rows in enumerate((part[:half], part[half:])):
            frame = polars.DataFrame(rows, schema=["text", "label"], orient="row")
            frame.write_ipc_stream(tmp_path / split / f"data-0000{i}-of-00002.arrow")
        for name in ("state.json", "dataset_info.json"):
            (tmp_path / split / name).write_text("{}")
    found = read(tmp_path)
    assert are_the_rows(found) and Counter(found.splits) == {"train": 8, "test": 4}
    (tmp_path / "x.arrow").write_bytes(b"no Arrow")
    with pytest.raises(BadInput, match=r"x\.arrow: not an Arrow file"):
        read(tmp_path / "x.arrow")


def test_a_test_file_without_labels(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,target\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    (tmp_path / "test.csv").write_text("id,text\n1,x\n")
    with pytest.raises(BadInput, match=r"no column 'target'.*; datamodule\.empty_labels=leave_out leaves a file"):
        read(tmp_path)
    found = read(tmp_path, empty_labels="leave_out")
    assert are_the_rows(found) and "left out: test.csv" in found.notes


def test_labels_of_two_files_are_written_alike_or_refused(tmp_path: Path) -> None:
    for name, labels in (("train", ("0", "1")), ("test", ("0.0", "1.0"))):
        rows = "".join(f"{name} {i},{labels[i % 2]}\n" for i in range(8))
        (tmp_path / f"{name}.csv").write_text("text,label\n" + rows)
    found = read(tmp_path)
    assert Counter(found.labels) == {"0": 8, "1": 8} and "1.0 is 1" in found.notes[-1]
    hidden = "".join(f"hidden {i},-1\n" for i in range(8))
    (tmp_path / "test.csv").write_text("text,label\n" + hidden)
    with pytest.raises(BadInput, match=r"no label of the test split \(-1\) is one of the training split \(0, 1\)"):
        Texts(str(tmp_path), val_fraction=0.3).setup()


def test_labels_that_differ_in_capital_letters_are_said(tmp_path: Path) -> None:
    rows = "".join(f"{text} {i},{label.title() if i < 4 else label}\n" for i in range(8) for text, label in ROWS)
    (tmp_path / "a.csv").write_text("text,label\n" + rows)
    module = Texts(str(tmp_path / "a.csv"))
    module.setup()
    said = [line for line in module.report["lines"] if "differ in capital letters only" in line]
    assert said and said[0].endswith("Neg, Pos, neg, pos")


def test_two_columns_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label,label\n" + "".join(f"{t},{c},x\n" for t, c in ROWS))
    with pytest.raises(BadInput, match=r"2 columns 'label' \(2, 3\); .* datamodule\.label_column=2"):
        read(tmp_path / "a.csv")
    assert are_the_rows(read(tmp_path / "a.csv", label_column="2"))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "a file of Excel or Word; saved as CSV"),
        ("a.pkl", b"\x80\x04\x95" + bytes(99), "a pickle, which is never read"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "'git lfs pull' fetches"),
        ("a.parquet", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "'git lfs pull' fetches"),
        ("a.csv", b"\x1f\x8b\x08" + bytes(99), "its name has to end in .gz"),
        ("a.csv", b'\n<!DOCTYPE html>\n<html lang="en">', "a web page and not a table"),
        ("a.tmx", b'<?xml version="1.0"?>\n<tmx version="1.4">', "XML; a table is accepted"),
    ],
)
def test_other_kinds_of_files_are_named(name: str, content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read(tmp_path / name)
    assert sentence in str(caught.value) and str(tmp_path / name) in str(caught.value)


def test_archives_and_spreadsheets_are_named_also_in_a_folder(tmp_path: Path) -> None:
    for name, inner, sentence in (("a.zip", "a.csv", "a zip archive"), ("b.xlsx", "xl/workbook.xml", "a spreadsheet")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inner, "text,label\n")
        for path in (tmp_path, tmp_path / name):
            with pytest.raises(BadInput, match=f"{name}: {sentence}"):
                read(path)
            with pytest.raises(BadInput, match=f"{name}: {sentence}"):
                read_pairs(path, PairFormat())
        (tmp_path / name).unlink()


def test_translations_in_parquet(tmp_path: Path) -> None:
    objects = [{"en": source, "fr": target} for source, target in PAIRS]
    frame = polars.DataFrame({"id": [str(i) for i in range(len(PAIRS))], "translation": objects})
    frame.write_parquet(tmp_path / "a.parquet")
    found = read_pairs(tmp_path / "a.parquet", PairFormat())
    assert list(zip(found.sources, found.targets)) == PAIRS


def test_several_references_of_a_pair_are_refused(tmp_path: Path) -> None:
    path = lines_of(tmp_path / "a.jsonl", [{"source": a, "target": [b, b + "!"]} for a, b in PAIRS])
    with pytest.raises(BadInput, match=r"a\.jsonl:1: column 'target' holds a list or an object"):
        read_pairs(path, PairFormat())


def test_parallel_files_beside_other_files(tmp_path: Path) -> None:
    """OPUS brings ids along, fairseq its dictionaries; a `.txt` beside them is no table of pairs."""
    for name, column in zip(("Tatoeba.en-fr.en", "Tatoeba.en-fr.fr"), zip(*PAIRS)):
        (tmp_path / name).write_text("\n".join(column) + "\n")
    (tmp_path / "Tatoeba.en-fr.ids").write_text("1\t2\n" * len(PAIRS))
    (tmp_path / "notes.txt").write_text("a\tb\nc\td\n")
    for form in (PairFormat(), PairFormat("en", "fr")):
        found = read_pairs(tmp_path, form)
        assert list(zip(found.sources, found.targets)) == PAIRS
        assert "left out: Tatoeba.en-fr.ids, notes.txt" in found.notes
    (tmp_path / "dev.en").write_text("x\n")
    with pytest.raises(BadInput, match=r"dev\.en: its parallel file is missing"):
        read_pairs(tmp_path, PairFormat())
