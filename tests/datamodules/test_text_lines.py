from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.errors import BadInput
from datamodules.line_images.augmentation import Augmentation
from datamodules.line_images.codec import LineCodec
from datamodules.line_images.images import single_page
from datamodules.line_images.normalization import normalized_text
from datamodules.line_images.spec import LineImageSpec
from datamodules.text_lines import TextLines
from tests.datamodules.line_images.pictures import encoded, write_lines_folder, written


def loaded(**settings) -> TextLines:
    data = TextLines(**settings)
    data.setup()
    return data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines_folder(tmp_path_factory.mktemp("lines"))


def test_rendered_lines_need_no_download_and_never_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        data = loaded(rendered_lines=20)
    assert "rendered lines in 16 fonts (no data_dir given): 26 lines" in caplog.text
    sampler = data.training_sampler()
    held_out = [data.source.image(int(i)) for i in torch.cat([data.indices["val"], data.indices["test"]])]
    seen = []
    for epoch in (0, 1, 0):
        sampler.batches(epoch)
        seen.append({data.collection.texts[i] for i in data.indices["train"].tolist()})
    assert seen[0] == seen[2] != seen[1]
    for i, image in zip(torch.cat([data.indices["val"], data.indices["test"]]).tolist(), held_out):
        np.testing.assert_array_equal(data.source.image(i), image)


def test_spaced_lines_are_wider() -> None:
    plain, spaced = (loaded(rendered_lines=20, spaced_lines=share).source.widths.sum() for share in (0.0, 1.0))
    assert spaced > 1.1 * plain


def test_a_batch_holds_images_and_texts(folder: Path) -> None:
    data = loaded(data_dir=str(folder), batch_size=5, group_pattern=".", test_groups="d", val_groups="c")
    assert {split: len(rows) for split, rows in data.indices.items()} == {"train": 12, "val": 6, "test": 6}
    for index_batch in data.train_dataloader():
        batch = index_batch.to("cpu")
        assert batch.images.shape == (len(batch), 1, 32, int(batch.lengths.max()))
        for image, width in zip(batch.images, batch.lengths):
            assert image[:, :, width:].abs().sum() == 0
            assert image.max() == 1
    row = data.indices["test"]
    names = data.example_columns(row)["id"]
    batch = data.source.collate(row, data.source.max_length(row))
    for i, name in enumerate(names):
        truth = (folder / name).with_suffix(".gt.txt").read_text().strip()
        length = int(batch.target_lengths[i])
        assert data.spec.codec.decode(batch.targets[i, :length].tolist()) == truth
        assert "".join(map(chr, batch.codepoints[i, :length])) == truth
        image = data.spec.image(data.spec.ink(single_page((folder / name).read_bytes())))
        assert torch.equal(batch.images[i, 0, :, : image.shape[1]], torch.from_numpy(image).float() / 255)


def test_lines_of_like_width_make_a_batch_and_every_line_is_seen_once() -> None:
    data = loaded(rendered_lines=64, batch_size=8)
    first, second = (data.training_sampler().batches(epoch) for epoch in (0, 1))
    assert sorted(torch.cat(first).tolist()) == data.indices["train"].tolist()
    assert any(not torch.equal(a, b) for a, b in zip(first, second))
    widths = [data.source.width_of(row) for row in second]
    padded = sum(int(w.max()) * len(w) for w in widths) / sum(int(w.sum()) for w in widths)
    assert padded < 1.25


def test_augmentation_is_for_training_alone(folder: Path) -> None:
    data = loaded(data_dir=str(folder), augmentation=Augmentation(geometry=1.0))
    for loader, is_augmented in ((data.train_dataloader(), True), (data.val_dataloader(), False)):
        index_batch = next(iter(loader))
        batch = data.transfer_batch_to_device(index_batch, torch.device("cpu"), 0)
        original = data.source.collate(index_batch.indices, data.source.max_length(index_batch.indices))
        assert torch.equal(batch.images, original.images) != is_augmented


def test_nothing_is_left_out_without_being_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_lines_folder(tmp_path)
    (tmp_path / "a_900.png").write_bytes(b"no picture")
    (tmp_path / "a_901.png").write_bytes(encoded(np.full((40, 90), 255, np.uint8)))
    (tmp_path / "a_902.png").write_bytes(encoded(np.tile(written(), (1, 300))[:, :3000]))
    for number in (900, 901, 902):
        (tmp_path / f"a_{number}.gt.txt").write_text("x\n")
    (tmp_path / "a_903.gt.txt").write_text("y\n")
    with caplog.at_level(logging.INFO):
        data = loaded(data_dir=str(tmp_path), split_by="random", max_width=2000)
    assert data.report["left_out"] == {
        "a_900.png": data.report["left_out"]["a_900.png"],
        "a_901.png": "empty: nothing is written on it",
        "a_902.png": "2,400 pixels wide at height 32; at most datamodule.max_width=2,000 are accepted"
        " (datamodule.max_width=2400 reads it)",
        "a_903.gt.txt": "no image beside it",
    }
    for name in data.report["left_out"]:
        assert name in caplog.text


def test_characters_come_from_the_training_part_and_the_others_are_told(tmp_path: Path, caplog) -> None:
    write_lines_folder(tmp_path)
    (tmp_path / "d_003.gt.txt").write_text("tin Ω\n", encoding="utf-8")
    with caplog.at_level(logging.INFO):
        data = loaded(data_dir=str(tmp_path), group_pattern=".", test_groups="d", val_groups="c")
    assert "Ω" not in data.spec.codec.characters
    assert "never seen in training, but in val or test: Ω 1" in caplog.text
    assert data.report["unseen"] == {"Ω": 1}
    place = data.collection.ids.index("d_003.png")
    points = data.source.points[place, : int(data.source.target_lengths[place])]
    assert "".join(map(chr, points)) == "tin Ω", "it counts as an error later"


def test_texts_are_composed() -> None:
    assert normalized_text(" e\u0301 ")[0] == "é"


@pytest.mark.parametrize("unknown", ["error", "drop_sample", "replace"])
def test_training_lines_with_unknown_characters(folder: Path, unknown) -> None:
    settings = {"data_dir": str(folder), "alphabet": "tein ", "unknown": unknown, "split_by": "random"}
    if unknown == "error":
        loaded(**settings)
        with pytest.raises(BadInput, match=r"'n' \(U\+006E\) is not in the alphabet; datamodule\.unknown=drop_sample"):
            loaded(**{**settings, "alphabet": "tei "})
        return
    data = loaded(**{**settings, "alphabet": "tei "})
    texts = [data.collection.texts[i] for i in data.indices["train"].tolist()]
    assert "n" not in "".join(texts)
    assert ("\ufffd" in "".join(texts)) == (unknown == "replace")
    dropped = [name for name, reason in data.report["left_out"].items() if reason.endswith("alphabet: n")]
    assert bool(dropped) == (unknown == "drop_sample")


@pytest.mark.parametrize(("charset", "characters"), [("keep", "ätein "), ("extend", "ätein !"), ("replace", " !eint")])
def test_the_characters_of_the_run_to_start_from(tmp_path: Path, charset, characters: str, caplog) -> None:
    write_lines_folder(tmp_path)
    (tmp_path / "a_000.gt.txt").write_text("tin!\n")
    codec = LineCodec.of(["x"]).extended([])
    codec = LineCodec(type(codec.vocabulary)("ätein "))
    data = TextLines(data_dir=str(tmp_path), test_fraction=0.0, val_fraction=0.0, charset=charset, unknown="replace")
    data.starting_from = LineImageSpec(codec, 32, 4000, "auto")
    with caplog.at_level(logging.INFO):
        data.setup()
    assert "".join(data.spec.codec.characters) == characters
    assert data.report["characters_added"] == ([] if charset == "keep" else ["!"])
    assert data.report["characters_dropped"] == (["ä"] if charset == "replace" else [])
    assert "data: characters added: " in caplog.text


def test_fewer_training_lines_and_rendered_ones_beside_them(folder: Path) -> None:
    data = loaded(data_dir=str(folder), max_train_lines=7, rendered_lines=9, val_fraction=0.0)
    assert len(data.indices["train"]) == 16
    rendered = [data.collection.texts[i] for i in data.indices["train"].tolist()[7:]]
    assert set(" ".join(rendered).split()) <= {"tin", "net", "ten", "tie"}


def test_a_finished_run_reads_other_data_as_it_read_its_own(folder: Path, tmp_path: Path) -> None:
    first = loaded(data_dir=str(folder), height=24)
    write_lines_folder(tmp_path, prefix="other_", count=4)
    (tmp_path / "other_a_000.gt.txt").write_text("Ω\n", encoding="utf-8")
    other = TextLines(data_dir=str(tmp_path), group_pattern=".", test_groups="d")
    other.pretrained_spec = first.spec
    other.setup()
    assert other.spec.codec == first.spec.codec
    assert other.source.columns.shape[1] == 24
    assert len(other.split_indices("all")) == 4


@pytest.mark.parametrize(
    ("step", "counts"),
    [
        (10, {"train": 478, "val": 63, "test": 182}),
        pytest.param(1, {"train": 4780, "val": 628, "test": 1820}, marks=pytest.mark.slow),
    ],
    ids=["every tenth line", "all"],
)
def test_the_books_as_they_are_known(real_data: Path, tmp_path: Path, step: int, counts: dict[str, int]) -> None:
    """Reading the 7,228 pictures takes 20 seconds: a tenth of them shows what would be left out and how they split."""
    for image in sorted((real_data / "text_lines" / "old_books").glob("*.png"))[::step]:
        for file in (image, image.with_suffix(".gt.txt")):
            (tmp_path / file.name).symlink_to(file)
    data = loaded(data_dir=str(tmp_path), group_pattern=".", val_groups="g", test_groups="c|f")
    assert {split: len(rows) for split, rows in data.indices.items()} == counts
    assert not data.report["left_out"]
