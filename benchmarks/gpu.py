"""Everything that only a GPU can show, in one command of about ten minutes.

    python benchmarks/gpu.py                    # all parts; started again, it does what is still missing
    python benchmarks/gpu.py --part packing     # one of them; --again measures anew
    python benchmarks/gpu.py --small --results FOLDER       # a few steps of each on a processor, to see that it works

correctness  outputs and gradients of every architecture with every task, GPU beside CPU; a resumed run; several GPUs
steps        every workload beside the bare loop and plain Lightning (benchmarks/overhead.py)
epoch        the energy tutorial's epoch, and the recurrence by itself (benchmarks/energy_tutorial.py)
phases       the time of each part of a step: gathering, forward, backward, clipping, optimiser
packing      1, 2, 4 and 8 runs on one GPU at once, with and without CUDA's multi-process service (MPS)
precision    time, memory and final metric of float32, TF32, bfloat16 and float16 over 3 seeds (benchmarks/precision.py)

Needs this project and its locked packages only; all data is bundled or made up.  Each row is written to
benchmarks/results as soon as it is there, so an interrupted command loses one; a row that fails is named, the others
are measured, and the exit status is 1.  `python -m benchmarks.readme` writes the tables of README.md from them.  A row
that has a target says whether it is met.
"""

from __future__ import annotations

import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import energy_tutorial, overhead, packing, phases, precision, recording
from benchmarks.workloads import WORKLOADS
from datamodules.errors import BadInput
from scripts.console import errors, logs
from scripts.console.parser import Parser

#: Steps of the tutorial's epoch: 980,185 windows in batches of 1,024, and of 4,096.
EPOCH_STEPS = {1024: 957, 4096: 239}
STEP_TARGET = 1.10  # of the bare loop
EPOCH_TARGETS = {1024: 3.0, 4096: 1.5}  # seconds


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    repeats: int = 2  # of each way to train a step
    steps: int | None = None  # at a time; those of the workload
    epoch_steps: int = 200
    workloads: tuple[str, ...] = tuple(WORKLOADS)
    pairs: int | None = None  # of architecture and task
    seeds: int = 3
    trained: tuple[str, ...] = ("names_gru_64", "energy_lstm", "lines_crnn")
    epochs: int | None = 5
    jobs: tuple[int, ...] = (1, 2, 4, 8)
    job_steps: int = 500
    extra: tuple[str, ...] = ()  # settings of every run
    names: str | None = None  # a folder of names in place of the bundled ones


SMALL = Size(
    repeats=1, steps=4, epoch_steps=2, workloads=("names_bag",), pairs=2, seeds=1, trained=("names_bag",), epochs=1,
    jobs=(2,), job_steps=4, extra=("datamodule.batch_size=16", "trainer.limit_train_batches=4"),
)  # fmt: skip

#: Part -> the result that its rows are in, and the columns that tell its rows apart.
RESULTS = {
    "correctness": ("gpu_correctness", ("what",)),
    "steps": ("overhead", ("workload",)),
    "epoch": ("energy_tutorial", ("row",)),
    "phases": ("gpu_phases", ("workload",)),
    "packing": ("gpu_packing", ("jobs", "mps")),
    "precision": ("precision", ("workload",)),
}


def result_of(part: str) -> str:
    """The name of a part's result; a processor has one of its own where it is measured too."""
    name, _ = RESULTS[part]
    return name if name.startswith("gpu_") else recording.of_this_device(name)


#: A row that is missing: what tells it apart, and what measures it; some measure several rows.
Item = tuple[tuple[Any, ...], Callable[[], list[dict[str, Any]]]]


def items(part: str, size: Size) -> Iterator[Item]:
    """The rows of a part, not yet measured."""
    if part == "correctness":
        from benchmarks import correctness  # which composes every architecture with every task: seconds

        for name, check in correctness.checks(size.pairs, size.names):
            yield (name,), lambda name=name, check=check: [{"what": name, **check()}]
    elif part == "steps":
        for name in size.workloads:
            yield (name,), partial(_step, name, size)
    elif part == "epoch":
        for name in energy_tutorial.ROWS:
            yield (name,), partial(_epoch, name, size)
    elif part == "phases":
        for name in size.workloads:
            yield (name,), partial(_phases, name, size)
    elif part == "packing":
        for jobs in size.jobs:
            for mps in (False, True) if jobs > 1 and packing.has_mps() else (False,):
                yield (jobs, mps), partial(_packed, jobs, mps, size)
    elif part == "precision":
        for name in size.trained:
            yield (name,), partial(_precision, name, size)


def _step(name: str, size: Size) -> list[dict[str, Any]]:
    row = overhead.measure(name, size.repeats, size.steps, size.extra)
    return [{**row, "target": STEP_TARGET, "met": row["fast"] <= STEP_TARGET}]


def _epoch(name: str, size: Size) -> list[dict[str, Any]]:
    row = energy_tutorial.measure(name, [], size.epoch_steps, 1)
    if torch.cuda.is_available():  # made-up load has fewer windows than the tutorial's
        row["epoch_seconds"] = row["step_ms"] / 1000 * EPOCH_STEPS[row["batch_size"]]
    target = EPOCH_TARGETS[row["batch_size"]]
    return [{**row, "target": target, "met": row["epoch_seconds"] <= target}]


def _phases(name: str, size: Size) -> list[dict[str, Any]]:
    return [{"workload": name, **phases.measure(name, size.steps, size.extra)}]


def _packed(jobs: int, mps: bool, size: Size) -> list[dict[str, Any]]:
    return [{"jobs": jobs, "mps": mps, **packing.measure(jobs, mps, size.job_steps, size.extra)}]


def _precision(name: str, size: Size) -> list[dict[str, Any]]:
    return precision.measure(name, size.seeds, size.repeats, size.epochs, size.steps, size.extra)


def _small(folder: Path) -> Size:
    """The size of --small, with a few made-up names in the folder: reading the bundled ones takes seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    for label, ending in {"a": "ova", "b": "sen", "c": "ini"}.items():
        names = [f"{first}{middle}{ending}" for first in "BDGKLMNPRST" for middle in "aeiou"]
        (folder / f"{label}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    return replace(SMALL, names=str(folder), extra=(*SMALL.extra, f"datamodule.data_dir={folder}"))


@dataclass
class Unmeasured:
    """Rows of a part that are not there."""

    left: int = 0  # time did not suffice for
    failed: list[str] = field(default_factory=list)  # and why


def measure(part: str, size: Size, again: bool, until: float) -> Unmeasured:
    """Measure and record the missing rows of a part.

    Args:
        again: also those that are there.
        until: of `time.monotonic`; none is begun later.
    """
    result, keys = result_of(part), RESULTS[part][1]
    order = [key for key, _ in items(part, size)]
    missing = Unmeasured()
    for key, run in items(part, size):
        rows = recording.recorded_rows(result)
        known = {tuple(row[name] for name in keys) for row in rows}
        if key in known and not again:
            continue
        if time.monotonic() > until:
            missing.left += 1
            continue
        try:
            new = run()
        except Exception as error:
            traceback.print_exc()
            missing.failed.append(
                f"{part}: {' '.join(map(str, key))} failed ({type(error).__name__}: {str(error)[:200]})"
            )
            print(missing.failed[-1], file=sys.stderr, flush=True)
            continue
        kept = [row for row in rows if tuple(row[name] for name in keys) != key]
        places = {key: place for place, key in enumerate(order)}
        kept = sorted([*kept, *new], key=lambda row: places.get(tuple(row[name] for name in keys), len(places)))
        recording.record(result, kept)
        recording.show(new, f"{part}: {' '.join(map(str, key))}")
    return missing


def main() -> int:
    parser = Parser(prog="gpu.py", description=__doc__)
    parser.add_argument("--part", choices=[*RESULTS], action="append", help="may be given more than once (all)")
    parser.add_argument("--again", action="store_true", help="also what is recorded already")
    parser.add_argument("--minutes", type=float, default=10, help="after which nothing more is begun (10)")
    parser.add_argument("--results", metavar="FOLDER", help="where rows are written (benchmarks/results)")
    parser.add_argument("--small", action="store_true", help="a few steps of a few workloads, also without a GPU")
    options = parser.parse_args()
    if options.small and not options.results:
        raise BadInput("--small: its figures mean nothing; --results FOLDER keeps them out of benchmarks/results")
    if not options.small and not torch.cuda.is_available():
        raise BadInput("no GPU that torch can use is here; --small --results FOLDER runs a little of all on the CPU")
    overhead.quiet()
    if options.results:
        recording.RESULTS = Path(options.results)
        recording.RESULTS.mkdir(parents=True, exist_ok=True)
    size = _small(recording.RESULTS / "names") if options.small else Size()
    until = time.monotonic() + 60 * options.minutes
    missing = {part: measure(part, size, options.again, until) for part in options.part or RESULTS}
    if left := ", ".join(f"{part} {rows.left}" for part, rows in missing.items() if rows.left):
        print(f"rows still to be measured: {left}; the same command goes on with them", file=sys.stderr)
    failed = [row for rows in missing.values() for row in rows.failed]
    if failed:
        print("rows that failed:", *failed, sep="\n", file=sys.stderr)
    if not options.results:
        subprocess.run([sys.executable, "-m", "benchmarks.readme"], cwd=Path(__file__).parents[1], check=True)
    return 1 if failed else 0


if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main)
