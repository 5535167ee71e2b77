from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from scripts.runs.events import read_events


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(50):
            writer.add_scalar("train/loss", 1 / (step + 1), step)
        writer.add_image("test/picture", np.zeros((3, 4, 5), dtype=np.uint8), 7)
    return tmp_path


def test_the_same_as_tensorboards_own_reader(folder: Path) -> None:
    curves, pictures = read_events(folder)
    slow = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    slow.Reload()
    assert curves == {"train/loss": [(event.step, event.value) for event in slow.Scalars("train/loss")]}
    assert pictures["test/picture"] == slow.Images("test/picture")[0].encoded_image_string
    assert pictures["test/picture"].startswith(b"\x89PNG")


def test_half_an_event_at_the_end_is_no_error(folder: Path) -> None:
    (path,) = folder.glob("events*")
    path.write_bytes(path.read_bytes()[:-9])
    curves, pictures = read_events(folder)
    assert len(curves["train/loss"]) == 50
    assert pictures == {}


def test_a_step_that_was_trained_again_has_its_latest_value(tmp_path: Path) -> None:
    for number, values in enumerate(([1.0, 2.0, 3.0], [20.0, 30.0])):
        with SummaryWriter(str(tmp_path), filename_suffix=f".{number}") as writer:
            for step, value in enumerate(values, start=number):
                writer.add_scalar("x", value, step)
    assert read_events(tmp_path)[0] == {"x": [(0, 1.0), (1, 20.0), (2, 30.0)]}
