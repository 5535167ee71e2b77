"""Nothing in a training step waits for the device: seen on a processor by the operations that would have to.

What this cannot see: torch's own CTC loss takes the lengths of lines to the processor, so there a step of a
reader waits once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest import mock

import pytest
import torch

from lightning_modules.training.fast_loop import FastLoop
from scripts.runs.training import build_module
from tests.lightning_modules.training.waits import Watched, host_work_unwatched
from tests.pairs import PAIRS, datamodule_for, files_of, fit, small_settings, with_values


@pytest.mark.parametrize("waiting", [lambda x: x.sum().item(), lambda x: x[x > 0], lambda x: torch.tensor([1.0]) + x])
def test_what_waits_is_seen(waiting: Any) -> None:
    with Watched() as watched:
        waiting(torch.randn(3))
    assert watched.found


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


#: One architecture of each workload; what is the architecture's own is watched in test_one_device.py.
A_PAIR_EACH = list({workload: (module, workload) for module, workload in PAIRS}.values())


@pytest.mark.parametrize("pair", A_PAIR_EACH, ids="-".join)
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
    for pair in A_PAIR_EACH:
        datamodule = datamodule_for(small_settings(*pair, data_dir=files_of(request, pair[1])))
        for index_batch in list(datamodule.train_dataloader())[:2]:
            with host_work_unwatched(datamodule.source), Watched() as watched:
                index_batch.to("cpu")
            assert not watched.found, pair
