"""Configurations, best first: the mean of a metric over seeds with its 95 % interval."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scripts.comparison.runs import NOT_SETTINGS, Run

#: Metrics of which less is better; of all others more is.
LESS_IS_BETTER = ("loss", "smape", "mse", "mae", "rmse", "mase", "cer", "wer", "perplexity", "bits_per_character")


#: What decides where nothing is asked for: the first of these that the runs have.
HEADLINES = ("test/accuracy", "test/smape", "test/mse", "test/cer", "test/loss", "val/loss")


@dataclass
class Configuration:
    """Runs that differ in nothing but their seed."""

    settings: dict[str, Any]  # only those in which configurations differ
    runs: list[Run]

    def values(self, metric: str) -> list[float]:
        return [run.metrics[metric] for run in self.runs if run.metrics and metric in run.metrics]

    def mean(self, metric: str) -> float:
        values = self.values(metric)
        return sum(values) / len(values) if values else math.nan

    def half_interval(self, metric: str) -> float | None:
        """Half the width of the mean's 95 % interval (Student's t); None for fewer than two runs."""
        values = self.values(metric)
        if len(values) < 2:
            return None
        mean = sum(values) / len(values)
        variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
        return t_quantile(len(values) - 1) * math.sqrt(variance / len(values))


def configurations(runs: Sequence[Run]) -> list[Configuration]:
    """The runs in groups that differ in more than the seed."""
    keys = sorted({key for run in runs for key in run.settings if key not in NOT_SETTINGS})
    missing = object()
    differing = [key for key in keys if len({repr(run.settings.get(key, missing)) for run in runs}) > 1]
    # what follows from the choice of an architecture (its own settings) need not be told besides
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[repr([run.settings.get(key) for key in differing])].append(run)
    telling = [key for key in differing if _tells(key, runs)]
    return [Configuration({key: group[0].settings.get(key, "") for key in telling}, group) for group in groups.values()]


def _tells(key: str, runs: Sequence[Run]) -> bool:
    """Whether a key differs between runs that agree on the class that it is a setting of."""
    parent = key.rpartition(".")[0]
    seen: dict[Any, set[str]] = defaultdict(set)
    for run in runs:
        if key in run.settings:
            seen[run.settings.get(parent)].add(repr(run.settings[key]))
    return any(len(values) > 1 for values in seen.values())


def leaderboard(runs: Sequence[Run], metric: str) -> list[dict[str, Any]]:
    """Rows for people and programs, best first."""
    sign = 1 if is_less_better(metric) else -1
    finished = [c for c in configurations([run for run in runs if run.metrics]) if c.values(metric)]
    rows = []
    for configuration in sorted(finished, key=lambda c: sign * c.mean(metric)):
        row: dict[str, Any] = {_short(key): value for key, value in configuration.settings.items()}
        row[metric] = configuration.mean(metric)
        row["± 95 %"] = configuration.half_interval(metric)
        row["seeds"] = len(configuration.values(metric))
        row["params"] = configuration.mean("params")
        row["fit seconds"] = configuration.mean("fit_seconds")
        row["samples/s"] = configuration.mean("samples_per_second")
        row["peak MB"] = configuration.mean("peak_memory_mb")
        rows.append(row)
    return rows


def headline_metric(runs: Sequence[Run]) -> str:
    known = [name for run in runs for name in run.metrics or ()]
    return next((name for name in HEADLINES if name in known), known[0])


def is_less_better(metric: str) -> bool:
    return metric.rpartition("/")[2] in LESS_IS_BETTER


def _short(key: str) -> str:
    return key if key.count(".") == 0 else key.split(".", 1)[1] if key.startswith("module.") else key


def t_quantile(freedom: int) -> float:
    """The 97.5 % point of Student's t distribution (Hill 1970, Algorithm 396; exact for 1 and 2 degrees)."""
    if freedom == 1:
        return 12.706204736432095
    if freedom == 2:
        return 4.302652729911275
    z = 1.959963984540054
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + g1 / freedom + g2 / freedom**2 + g3 / freedom**3 + g4 / freedom**4
