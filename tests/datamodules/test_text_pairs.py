"""Pairs of texts: every format, sources on one side, judged once against all their targets."""

from __future__ import annotations

from pathlib import Path

import polars
import pytest

from datamodules.errors import BadInput
from datamodules.text.normalization import apart
from datamodules.text_pairs import TextPairs

PAIRS = [("Go.", "Va !"), ("Go.", "Marche."), ("Hi.", "Salut !"), ("Run!", "Cours !"), ("Run!", "Courez !"),
         ("Who?", "Qui ?"), ("Wow!", "Ça alors !"), ("Fire!", "Au feu !"), ("Help!", "À l'aide !"), ("Stop!", "Stop !"),
         ("Go.", "Va !")]  # fmt: skip


def written(folder: Path, kind: str) -> dict[str, str]:
    """A file of the pairs, and the settings that read it."""
    columns = {"source": [a for a, _ in PAIRS], "target": [b for _, b in PAIRS]}
    path = folder / f"pairs.{kind}"
    if kind == "parquet":
        polars.DataFrame(columns).write_parquet(path)
    elif kind == "csv":
        polars.DataFrame(columns).write_csv(path)
    else:
        head = ["source\ttarget"] if kind == "tsv" else []
        path.write_text("\n".join([*head, *(f"{a}\t{b}\tCC-BY" if not head else f"{a}\t{b}" for a, b in PAIRS)]))
    settings = {"data_dir": str(path)}
    return settings | ({"source_column": "1", "target_column": "2"} if kind == "txt" else {})


@pytest.mark.parametrize("kind", ["tsv", "csv", "parquet", "txt"])
def test_every_format_gives_the_same_pairs(tmp_path: Path, kind: str) -> None:
    datamodule = TextPairs(**written(tmp_path, kind), val_fraction=0.2, test_fraction=0.2)
    datamodule.setup()
    codecs, source = datamodule.spec, datamodule.source
    read = [
        (codecs.source.decode(a[:n]), codecs.target.decode(b[:m]))
        for a, n, b, m in zip(source.tokens.tolist(), source.lengths, source.targets.tolist(), source.target_lengths)
    ]
    assert len(read) == 10, "one pair stood twice"
    known = set(codecs.source.vocabulary.symbols)
    assert all(a == text for (a, _), (text, _) in zip(read, dict.fromkeys(PAIRS)) if set(text) <= known)


def test_a_source_stands_on_one_side_and_is_judged_once(tmp_path: Path) -> None:
    datamodule = TextPairs(**written(tmp_path, "tsv"), val_fraction=0.4, test_fraction=0.4)
    datamodule.setup()
    sides = {part: datamodule.example_columns(datamodule.indices[part])["text"] for part in ("train", "val", "test")}
    assert len(set(sides["val"])) == len(sides["val"]) and len(set(sides["test"])) == len(sides["test"])
    assert not set(sides["train"]) & set(sides["val"]) | set(sides["train"]) & set(sides["test"])
    everything = datamodule.source.collate(datamodule.split_indices("all"), (5, 12))
    assert ("Va !", "Marche.") in everything.truths()


def test_punctuation_is_a_word() -> None:
    assert apart("Ça alors !\u202fC'est tout.") == "Ça alors ! C'est tout ."
    datamodule = TextPairs(tokens="words")
    datamodule.setup()
    assert datamodule.spec.apart


NUMBERED = {"source_column": "1", "target_column": "2"}


@pytest.mark.parametrize(
    ("name", "content", "settings", "sentence"),
    [
        ("x.tsv", "a\tb\n", {}, "no column 'source'.*it has a, b"),
        ("x.txt", "a\tb\nc\n", NUMBERED, "x.txt line 2: 1 columns, and no column 2"),
        ("x.txt", "a\tb\n", {}, "it has no header, so columns are numbers: datamodule.source_column=1 is the first"),
        ("x.json", "[]", {}, "no table of pairs; .csv, .tsv, .parquet, .txt are read"),
        ("x.tsv", "source\ttarget\n\t\n", {}, "no pair in it with text on both sides"),
    ],
)  # fmt: skip
def test_unusable_files_are_a_sentence(tmp_path: Path, name: str, content: str, settings: dict, sentence: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=sentence):
        TextPairs(data_dir=str(tmp_path / name), **settings).setup()
