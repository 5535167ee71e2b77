"""What the framework costs: the time of a training step beside that of a bare loop over the same network.

    python benchmarks/overhead.py                               # every workload, written to benchmarks/results
    python benchmarks/overhead.py --workload names_bag --json   # one object on standard output

Ways to train, in turn, several times over, in one process; the medians of their ratios are printed.  All of them are
given the same index batches, each padded to its own longest example.
bare       batches ready on the device, forward, loss, backward, clip, optimiser step, nothing else
fast       what scripts/train.py does: loaders, curves, checkpoints, progress; in the fast loop
lightning  the same in Lightning's own loop
quiet      a plain Lightning program with everything that can be turned off turned off
tutorial   a plain Lightning program as tutorials write it: self.log, default logger, progress bar and checkpoints
data_share is the share of a step's time in which the network waits for its batch, augmented where that is the default.
With --compiled also fast with compile=true, written to a table of its own.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytorch_lightning
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import nn

from benchmarks.recording import among_recorded, circumstances, record, show
from benchmarks.workloads import PLAIN_LINES, TIMED, WORKLOADS
from datamodules.batching.loader import IndexBatch
from lightning_modules.training.instantiate import build
from lightning_modules.training.precision import allow_tf32
from scripts.config.composing import compose
from scripts.console import errors, logs
from scripts.console.parser import Parser
from scripts.runs.folder import RunFolder
from scripts.runs.training import build_module, setup_training

WARM = 8  # steps: a network is compiled at its first lengths, and once more for all others


class StepClock(Callback):
    """When the first steps were done, and when the last; a GPU is waited for then, and at no other step.

    Args:
        warm: how many steps are the first ones.
        needs_every_batch: whether Lightning's own loop has to run.
    """

    def __init__(self, warm: int, needs_every_batch: bool = False) -> None:
        self.warm = warm
        self.needs_every_batch = needs_every_batch
        self.times: list[tuple[int, float]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        step = trainer.global_step
        if step >= trainer.max_steps or (step >= self.warm and not self.times):
            wait(pl_module.device)
            self.times.append((step, time.perf_counter()))

    def ms_a_step(self) -> float:
        """Over the steps after the first ones."""
        (step, start), (last_step, end) = self.times
        return 1000 * (end - start) / (last_step - step)


def wait(device: torch.device) -> None:
    """For what a GPU was told to do; a processor has done it."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def bare(config: dict[str, Any], steps: int) -> float:
    """Milliseconds a step of a loop with nothing around it."""
    datamodule, module = fresh(config)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    module = module.to(device).train()
    source = datamodule.source.to(device)
    rows = datamodule.training_sampler().batches(0)
    batches = [source.collate(row.to(device), datamodule.source.max_length(row)) for row in rows]
    optimizer = module.build_optimizer()
    clip = config["trainer"]["gradient_clip_val"]
    parameters = list(module.parameters())

    def run(numbers: range) -> None:
        for step in numbers:
            optimizer.zero_grad(set_to_none=True)
            module.loss(batches[step % len(batches)]).backward()
            nn.utils.clip_grad_norm_(parameters, clip)
            optimizer.step()
        wait(device)

    run(range(steps // 4))
    start = time.perf_counter()
    run(range(steps // 4, steps))
    return 1000 * (time.perf_counter() - start) / (steps - steps // 4)


def run_step_ms(config: dict[str, Any], steps: int, warm: int | None = None, own_loop: bool = False) -> float:
    """Milliseconds a step of what scripts/train.py runs, of the very batches that the bare loop is timed with.

    Args:
        steps: in all.
        warm: how many of them are not timed; a quarter if None.
        own_loop: in Lightning's own loop.
    """
    warm = warm or steps // 4
    clock = StepClock(warm, own_loop)
    with tempfile.TemporaryDirectory() as folder:
        often = min(config["trainer"]["log_every_n_steps"], warm)  # the fast loop calls where the clock begins
        config = {**config, "trainer": {**config["trainer"], "max_steps": steps, "log_every_n_steps": often}}
        setup = setup_training(config, RunFolder(Path(folder)), extra_callbacks=[clock])
        setup.trainer.fit(setup.module, datamodule=setup.datamodule)
    return clock.ms_a_step()


def data_share(config: dict[str, Any], steps: int) -> float:
    """The share of a training step's time in which the network waits for its batch: gathered, moved and augmented."""
    waited, gather = [0.0], IndexBatch.to

    def timed(index_batch: IndexBatch, *args: Any, **named: Any) -> Any:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        wait(device)  # for the step before
        start = time.perf_counter()
        batch = gather(index_batch, *args, **named)
        wait(device)
        waited[0] += time.perf_counter() - start
        return batch

    with mock.patch.object(IndexBatch, "to", timed):
        step = run_step_ms(config, steps)
    return 1000 * waited[0] / steps / step


class Plain(LightningModule):
    """The network in a LightningModule of a few lines.

    Args:
        logs: whether the loss of each step is logged.
    """

    def __init__(self, network: Any, logs: bool) -> None:
        super().__init__()
        self.network = network
        self.logs = logs

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        loss = self.network.loss(batch)
        if self.logs:
            self.log("train_loss", loss, prog_bar=True, batch_size=len(batch))
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.network.build_optimizer()


def plain(config: dict[str, Any], steps: int, like_tutorials: bool) -> float:
    """Milliseconds a step of a plain Lightning program with the same batches."""
    datamodule, network = fresh(config)
    everything_off = {
        "logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False,
    }  # fmt: skip
    clock = StepClock(steps // 4)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        trainer = Trainer(
            max_steps=steps,
            callbacks=[clock],
            default_root_dir=folder,
            gradient_clip_val=config["trainer"]["gradient_clip_val"],
            **({} if like_tutorials else everything_off),
        )
        trainer.fit(Plain(network, like_tutorials), datamodule.train_dataloader())
    return clock.ms_a_step()


def fresh(config: dict[str, Any]) -> tuple[Any, Any]:
    """Data module and network of a run, as its seed makes them, in a process that rounds products as the run does."""
    torch.manual_seed(0)
    allow_tf32(config.get("tf32"), config["trainer"].get("precision"))
    datamodule = build(config["datamodule"])
    datamodule.setup()
    return datamodule, build_module(config, datamodule)


def measure_compiled(name: str, repeats: int) -> dict[str, Any]:
    """Medians of fast, and of fast and compiled, of steps that come after those at which the network was compiled."""

    workload = WORKLOADS[name]
    config = compose(*TIMED, *workload.overrides)
    ways = {
        way: partial(run_step_ms, {**config, "compile": is_compiled}, WARM + workload.steps_here(), WARM)
        for way, is_compiled in {"fast": False, "compiled": True}.items()
    }
    times = interleaved(repeats, ways)
    medians = {way: statistics.median(values) for way, values in times.items()}
    return {
        "workload": name,
        "fast_ms": medians["fast"],
        "compiled_ms": medians["compiled"],
        "ratio": statistics.median([c / f for c, f in zip(times["compiled"], times["fast"])]),
        "repeats": repeats,
    }


def interleaved(repeats: int, ways: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Milliseconds a step of each way, in turn, so that a slow minute is everybody's."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, run in ways.items():
            times[way].append(run())
    return times


def measure(name: str, repeats: int, steps: int | None = None, extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """Medians over interleaved repeats.

    Args:
        steps: at a time; those of the workload if None.
        extra: settings beside those of the workload.
    """
    workload = WORKLOADS[name]
    steps = steps or workload.steps_here()
    config = compose(*TIMED, *workload.overrides, *extra)
    ways = {
        "bare": bare,
        "fast": run_step_ms,
        "lightning": partial(run_step_ms, own_loop=True),
        "quiet": partial(plain, like_tutorials=False),
        "tutorial": partial(plain, like_tutorials=True),
    }
    times = interleaved(repeats, {way: partial(run, config, steps) for way, run in ways.items()})
    as_trained = compose(*TIMED, *(word for word in workload.overrides if word != PLAIN_LINES), *extra)
    share = data_share(as_trained, steps)
    ratios = {way: statistics.median([value / base for value, base in zip(times[way], times["bare"])]) for way in times}
    return {
        "workload": name,
        "bare_ms": statistics.median(times["bare"]),
        "fast_ms": statistics.median(times["fast"]),
        "fast": ratios["fast"],
        "lightning": ratios["lightning"],
        "quiet": ratios["quiet"],
        "tutorial": ratios["tutorial"],
        "data_share": share,
        "repeats": repeats,
    }


def quiet() -> None:
    """Of runs inside this process, only what they find out."""
    logs.quiet_lightning()
    warnings.filterwarnings("ignore")
    pytorch_lightning._logger.setLevel("ERROR")


def main() -> None:
    parser = Parser(prog="overhead.py", description=__doc__)
    parser.add_argument("--workload", choices=[*WORKLOADS], help="one of them (all)")
    parser.add_argument("--repeats", type=int, default=7, help="of each way (7)")
    parser.add_argument("--json", action="store_true", help="objects on standard output, nothing written")
    parser.add_argument("--compiled", action="store_true", help="whether torch.compile pays")
    options = parser.parse_args()
    quiet()
    result = "overhead_compiled" if options.compiled else "overhead"
    for name in [options.workload] if options.workload else WORKLOADS:
        row = (measure_compiled if options.compiled else measure)(name, options.repeats)
        if options.json:
            print(json.dumps({**row, **circumstances()}), flush=True)
        else:
            show([row], "milliseconds a training step")
            print(record(result, among_recorded(result, [row], "workload", WORKLOADS)))


if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main)
