"""Loye's GRU and LSTM on hourly load: seconds an epoch, and how near that is to the recurrence alone.

    python benchmarks/energy_tutorial.py            # a few steps of each
    python benchmarks/energy_tutorial.py --train    # also trained in full: minutes on a GPU, two hours a row on 2 cores

The 12 PJM files are read from --data, SEQUENCE_DATA/energy, ../shared/data/energy or data/energy; made-up load where
there are none.  `recurrence` is the time that forward and backward of the recurrent layers take by themselves, by
cuDNN's kernels on a GPU, at the same shapes and precision; `share` is that beside the whole step.
An epoch is all windows once, without validation.  Loye reports 78 s (GRU) and 92 s (LSTM) on a GPU of 2020.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks import energy
from benchmarks.overhead import fresh, interleaved, quiet, run_step_ms, wait
from benchmarks.recording import of_this_device, record, show
from benchmarks.trained import data_folder, row_of, train
from datamodules.errors import BadInput
from lightning_modules.layers.recurrent import RecurrentLayers
from scripts.config.composing import compose
from scripts.console import errors, logs
from scripts.console.parser import Parser

#: Larger batches, a rate that grows with their root, and half precision where the tensor cores are.
TUNED = ("datamodule.batch_size=4096", "optimizer.lr=0.002", "scheduler=one_cycle", "trainer.precision=bf16-mixed")
ROWS = {**energy.ROWS["tutorial"], **{f"{row}, tuned": [*w, *TUNED] for row, w in energy.ROWS["tutorial"].items()}}
ARTICLE_SECONDS = {"GRU": 78.0, "LSTM": 92.0}  # of an epoch


def recurrence_ms(config: dict[str, Any], module: nn.Module, count: int) -> float:
    """Milliseconds that the recurrent layers of a training step take by themselves, forward and backward."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half = config["trainer"].get("precision") == "bf16-mixed"
    layers = [layer.to(device).train() for layer in module.modules() if isinstance(layer, RecurrentLayers)]
    shape = config["datamodule"]["batch_size"], config["datamodule"]["lookback"]
    sizes = [layer.forwards[0].input_size for layer in layers]
    inputs = [torch.randn(*shape, size, device=device, requires_grad=True) for size in sizes]
    casts = torch.autocast(device.type, torch.bfloat16) if half else contextlib.nullcontext()

    def run(times: int) -> float:
        start = time.perf_counter()
        for _ in range(times):
            for layer, x in zip(layers, inputs):
                with casts:
                    states = layer(x, None)[0]
                states.backward(torch.ones_like(states))
                x.grad = None
                layer.zero_grad()
        wait(device)
        return time.perf_counter() - start

    run(max(1, count // 4))
    return 1000 * run(count) / count


def measure(name: str, data: list[str], count: int, repeats: int) -> dict[str, Any]:
    config = compose(*ROWS[name], *data)
    datamodule, module = fresh(config)
    windows, batch_size = len(datamodule.indices["train"]), config["datamodule"]["batch_size"]
    endless = {**config, "trainer": {**config["trainer"], "max_epochs": None}}
    ways = {"step": partial(run_step_ms, endless, count), "recurrence": partial(recurrence_ms, config, module, count)}
    times = interleaved(repeats, ways)
    step_ms = statistics.median(times["step"])
    row = {
        "row": name,
        "windows": windows,
        "batch_size": batch_size,
        "precision": str(config["trainer"].get("precision") or "32-true"),
        "step_ms": step_ms,
        "recurrence_ms": statistics.median(times["recurrence"]),
        "share": statistics.median(alone / step for alone, step in zip(times["recurrence"], times["step"])),
        "epoch_seconds": step_ms / 1000 * (windows // batch_size),
    }
    if name in ARTICLE_SECONDS:
        row["article_seconds"] = ARTICLE_SECONDS[name]
    return row


def trained(name: str, data: list[str], seeds: int) -> dict[str, Any]:
    """Errors, and seconds an epoch of whole runs."""
    runs = [train([*ROWS[name], *data, f"seed={seed}"]) for seed in range(1, seeds + 1)]
    row = row_of(name, runs, energy.METRICS["tutorial"])
    return {**row, "trained_epoch_seconds": row["fit_seconds"] / runs[0]["epochs"]}


def main() -> None:
    parser = Parser(prog="energy_tutorial.py", description=__doc__)
    parser.add_argument("--data", metavar="FOLDER", help="the 12 files")
    parser.add_argument("--steps", type=int, help="timed at a time (8; 200 on a GPU)")
    parser.add_argument("--repeats", type=int, default=3, help="of them (3)")
    parser.add_argument("--train", action="store_true", help="also whole runs")
    parser.add_argument("--seeds", type=int, default=3, help="of whole runs (3)")
    options = parser.parse_args()
    quiet()
    count = options.steps or (200 if torch.cuda.is_available() else 8)
    try:
        data = [f"datamodule.data_dir={data_folder(options.data, 'energy', 'python scripts/prepare.py energy')}"]
    except BadInput:
        if options.data:
            raise
        data = []
    rows = []
    for name in ROWS:
        rows.append(measure(name, data, count, options.repeats))
        if options.train:
            rows[-1] |= trained(name, data, options.seeds)
        show(rows[-1:], name)
    print(record(of_this_device("energy_tutorial"), rows))


if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main)
