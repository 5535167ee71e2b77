"""Nothing in a training step waits for the device: seen on a processor by the operations that would have to.

What this cannot see: torch's own CTC loss takes the lengths of lines to the processor, so there a step of a
reader waits once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest import mock

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from datamodules.batching.loader import IndexLoader
from lightning_modules.training.fast_loop import FastLoop
from scripts.runs.training import build_module
from tests.pairs import PAIRS, datamodule_for, files_of, fit, small_settings, with_values

#: Operations whose result has a size that only the data tells, or is read by Python; and those that make a tensor of
#: Python's numbers, which would be copied to the device.
WAITS = re.compile(
    r"aten\.(_local_scalar_dense|is_nonzero|nonzero|masked_select|equal|_?unique\w*|repeat_interleave\.Tensor|bincount"
    r"|_pack_padded_sequence|lift_fresh)\b"
)


class Watched(TorchDispatchMode):
    """Remembers the operations that wait."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        if WAITS.match(name):
            self.found.add(name)
        if name.startswith("aten.index") and any(
            isinstance(index, torch.Tensor) and index.dtype == torch.bool
            for index in (args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else ())
        ):
            self.found.add(f"{name} by a mask")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("waiting", [lambda x: x.sum().item(), lambda x: x[x > 0], lambda x: torch.tensor([1.0]) + x])
def test_what_waits_is_seen(waiting: Any) -> None:
    with Watched() as watched:
        waiting(torch.randn(3))
    assert watched.found


@contextmanager
def host_work_unwatched(source: Any) -> Iterator[None]:
    """What the loader does on the CPU before a step: the order of an epoch, and steps of the longest example."""
    cls: Any = type(source)
    max_length, iterate = cls.max_length, IndexLoader.__iter__

    def known_without_asking(self: Any, row: torch.Tensor) -> Any:
        assert row.device.type == "cpu"
        with _disable_current_modes():
            return max_length(self, row)

    def positions(self: IndexLoader) -> Iterator[Any]:
        batches = iterate(self)
        while True:
            with _disable_current_modes():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    with (
        mock.patch.object(cls, "max_length", known_without_asking),
        mock.patch.object(IndexLoader, "__iter__", positions),
    ):
        yield


def three_steps(config: dict[str, Any], watch: Callable[[], AbstractContextManager], accelerator: str) -> None:
    """Train, with all but the first step watched: in that one an optimiser makes its state."""
    datamodule = datamodule_for(config)
    run, sizes = FastLoop._run_quickly, []

    def watching(self: FastLoop, data_fetcher: Any, count: int) -> None:
        with watch() if sizes else nullcontext():
            run(self, data_fetcher, count)
        sizes.append(count)

    settings = {"accelerator": accelerator, "devices": 1, "max_steps": 6, "limit_val_batches": 0}
    # a quick batch, then Lightning's own, as far as the epoch goes
    ahead = mock.patch.object(FastLoop, "_batches_ahead", lambda self: min(2, batches_left(self)))
    with ahead, host_work_unwatched(datamodule.source), mock.patch.object(FastLoop, "_run_quickly", watching):
        fit(build_module(config, datamodule), datamodule, **settings)
    assert sum(sizes) >= 2


def batches_left(loop: FastLoop) -> int:
    """Batches of this epoch that are still to come."""
    return int(loop.trainer.num_training_batches - loop.batch_progress.current.ready)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_step_waits_for_nothing(pair: tuple[str, str], request: pytest.FixtureRequest) -> None:
    watched = Watched()
    config = with_values(small_settings(*pair, files_of(request, pair[1])), {"datamodule.batch_size": 4})
    three_steps(config, lambda: watched, "cpu")
    assert not watched.found


@contextmanager
def no_waiting() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
def test_a_step_on_a_gpu_waits_for_nothing(request: pytest.FixtureRequest) -> None:
    for module, workload in PAIRS:
        if workload != "lines-transcription" or module == "seq2seq":  # CTC waits
            three_steps(small_settings(module, workload, data_dir=files_of(request, workload)), no_waiting, "gpu")


def test_a_batch_is_gathered_without_waiting(request: pytest.FixtureRequest) -> None:
    for pair in {workload: (module, workload) for module, workload in PAIRS}.values():
        datamodule = datamodule_for(small_settings(*pair, data_dir=files_of(request, pair[1])))
        for index_batch in list(datamodule.train_dataloader())[:2]:
            with host_work_unwatched(datamodule.source), Watched() as watched:
                index_batch.to("cpu")
            assert not watched.found, pair
