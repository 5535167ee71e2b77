from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from datamodules.errors import BadInput
from datamodules.names import Names


def loaded(**settings) -> Names:
    data = Names(**settings)
    data.setup()
    return data


def test_bundled_surnames_need_no_download_and_say_what_they_are(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        data = loaded()
    assert len(data.spec.classes) == 17
    assert data.report["labels"]["Polish"] > 3000
    assert "Doe" not in data._texts
    assert "surnames of the package Faker (no data_dir given)" in caplog.text
    assert set("".join(data._texts)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .,;'")
    other_scripts = "".join(loaded(normalize="nfc")._texts)
    assert "王" in other_scripts
    assert "ή" in other_scripts


def test_the_18_languages_as_they_are_known(real_data: Path) -> None:
    data = loaded(data_dir=str(real_data / "names"))
    assert data.report["texts"] == 20_050
    assert len(set(data._texts)) == 17_416  # distinct names after normalisation and without space at their ends
    assert len(data._texts) == 17_993  # distinct (name, language)
    train, test = ({data._texts[i] for i in data.indices[split]} for split in ("train", "test"))
    assert not train & test
    labels = [data.spec.classes[c] for c in data.source.classes]
    assert labels.count("Arabic") == 108


def test_a_line_split_leaks_and_says_how_much(real_data: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        data = loaded(data_dir=str(real_data / "names"), split_by="line")
    assert len(data._texts) == 20_050
    train = {data._texts[i] for i in data.indices["train"]}
    test = [data._texts[i] for i in data.indices["test"]]
    share = sum(name in train for name in test) / len(test)
    assert f"split_by=line leaks: {share:.1%} of the test lines" in caplog.text


def test_vocabulary_and_counts_come_from_the_training_part_alone(names_folder: Path) -> None:
    data = loaded(data_dir=str(names_folder))
    kept = data.indices["train"].tolist()
    training_characters = set("".join(data._texts[i] for i in kept))
    assert set(data.spec.codec.vocabulary.symbols) == training_characters
    assert sum(data.spec.class_counts) == len(kept)


def test_splits_do_not_depend_on_the_seed_of_training(names_folder: Path) -> None:
    first, second = (loaded(data_dir=str(names_folder), seed=seed) for seed in (1, 2))
    assert torch.equal(first.indices["test"], second.indices["test"])
    assert not torch.equal(first.training_sampler().batches(0)[0], second.training_sampler().batches(0)[0])


def test_a_label_that_normalisation_empties_is_named(tmp_path: Path) -> None:
    (tmp_path / "Chinese.txt").write_text("王\n李\n", encoding="utf-8")
    (tmp_path / "English.txt").write_text("Smith\nJones\nTaylor\n")
    with pytest.raises(BadInput, match=r"label Chinese: no character of '王' .* normalize=nfc"):
        loaded(data_dir=str(tmp_path), normalize="ascii")
    data = loaded(data_dir=str(tmp_path), val_fraction=0, test_fraction=0.3)
    assert data.spec.classes == ("Chinese", "English")


def test_other_labelled_texts(real_data: Path, tmp_path: Path) -> None:
    names = loaded(data_dir=str(real_data / "labelled_text" / "first_names"))
    assert names.spec.classes == ("female", "male")
    reviews = tmp_path / "reviews.tsv"
    rows = [
        f"{line}\t{label}\n"
        for label in ("pos", "neg")
        for line in (real_data / "labelled_text/sentence_polarity" / f"rt-polarity.{label}").read_text().splitlines()
    ]
    reviews.write_text("sentence\tpolarity\n" + "".join(rows))
    columns = {"text_column": "sentence", "label_column": "polarity"}
    data = loaded(data_dir=str(reviews), tokens="words", normalize="nfc", **columns)
    assert data.report["texts"] == 10_662
    assert data.spec.codec.tokens == "words"
    batch = next(iter(data.train_dataloader())).to("cpu")
    assert batch.tokens.shape == (32, int(batch.lengths.max()))


def test_bad_settings_are_sentences(names_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="leave nothing to train on"):
        Names(val_fraction=0.5, test_fraction=0.5)
    (tmp_path / "one.txt").write_text("a\nb\n")
    with pytest.raises(BadInput, match="one label only"):
        loaded(data_dir=str(tmp_path))
    with pytest.raises(BadInput, match=r"Greek\.txt:2: 12 characters; at most datamodule\.max_length=11"):
        loaded(data_dir=str(names_folder), max_length=11)


def test_a_finished_run_reads_other_data_as_it_read_its_own(names_folder: Path, tmp_path: Path) -> None:
    first = loaded(data_dir=str(names_folder))
    (tmp_path / "Greek.txt").write_text("Zzyzxakis\n")
    (tmp_path / "Irish.txt").write_text("O'Byrne\n")
    other = Names(data_dir=str(tmp_path))
    other.pretrained_spec = first.spec
    other.setup()
    assert other.spec is first.spec
    assert other.source.classes.tolist() == [0, 1]
    (tmp_path / "Klingon.txt").write_text("Worf\n")
    strange = Names(data_dir=str(tmp_path))
    strange.pretrained_spec = first.spec
    with pytest.raises(BadInput, match=r"Klingon\.txt:1: the run knows no label 'Klingon'"):
        strange.setup()


def test_texts_of_like_length_can_share_batches(names_folder: Path) -> None:
    datamodule = Names(str(names_folder), batch_size=8, group_by_length=True)
    datamodule.setup()
    batches = [index_batch.to("cpu") for index_batch in datamodule.train_dataloader()]
    seen = torch.cat([batch.lengths for batch in batches])
    assert sorted(seen.tolist()) == sorted(datamodule.source.lengths[datamodule.indices["train"]].tolist())
    max_lengths = [int(batch.lengths.max() - batch.lengths.min()) for batch in batches]
    assert max(max_lengths) <= 3
    with pytest.raises(BadInput, match="group_by_length=true"):
        Names(sampling="balanced", group_by_length=True)
