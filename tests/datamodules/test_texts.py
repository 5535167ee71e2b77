"""Labelled texts in general: what is found, counted and said, and what cannot be trained on as a sentence."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import pytest

from datamodules.errors import BadInput
from datamodules.text.normalization import Loss, loses_little
from datamodules.texts import Texts


def loaded(path: Path, **settings) -> Texts:
    data = Texts(data_dir=str(path), **settings)
    data.setup()
    return data


def table(path: Path, rows: list[tuple[str, str]], header: str = "text,label") -> Path:
    path.write_text(f"{header}\n" + "".join(f'"{text}",{label}\n' for text, label in rows), encoding="utf-8")
    return path


ROOMS = [(f"room {i} wing {'abcdefghij'[i % 10]}{'klmn'[i // 10]}!", str(i % 2)) for i in range(40)]


def test_characters_that_can_carry_the_label_are_kept_by_default(tmp_path: Path) -> None:
    data = loaded(table(tmp_path / "rooms.csv", ROOMS))
    assert data.normalize == "nfc" and {"1", "!"} <= set(data.spec.codec.vocabulary.symbols)
    names = [(f"Name{'abcdefghij'[i % 10]}{'klmnopqrst'[i // 10 % 10]}{'uvw'[i % 3]}", "xy"[i % 2]) for i in range(200)]
    assert loaded(table(tmp_path / "n.csv", [*names, ("Nälne", "x")])).normalize == "ascii"
    assert loses_little(["Muller"] * 99 + ["Müller"], ["a"] * 100)
    assert not loses_little(["Muller"] * 98 + ["Müller"] * 2, ["a"] * 100)
    assert not loses_little(["Smith"] * 996 + ["Weiß", "Voß", "Groß", "Preuß"], ["a"] * 991 + ["b"] * 9)


def test_what_ascii_drops_is_counted_and_said_with_examples(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        data = loaded(table(tmp_path / "rooms.csv", [*ROOMS, ("Zoë's röom", "1")]), normalize="ascii", max_length=30)
    assert data.report["characters_dropped"]["!"] == 40
    assert data.report["characters_dropped"]["1"] == sum(str(i).count("1") for i in range(40))
    assert data.report["marks_dropped"] == 2
    line = next(line for line in data.report["lines"] if "ascii drops" in line)
    assert "from 41 of 41 texts ('room 0 wing ak!' becomes 'room  wing ak'" in line
    assert "and 2 accents" in line and "datamodule.normalize=nfc keeps them" in line
    assert line in caplog.text


def test_loss_counts_like_the_slow_definition() -> None:
    from datamodules.text.normalization import NORMALIZERS

    loss = Loss()
    texts = ["abc ", "Weiß 12", "Néàl", "ok"]
    lost = [loss.add(text, NORMALIZERS["ascii"](text)) for text in texts]
    assert lost == [False, True, True, False]
    assert (dict(loss.characters), loss.marks, loss.texts) == ({"ß": 1, "1": 1, "2": 1}, 2, 2)


def test_a_text_that_is_too_long_is_refused_cut_or_left_out(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [*ROOMS, ("x " * 50, "1")])
    with pytest.raises(BadInput, match=r"t\.csv:42: 50 words; at most datamodule\.max_length=20 .*too_long=cut"):
        loaded(path, tokens="words", max_length=20)
    cut = loaded(path, tokens="words", max_length=20, too_long="cut")
    assert cut._texts[-1] == " ".join("x" * 20)
    assert cut.spec.codec.normalized("y " * 30) == " ".join("y" * 20)
    assert "data: 1 texts of more than max_length=20 tokens are cut" in cut.report["lines"]
    assert len(loaded(path, tokens="words", max_length=20, too_long="leave_out")._texts) == 40


def test_rare_words_are_unknown_in_training_and_the_share_is_said(tmp_path: Path) -> None:
    rows = [(f"good film w{i}" if i % 2 else f"bad film w{i}", str(i % 2)) for i in range(40)]
    data = loaded(table(tmp_path / "t.csv", rows), tokens="words")
    assert data.spec.codec.vocabulary.symbols == ("bad", "film", "good")
    assert data.report["unknown"]["train"] == pytest.approx(1 / 3)
    assert any("unknown words: train 33.3%" in line for line in data.report["lines"])
    assert len(loaded(table(tmp_path / "t.csv", rows), tokens="words", min_count=1).spec.codec.vocabulary.symbols) > 30


def test_punctuation_is_a_word_and_symbols_are_left_as_they_stand(tmp_path: Path) -> None:
    rows = [(f"fine, fine! t{i}", str(i % 2)) for i in range(20)]
    path = table(tmp_path / "t.csv", rows)
    assert {",", "!", "fine"} <= set(loaded(path, tokens="words").spec.codec.vocabulary.symbols)
    assert {"fine,", "fine!"} <= set(loaded(path, tokens="symbols").spec.codec.vocabulary.symbols)


def test_official_splits_are_taken_and_what_they_lack_is_held_out(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = [f"t{i},{i % 2},{'train' if i < 80 else 'test'}" for i in range(100)] + ["t3,1,test"]
    rng.shuffle(rows)
    path = tmp_path / "t.csv"
    path.write_text("text,label,split\n" + "\n".join(rows) + "\n")
    data = loaded(path)
    texts = {split: data.example_columns(data.indices[split])["text"] for split in ("train", "val", "test")}
    assert sorted(texts["test"]) == sorted([f"t{i}" for i in range(80, 100)] + ["t3"])
    assert sorted(texts["train"] + texts["val"]) == sorted(f"t{i}" for i in range(80))
    assert data.split_sizes() == {"train": 72, "val": 8, "test": 21}
    message = "\n".join(data.report["lines"])
    assert "no official val split: 10% of the training texts are held out for it" in message
    assert ("1 of 21 test texts also stand in the training split" in message) == ("t3" in texts["train"])


def test_nothing_to_learn_or_to_choose_by_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"one label only \(a\); two or more are needed"):
        loaded(table(tmp_path / "one.csv", [(f"t{i}", "a") for i in range(30)]))
    each = table(tmp_path / "each.csv", [(f"t{i}", f"L{i}") for i in range(30)])
    with pytest.raises(BadInput, match=r"no text for the val split: 30 texts of 30 labels.*label_column the right one"):
        loaded(each)
    assert loaded(each, val_fraction=0, test_fraction=0).split_sizes() == {"train": 30, "val": 0, "test": 0}
    with pytest.raises(BadInput, match=r"datamodule\.data_dir is needed"):
        Texts().setup()


def test_a_finished_run_reads_a_single_label_and_a_single_text(tmp_path: Path) -> None:
    first = loaded(table(tmp_path / "rooms.csv", ROOMS))
    other = Texts(data_dir=str(table(tmp_path / "new.csv", [("room 77", "1")])))
    other.pretrained_spec = first.spec
    other.setup()
    assert len(other.split_indices("all")) == 1


def test_small_data_gets_small_batches(tmp_path: Path) -> None:
    data = loaded(table(tmp_path / "rooms.csv", ROOMS))
    assert data.batch_size == 16 and "data: batch_size=16, from the 28 training texts" in data.report["lines"]
    assert loaded(tmp_path / "rooms.csv", batch_size=7).batch_size == 7
