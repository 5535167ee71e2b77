"""Runs that a benchmark trains, and rows made of their metrics."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from datamodules.errors import BadInput
from scripts.compare.intervals import mean_interval
from scripts.config.composing import compose
from scripts.runs import training
from scripts.runs.folder import RunFolder

PROJECT = Path(__file__).resolve().parents[1]


def train(words: Iterable[str]) -> dict[str, Any]:
    """metrics.json of a run whose folder is thrown away.

    On a GPU, whose peak of memory can be counted anew, it runs in this process: starting one takes longer than many
    of these runs.
    """
    with tempfile.TemporaryDirectory() as runs:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            with contextlib.redirect_stdout(sys.stderr):
                config = compose(*words, "logger=none", "callbacks.progress=null")
                return training.train(config, RunFolder(Path(runs) / "run"), [])
        return run_of(words, runs).metrics() or {}


def run_of(words: Iterable[str], runs_dir: str, shown: bool = False) -> RunFolder:
    """A run that is kept there."""
    return RunFolder.existing(trained([*words, "logger=none"], runs_dir, shown))


def trained(words: Iterable[str], runs_dir: str, shown: bool = False) -> str:
    """The folder that a run or a sweep says it made in `runs_dir`; `shown`: what it reports is seen as it goes.

    Raises:
        BadInput: it failed.
    """
    command = [sys.executable, str(PROJECT / "scripts/train.py"), *words, f"runs_dir={runs_dir}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=None if shown else subprocess.PIPE, text=True)
    if done.returncode:
        raise BadInput(f"{' '.join(words)}: training failed" if shown else done.stderr.strip())
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def row_of(name: str, runs: Sequence[dict[str, Any]], metrics: Iterable[str]) -> dict[str, Any]:
    """Means over runs that differ in their seed, with 95 % intervals; also printed, as a benchmark is long."""
    row: dict[str, Any] = {"row": name, "seeds": len(runs)}
    for metric in metrics:
        values = [run[metric] for run in runs]
        row[metric] = statistics.mean(values)
        if len(values) > 1:
            row[f"{metric} ± 95 %"] = mean_interval(values)
    row["params"] = runs[0]["params"]
    row["fit_seconds"] = statistics.mean(run["fit_seconds"] for run in runs)
    print(json.dumps(row, ensure_ascii=False), file=sys.stderr, flush=True)
    return row


def data_folder(given: str | None, under: str, hint: str) -> Path:
    """The folder `under` of the data: the given one, or that of SEQUENCE_DATA, ../shared/data or data."""
    roots = [os.environ.get("SEQUENCE_DATA"), str(PROJECT.parent / "shared/data"), "data"]
    places = [Path(given)] if given else [Path(root) / under for root in roots if root]
    for place in places:
        if place.is_dir():
            return place
    raise BadInput(f"there is no folder {' or '.join(map(str, places))}: {hint}")
