"""Pairs of texts: every format, sources on one side, evaluated once against all their targets."""

from __future__ import annotations

from pathlib import Path

import polars
import pytest

from datamodules.errors import BadInput
from datamodules.text.normalization import split_punctuation
from datamodules.text.pairs import PairedTexts
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
    assert split_punctuation("Ça alors !\u202fC'est tout.") == "Ça alors ! C'est tout ."
    datamodule = TextPairs(tokens="words")
    datamodule.setup()
    assert datamodule.spec.source.split_punctuation and datamodule.spec.normalized("Go!") == "Go !"


NUMBERED = {"source_column": "1", "target_column": "2"}


@pytest.mark.parametrize(
    ("name", "content", "settings", "sentence"),
    [
        ("x.tsv", "a\tb\tc\n1\t2\t3\n", {}, "source_column is needed: .* has a, b, c"),
        ("x.tsv", "a\tb\n", {}, r"no pair in it \(columns: a, b\)"),
        ("x.txt", "a\tb\nc\n", NUMBERED, "x.txt line 2: 1 cells where most rows have 2"),
        ("x.txt", "a\tb\n", {"source_column": "en"}, "no header, so columns are numbers: datamodule.source_column=1"),
        ("x.txt", "a\nb\n", {}, "one column; a source and a target are needed; datamodule.target_file=FILE"),
        ("x.json", "[]", {}, "no pair in it"),
        ("x.tsv", "source\ttarget\n \t\n", {}, "no pair in it"),
        ("x.tsv", "source\ttarget\na\t\n", {}, "no pair in it with text on both sides"),
    ],
)  # fmt: skip
def test_unusable_files_are_a_sentence(tmp_path: Path, name: str, content: str, settings: dict, sentence: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=sentence):
        TextPairs(data_dir=str(tmp_path / name), **settings).setup()


def loaded(path: Path, **settings) -> TextPairs:
    datamodule = TextPairs(data_dir=str(path), **{"val_fraction": 0.2, "test_fraction": 0.2, **settings})
    datamodule.setup()
    return datamodule


LEXICON = [("haus", "h aU s"), ("maus", "m aU s"), ("laut", "l aU t"), ("hut", "h u: t"), ("mut", "m u: t")] * 2


def test_letters_in_phonemes_out(tmp_path: Path) -> None:
    """Tables, and lexicons whose lines are a word and its phonemes, with space between all of them."""
    (tmp_path / "lexicon.tsv").write_text("word\tphonemes\n" + "".join(f"{w}\t{p}\n" for w, p in LEXICON))
    (tmp_path / "cmudict.dict").write_text("haus HH AW1 S\nhaus(2) HH AO1 S # foreign\nlaut L AW1 T\n")
    data = loaded(tmp_path / "cmudict.dict", target_tokens="symbols", val_fraction=0, test_fraction=0)
    assert data.source.truths == [("HH AW1 S", "HH AO1 S")] * 2 + [("L AW1 T",)]
    assert any("1 lines such as word(2)" in line for line in data.report["lines"])
    (tmp_path / "lexicon.txt").write_text(";;; about\n" + "".join(f"{w}  {p}\n" for w, p in LEXICON))
    for name in ("lexicon.tsv", "lexicon.txt"):
        spec = loaded(tmp_path / name, target_tokens="symbols").spec
        assert spec.source.tokens == "characters" and set(spec.source.vocabulary.symbols) <= set("hausmlt")
        assert {"aU", "u:"} & set(spec.target.vocabulary.symbols)
        assert spec.target.decode(spec.target.encode(["m aU"])[0][0]) == "m aU"
        assert spec.longest_target == 3


def test_parallel_files_and_official_splits(tmp_path: Path) -> None:
    for split, count in {"train": 6, "valid": 2, "test": 2}.items():
        for side in ("en", "fr"):
            (tmp_path / f"{split}.{side}").write_text("".join(f"{split} {side} {i}\n" for i in range(count)))
    with pytest.raises(BadInput, match=r"datamodule\.source_column=en datamodule\.target_column=fr"):
        loaded(tmp_path)
    data = loaded(tmp_path, source_column="fr", target_column="en", tokens="words")
    assert data.split_sizes() == {"train": 6, "val": 2, "test": 2}
    assert data.example_columns(data.indices["test"])["text"] == ["test fr 0", "test fr 1"]
    two = loaded(tmp_path / "train.en", target_file=str(tmp_path / "train.fr"))
    assert two.source.truths[0] == ("train fr 0",)
    (tmp_path / "train.fr").write_text("one line\n")
    with pytest.raises(BadInput, match=r"train\.en has 6 lines, .*train\.fr has 1"):
        loaded(tmp_path / "train.en", target_file=str(tmp_path / "train.fr"))


def test_rare_words_of_the_source_are_unknown_in_training(tmp_path: Path) -> None:
    rows = [(f"the cat w{i}", f"le chat v{i}") for i in range(20)]
    (tmp_path / "p.tsv").write_text("source\ttarget\n" + "".join(f"{a}\t{b}\n" for a, b in rows))
    data = loaded(tmp_path / "p.tsv", tokens="words")
    assert data.spec.source.vocabulary.symbols == ("cat", "the")
    assert data.report["unknown"]["source"]["train"] == pytest.approx(1 / 3)
    assert len(data.spec.target.vocabulary.symbols) == 2 + len(data.indices["train"])


def test_specs_of_version_0_1_0_split_punctuation_of_both_sides() -> None:
    codec = {"normalize": "nfc", "tokens": "words", "max_length": 9,
             "vocabulary": {"reserved": ["<padding>", "<unknown>"], "symbols": ["!", "Go"]}}  # fmt: skip
    spec = PairedTexts.from_dict({"source": codec, "target": codec, "longest_target": 2, "apart": True})
    assert spec.normalized("Go!") == "Go !"
    assert PairedTexts.from_dict(spec.to_dict()) == spec


def test_lines_of_parallel_files_end_at_line_ends_only(tmp_path: Path) -> None:
    """Not at U+2028, a form feed or a carriage return within a line; an empty line on one side leaves out the pair."""
    sources = ["one", "two\u2028 and", "three\x0c", "fo\rur", "", "six", "seven"]
    (tmp_path / "a.en").write_bytes("\r\n".join(sources).encode())
    (tmp_path / "a.fr").write_bytes("\n".join(f"t{i}" for i in range(7)).encode())
    data = loaded(tmp_path / "a.en", target_file=str(tmp_path / "a.fr"), normalize="none")
    pairs = dict(zip(data._pairs.sources, data._pairs.targets))
    assert pairs == {"one": "t0", "two\u2028 and": "t1", "three": "t2", "fo ur": "t3", "six": "t5", "seven": "t6"}
    assert data.report["left_out"] == 1
