from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.line_images.rendering import Renderer
from datamodules.line_images.rendering_processes import WORTH_A_PROCESS, Line, RenderedLines
from datamodules.text_lines import TextLines
from tests.commands import wait_for

NUMBERS = range(-40, WORTH_A_PROCESS)
WORDS = ["wine", "λόγος", "of", "Ägypten", "§5"]


def assert_same(found: list[Line], expected: list[Line]) -> None:
    assert [text for _, text in found] == [text for _, text in expected]
    for (image, _), (other, _) in zip(found, expected):
        np.testing.assert_array_equal(image, other)


@pytest.mark.parametrize("processes", [1, 3])
def test_lines_of_several_processes_are_those_of_one(processes: int) -> None:
    renderer = Renderer(words=WORDS, seed=3, spaced=0.2, tight=0.3)
    rendered = RenderedLines(renderer, processes)
    rendered.begin(range(1000, 1000 + len(NUMBERS)))  # an epoch that nobody asks for
    assert_same(rendered.lines(NUMBERS), Renderer(words=WORDS, seed=3, spaced=0.2, tight=0.3).lines(NUMBERS))
    assert len(rendered._started) == processes
    rendered.close()


def test_few_lines_start_no_process() -> None:
    rendered = RenderedLines(Renderer(), 2)
    assert len(rendered.lines(range(20))) == 20
    rendered.begin(range(20, 40))
    assert not rendered._started


def test_a_process_that_is_killed_costs_no_line(caplog: pytest.LogCaptureFixture) -> None:
    rendered = RenderedLines(Renderer(words=WORDS), 2)
    rendered.lines(NUMBERS)
    for process in rendered._started:
        os.kill(process._process.pid, signal.SIGKILL)
    with caplog.at_level(logging.WARNING):
        assert_same(rendered.lines(range(1000, 1600)), Renderer(words=WORDS).lines(range(1000, 1600)))
    assert "has ended" in caplog.text
    assert_same(rendered.lines(range(600)), Renderer(words=WORDS).lines(range(600)))


def test_no_process_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from datamodules.line_images.rendering import Renderer\n"
        "from datamodules.line_images.rendering_processes import RenderedLines\n"
        "rendered = RenderedLines(Renderer(), 2)\n"
        "rendered.lines(range(600))\n"
        "print(*(process._process.pid for process in rendered._started), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        pids = started.stdout.readline().split()
        started.kill()
    assert len(pids) == 2
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_line_that_its_font_cannot_draw_is_set_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As FreeType fails with a raster overflow at some glyphs of some fonts."""
    from datamodules.line_images import faces

    drawn = faces.drawn

    def fails(font, text, direction=None):
        if text.startswith("§"):
            raise OSError("raster overflow")
        return drawn(font, text, direction)

    before = Renderer(words=WORDS).lines(range(60))
    monkeypatch.setattr(faces, "drawn", fails)
    with caplog.at_level(logging.WARNING):
        lines = Renderer(words=WORDS).lines(range(60))
    assert not any("§" in text for _, text in lines)
    assert caplog.text.count("raster overflow") == 1
    kept = [number for number, (_, text) in enumerate(before) if "§" not in text]
    assert 10 < len(kept) < 60
    assert_same([lines[number] for number in kept], [before[number] for number in kept])


def test_epochs_hold_the_lines_of_their_numbers_and_are_rendered_ahead() -> None:
    torch.manual_seed(0)
    data = TextLines(rendered_lines=600, val_fraction=0.05, test_fraction=0.0, render_processes=2)
    data.setup()
    sampler = data.training_sampler()
    expected = Renderer()
    for epoch in (0, 1, 3):
        sampler.batches(epoch)
        first = int(data.indices["train"][0])
        assert data.collection.texts[first:] == [
            text for _, text in expected.lines(range(epoch * 600, epoch * 600 + 600))
        ]
        np.testing.assert_array_equal(data.source.image(first + 7), expected.line(epoch * 600 + 7)[0])
        assert tuple(range(epoch * 600 + 600, epoch * 600 + 1200)) in data.rendered._ahead
    data.rendered.close()
