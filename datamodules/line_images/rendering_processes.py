"""Lines rendered by other processes, an epoch ahead of training."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO

import numpy as np

from datamodules.errors import BadInput
from datamodules.line_images.rendering import Renderer

Line = tuple[np.ndarray, str]  # ink, uint8 (height, width), and text in reading order

WORTH_A_PROCESS = 500  # lines at once; fewer are rendered sooner than a process starts
NICE = 10  # training goes first
log = logging.getLogger(__name__)


class RenderedLines:
    """The lines of a renderer, in the order asked for, made by several processes once there are many.

    Each process draws the lines of faces of its own, as a font's first glyphs take long.  A line is the same whichever
    process draws it.

    Args:
        renderer: of the lines.
        processes: how many beside this one; 0 for none.
    """

    def __init__(self, renderer: Renderer, processes: int) -> None:
        self.renderer = renderer
        self.processes = processes
        self._started: list[_Process] = []
        self._ahead: dict[tuple[int, ...], list[tuple[list[int], Future[list[Line]]]]] = {}  # shares of each process

    def lines(self, numbers: Sequence[int]) -> list[Line]:
        """The lines with these numbers; those begun by `begin` are waited for."""
        numbers = tuple(numbers)
        if not self.processes or len(numbers) < WORTH_A_PROCESS:
            return self.renderer.lines(numbers)
        self.begin(numbers)
        pending = self._ahead.pop(numbers, [])
        self._ahead.clear()
        found: dict[int, Line] = {}
        try:
            for share, lines in pending:
                found.update(zip(share, lines.result()))
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            self._give_up(error)
        return [found[number] for number in numbers] if self.processes else self.renderer.lines(numbers)

    def begin(self, numbers: Sequence[int]) -> None:
        """Have these lines made while others work."""
        numbers = tuple(numbers)
        if not self.processes or len(numbers) < WORTH_A_PROCESS or numbers in self._ahead:
            return
        try:
            while len(self._started) < self.processes:
                self._started.append(_Process(self.renderer))
        except OSError as error:  # no more processes or memory
            self._give_up(error)
            return
        self._ahead[numbers] = [
            (share, process.begin(share)) for process, share in zip(self._started, self._shares(numbers))
        ]

    def _give_up(self, error: Exception) -> None:
        reason = str(error) or type(error).__name__
        log.warning("data: a process that renders lines has ended (%s); they are rendered here", reason)
        self.close()
        self.processes = 0

    def close(self) -> None:
        """End the processes."""
        for process in self._started:
            process.close()
        self._started, self._ahead = [], {}

    def _shares(self, numbers: Sequence[int]) -> list[list[int]]:
        """What each process draws."""
        shares: list[list[int]] = [[] for _ in range(self.processes)]
        for number in numbers:
            shares[self.renderer.face_of(number) % self.processes].append(number)
        return shares


class _Process:
    """A process that draws lines until its standard input ends, so it never outlives the one that started it."""

    def __init__(self, renderer: Renderer) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,  # Ctrl-C is for the training run, which ends this one
        )
        self._thread = ThreadPoolExecutor(1, "rendering")  # waits for its answers
        self._thread.submit(_asked, self._process, renderer)
        self.close = weakref.finalize(self, _end, self._process, self._thread)

    def begin(self, numbers: list[int]) -> Future[list[Line]]:
        return self._thread.submit(_asked, self._process, numbers)


def _asked(process: subprocess.Popen[bytes], question: Renderer | list[int]) -> list[Line]:
    assert process.stdin is not None and process.stdout is not None
    pickle.dump(question, process.stdin)
    process.stdin.flush()
    return pickle.load(process.stdout)


def _end(process: subprocess.Popen[bytes], thread: ThreadPoolExecutor) -> None:
    process.kill()
    process.wait()
    thread.shutdown(cancel_futures=True)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):  # a question that it did not read
                stream.close()


def _serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer each list of numbers by their lines, those of one face after the other; the first question is the
    renderer."""
    os.nice(NICE)
    renderer: Renderer = pickle.load(questions)
    pickle.dump([], answers)
    answers.flush()
    while True:
        try:
            numbers: list[int] = pickle.load(questions)
            pickle.dump(renderer.lines(numbers), answers)
            answers.flush()
        except (EOFError, BrokenPipeError, BadInput):  # the run has ended; or it will say so itself
            os._exit(0)


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
