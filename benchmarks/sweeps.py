"""Sweeps: what a job costs beside its training, and what pruning saves.

    python benchmarks/sweeps.py                     # both, about half an hour on 2 cores
    python benchmarks/sweeps.py --part jobs         # jobs or pruning

The 18 languages are read from --data, SEQUENCE_DATA/names, ../shared/data/names or data/names.
jobs     32 short runs with 2 workers, beside Hydra's own multirun and hydra-joblib-launcher with 2 workers
pruning  a search of 40 trials without pruning and with two ways of it, five times over
"""

from __future__ import annotations

import json
import math
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.recording import record, show
from benchmarks.trained import data_folder, trained
from scripts.console import errors, logs
from scripts.console.parser import Parser
from scripts.runs.folder import RunFolder

SHORT = [
    "datamodule=names", "datamodule.batch_size=256", "module=gru", "module.hidden_size=32",
    "module.bidirectional=false", "trainer.accelerator=cpu", "logger=none",
]  # fmt: skip

#: How the same 32 jobs are run, and with how many workers.
WAYS = {
    "this project, 2 workers": (["sweep.workers=2"], 2),
    "Hydra's multirun": (["hydra/sweeper=basic", "hydra/launcher=basic"], 1),
    "hydra-joblib-launcher, 2 workers": (
        ["hydra/sweeper=basic", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        2,
    ),
}


def jobs(count: int, epochs: int) -> list[dict[str, Any]]:
    """Seconds in all and a job, beside those of the training itself."""
    rows = []
    for way, (overrides, workers) in WAYS.items():
        with tempfile.TemporaryDirectory() as folder:
            seeds = f"seed=range(1,{count + 1})"
            start, cpu = time.perf_counter(), _cpu_seconds()
            trained(["-m", seeds, *SHORT, f"trainer.max_epochs={epochs}", *overrides], folder)
            (sweep,) = Path(folder).glob("*/*")
            seconds = time.perf_counter() - start
            fits = [(RunFolder(path.parent).metrics() or {})["fit_seconds"] for path in sweep.glob("*/metrics.json")]
            row = {"way": way, "jobs": len(fits), "seconds": seconds, "training_seconds": sum(fits)}
            row["cpu_seconds"] = _cpu_seconds() - cpu
            row["overhead_a_job"] = (seconds * workers - sum(fits)) / len(fits)
            manifest = sweep / "sweep.json"
            took = [job["seconds"] for job in json.loads(manifest.read_text())["jobs"]] if manifest.exists() else []
            row["in_the_job"] = (sum(took) - sum(fits)) / len(fits) if took else None
            rows.append(row)
            show(rows[-1:], way)
    return rows


SEARCH = [
    "-m", "module.hidden_size=choice(8,16,32,64)", "optimizer.lr=tag(log,interval(1e-4,1e-1))",
    "task.output_dropout=interval(0.0,0.6)", "scheduler=constant", "sweep.name=search", "sweep.workers=2",
    "evaluate=[val]",
]  # fmt: skip
PRUNERS = {
    "median": ["sweep/pruner=median", "sweep.pruner.n_startup_trials=5", "sweep.pruner.n_warmup_steps=1"],
    "asha": ["sweep/pruner=asha", "sweep.pruner.min_resource=1", "sweep.pruner.reduction_factor=2"],
}


def pruning(trials: int, epochs: int, studies: int) -> list[dict[str, Any]]:
    """Epochs until a search with pruning has what one without it found, as a share of the latter's.

    The best of 40 values that the validation split's size makes uncertain is partly luck, which another search need not
    have; so also until it is reached up to the standard error of one such value.
    """
    rows: list[dict[str, Any]] = []
    for seed in range(studies):
        overrides = [*SEARCH, *SHORT[:2], *SHORT[3:], f"trainer.max_epochs={epochs}", f"sweep.trials={trials}"]
        overrides.append(f"sweep.sampler_seed={1000 * seed}")
        plain, error = _history(overrides, epochs)
        best, total = max(value for _, value in plain), sum(spent for spent, _ in plain)
        for pruner, settings in PRUNERS.items():
            pruned, _ = _history([*overrides, *settings], epochs)
            row = {"study": seed, "pruner": pruner, "best": best, "epochs": total}
            row["best_pruned"] = max(value for _, value in pruned)
            row["epochs_pruned"] = sum(spent for spent, _ in pruned)
            row["share"] = _share(pruned, best, total)
            row["share_within_error"] = _share(pruned, best - error, total)
            rows.append(row)
            show(rows[-1:], f"study {seed}")
    for pruner in PRUNERS:
        row = {"study": "median", "pruner": pruner}
        for key in ("share", "share_within_error"):
            found = [row[key] for row in rows if row["pruner"] == pruner and isinstance(row["study"], int)]
            median = statistics.median([float("inf") if share is None else share for share in found])
            row[key] = None if median == float("inf") else median  # most never reached it
        rows.append(row)
    return rows


def _history(overrides: list[str], epochs: int) -> tuple[list[tuple[int, float]], float]:
    """Epochs spent and value reached of each trial, in the order in which they began; and a value's standard error."""
    with tempfile.TemporaryDirectory() as folder:
        trained(overrides, folder)
        (sweep,) = Path(folder).glob("*/*")
        found = []
        for job in json.loads((sweep / "sweep.json").read_text())["jobs"]:
            run = RunFolder(sweep / job["folder"])
            metrics = run.metrics()
            value = metrics["val/accuracy"] if metrics else float("-inf")
            found.append((epochs if metrics else job["validations"], value))
        examples = run.environment()["data"]["splits"]["val"]
        best = max(value for _, value in found)
        return found, math.sqrt(best * (1 - best) / examples)


def _share(history: list[tuple[int, float]], target: float, total: int) -> float | None:
    """Epochs spent until a value was reached, of `total`; None where it never was."""
    spent = 0
    for epochs, value in history:
        spent += epochs
        if value >= target:
            return spent / total
    return None


def _cpu_seconds() -> float:
    """Of every process that was started and has ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = Parser(prog="sweeps.py", description=__doc__)
    parser.add_argument("--part", choices=["jobs", "pruning"], help="one of them (both)")
    parser.add_argument("--jobs", type=int, default=32, help="of each way (32)")
    parser.add_argument("--epochs", type=int, default=8, help="of each job and trial (8)")
    parser.add_argument("--trials", type=int, default=40, help="of each search (40)")
    parser.add_argument("--studies", type=int, default=5, help="of each kind (5)")
    parser.add_argument("--data", metavar="FOLDER", help="of the 18 languages")
    options = parser.parse_args()
    data = data_folder(options.data, "names", "python scripts/prepare.py names")
    SHORT.append(f"datamodule.data_dir={data}")
    if options.part in (None, "jobs"):
        rows = jobs(options.jobs, options.epochs)
        show(rows, "a sweep of short jobs")
        print(record("sweeps_jobs", rows))
    if options.part in (None, "pruning"):
        rows = pruning(options.trials, options.epochs, options.studies)
        show(rows, "a search with and without pruning")
        print(record("sweeps_pruning", rows))


if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main)
