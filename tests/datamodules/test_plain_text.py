"""Text without labels: parts that do not overlap, symbols of the training part alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.errors import BadInput
from datamodules.plain_text import PlainText


def of(folder: Path, **settings) -> PlainText:
    datamodule = PlainText(data_dir=str(folder), **settings)
    datamodule.setup()
    return datamodule


def test_stretches_are_consecutive_and_parts_follow_one_another(tmp_path: Path) -> None:
    text = "".join(chr(97 + i % 26) for i in range(1005))
    (tmp_path / "a.txt").write_text(text)
    datamodule = of(tmp_path, length=100, val_fraction=0.2, test_fraction=0.1)
    texts = datamodule.example_columns(datamodule.split_indices("all"))["text"]
    assert "".join(texts) == text[:1000]
    assert [len(part) for part in datamodule.indices.values()] == [7, 2, 1]
    assert datamodule.example_columns(datamodule.indices["test"])["id"] == ["a.txt:901"]


def test_a_line_stands_once_and_on_one_side(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n\none\nthree\n")
    (tmp_path / "b.txt").write_text("two\nfour\nfive\n")
    datamodule = of(tmp_path, unit="lines", val_fraction=0.2, test_fraction=0.2)
    columns = datamodule.example_columns(datamodule.split_indices("all"))
    assert dict(zip(columns["text"], columns["id"])) == {
        "one": "a.txt:1", "two": "a.txt:2", "three": "a.txt:5", "four": "b.txt:2", "five": "b.txt:3",
    }  # fmt: skip


def test_rare_words_of_the_training_part_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a a b a b c a b a a\n" * 2)
    datamodule = of(tmp_path, tokens="words", length=5, min_count=3, val_fraction=0.0, test_fraction=0.0)
    assert datamodule.spec.codec.vocabulary.symbols == ("a", "b")
    assert (datamodule.source.tokens == datamodule.spec.codec.vocabulary.unknown).sum() == 2


def test_symbols_of_the_test_part_alone_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("ab" * 45 + "z" * 10)
    datamodule = of(tmp_path, length=10, val_fraction=0.0, test_fraction=0.1)
    assert "z" not in datamodule.spec.codec.vocabulary


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        (None, {}, "no .txt in this folder"),
        ("short", {}, "too little text to train on"),
        ("a" * 2000, {"unit": "lines"}, r"a.txt:1: 2,000 characters; at most datamodule.max_length=1000 are accepted"),
    ],
)
def test_unusable_text_is_one_sentence(tmp_path: Path, content: str | None, settings: dict, message: str) -> None:
    if content is not None:
        (tmp_path / "a.txt").write_text(content)
    with pytest.raises(BadInput, match=message):
        of(tmp_path, **settings)


def test_without_a_folder_it_reads_what_python_brings() -> None:
    datamodule = PlainText()
    datamodule.setup()
    assert len(datamodule.indices["train"]) > 1000
