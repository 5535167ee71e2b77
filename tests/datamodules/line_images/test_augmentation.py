from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from datamodules.batching.batches import LineBatch
from datamodules.line_images.augmentation import Augmentation
from datamodules.line_images.source import padded_width

NOTHING = {"geometry": 0.0, "blur": 0.0, "thickness": 0.0, "noise": 0.0, "contrast": 0.0, "binarization": 0.0}


def batch() -> LineBatch:
    images = torch.zeros(8, 1, 32, 120)
    images[:, :, 8:24, 10:90] = 1.0
    return LineBatch(images, torch.full((8,), 100), torch.ones(8, 3).long(), torch.full((8,), 3))


def test_no_probability_changes_nothing() -> None:
    assert torch.equal(Augmentation(**NOTHING)(batch()).images, batch().images)


@pytest.mark.parametrize("change", ["geometry", "blur", "thickness", "noise", "contrast", "binarization"])
def test_each_change_changes_lines_but_not_texts_or_padding(change: str) -> None:
    before = batch()
    after = Augmentation(**{**NOTHING, change: 1.0}, stretch=0.0)(before)
    assert (after.images != before.images).flatten(1).any(1).all()
    assert after.targets is before.targets
    assert after.images.min() >= 0
    assert after.images.max() <= 1
    assert after.images[:, :, :, 100:].abs().max() == 0
    some = Augmentation(**{**NOTHING, change: 0.5}, stretch=0.0)(before)
    changed = (some.images - before.images).abs().flatten(1).max(1).values > 1e-4
    assert 0 < changed.sum() < 8


def test_resampling_without_an_amount_is_the_identity() -> None:
    same = Augmentation(**{**NOTHING, "geometry": 1.0}, slant=0.0, stretch=0.0, shift=0.0, wave=0.0)(batch())
    torch.testing.assert_close(same.images, batch().images, atol=1e-5, rtol=0)


def test_a_stretched_line_keeps_its_ink_inside_its_width() -> None:
    wide = Augmentation(**{**NOTHING, "geometry": 1.0}, slant=0.0, stretch=0.3, shift=0.0, wave=0.0)
    for _ in range(6):
        after = wide(batch())
        factor = after.images.shape[3] / 120
        assert 0.69 < factor < 1.31
        columns = after.images[0, 0].sum(0).nonzero().squeeze(1)
        assert abs(columns.min() - 10 * factor) < 3
        assert abs(columns.max() - 90 * factor) < 3
        assert after.lengths.tolist() == [int(100 * factor)] * 8 or abs(after.lengths[0] - 100 * factor) < 2


def test_the_same_seed_makes_the_same_lines() -> None:
    torch.manual_seed(3)
    first = Augmentation()(batch()).images
    torch.manual_seed(3)
    assert torch.equal(Augmentation()(batch()).images, first)


def test_beside_a_processor_widths_are_few() -> None:
    """Each new shape is planned for anew by a GPU's convolutions; on "meta", which has no numbers, shapes are seen."""
    torch.manual_seed(0)
    seen: dict[str, set[int]] = {"cpu": set(), "meta": set()}
    for device, widths in seen.items():
        for width in range(200, 216):
            images = torch.zeros(8, 1, 32, padded_width(width, torch.device(device)), device=device)
            lengths = torch.full((8,), width, device=device)
            widths.add(Augmentation(geometry=1.0)(replace(batch(), images=images, lengths=lengths)).images.shape[3])
    assert len(seen["cpu"]) > 8
    assert all(width % 32 == 0 for width in seen["meta"])
    assert len(seen["meta"]) <= 3
