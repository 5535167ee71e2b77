"""Files of pairs as public collections have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datamodules.errors import BadInput
from datamodules.text.pair_files import read_pairs
from datamodules.text.pair_tables import PairFormat, ReadPairs

ENGLISH = [f"{who} {does} {what}." for who in ("I", "We", "Tom") for does in ("see", "eat") for what in ("fish", "it")]
FRENCH = [sentence[::-1] for sentence in ENGLISH]
WORDS = ["apple", "bread", "bead", "pearl", "label", "dear", "lead", "peel"]


def read(path: Path, **settings) -> ReadPairs:
    return read_pairs(path, PairFormat(**settings))


def are_the_sentences(found: ReadPairs) -> bool:
    return sorted(zip(found.sources, found.targets)) == sorted(zip(ENGLISH, FRENCH))


@pytest.mark.parametrize(
    "line",
    [
        "{e}\t{f}\tCC-BY 2.0 (France) Attribution: tatoeba.org #{i} (CM)",  # manythings.org/anki
        "{i}\t{e}\t{j}\t{f}",  # Tatoeba's own export
    ],
)
def test_ids_and_attributions_beside_the_pairs(line: str, tmp_path: Path) -> None:
    lines = [line.format(e=e, f=f, i=i, j=i + 77) for i, (e, f) in enumerate(zip(ENGLISH, FRENCH))]
    (tmp_path / "fra.txt").write_text("\n".join(lines) + "\n")
    assert are_the_sentences(read(tmp_path / "fra.txt"))
    (tmp_path / "three.txt").write_text("a\tb\tc\nd\te\tf\n")
    with pytest.raises(BadInput, match=r"datamodule\.source_column is needed: .* has 3 columns"):
        read(tmp_path / "three.txt")


def test_objects_of_two_languages(tmp_path: Path) -> None:
    """Hugging Face's form of translations; the id is neither side."""
    lines = [
        json.dumps({"id": str(i), "translation": {"en": e, "fr": f}}) for i, (e, f) in enumerate(zip(ENGLISH, FRENCH))
    ]
    (tmp_path / "opus.jsonl").write_text("\n".join(lines))
    assert are_the_sentences(read(tmp_path / "opus.jsonl"))
    turned = read(tmp_path / "opus.jsonl", source_column="fr", target_column="en")
    assert (turned.sources, turned.targets) == (FRENCH, ENGLISH)


def test_parallel_files_called_by_their_side(tmp_path: Path) -> None:
    for side, lines in (("src", ENGLISH), ("tgt", FRENCH)):
        (tmp_path / "onmt").mkdir(exist_ok=True)
        (tmp_path / "suffix").mkdir(exist_ok=True)
        for split, part in (("train", slice(8)), ("val", slice(8, None))):
            (tmp_path / "onmt" / f"{side}-{split}.txt").write_text("\n".join(lines[part]) + "\n")
            (tmp_path / "suffix" / f"{split}.{side}").write_text("\n".join(lines[part]) + "\n")
    for folder in ("onmt", "suffix"):
        found = read(tmp_path / folder)
        assert are_the_sentences(found)
        assert found.splits == ["train"] * 8 + ["val"] * 4


def test_a_pronunciation_table_has_no_header(tmp_path: Path) -> None:
    """WikiPron: no cell of its first row stands again, and every symbol of it does."""
    (tmp_path / "eng.tsv").write_text("".join(f"{word}\t{' '.join(word)}\n" for word in WORDS))
    found = read(tmp_path / "eng.tsv")
    assert (found.sources, found.targets[0]) == (WORDS, "a p p l e")
    (tmp_path / "named.tsv").write_text("spelling\tsounds\n" + "".join(f"{w}\t{' '.join(w)}\n" for w in WORDS))
    assert read(tmp_path / "named.tsv").sources == WORDS


def test_a_lexicon_says_which_key_reads_it(tmp_path: Path) -> None:
    lines = [";;; a comment", *(f"{word.upper()}  {' '.join(word.upper())}" for word in WORDS)]
    (tmp_path / "cmudict-0.7b").write_text("\n".join(lines) + "\n")
    with pytest.raises(BadInput, match=r"datamodule\.target_tokens=symbols reads it"):
        read(tmp_path / "cmudict-0.7b")
    assert read(tmp_path / "cmudict-0.7b", at_first_space=True).sources == [word.upper() for word in WORDS]
