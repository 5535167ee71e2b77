"""Configurations, best first: the mean of a metric over seeds with its 95 % interval, and whether the best is really
better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datamodules.errors import BadInput, did_you_mean
from scripts.compare.configurations import Configuration, configurations
from scripts.compare.data import SameData, same_data
from scripts.compare.runs import Run, counted
from scripts.compare.significance import Difference, differences
from scripts.runs.directions import is_less_better

#: What decides where nothing is asked for: the first of these that the runs have.
HEADLINES = ("test/accuracy", "test/smape", "test/mse", "test/cer", "test/loss", "val/loss")


@dataclass
class Row:
    """One configuration of a leaderboard."""

    configuration: Configuration
    mean: float
    half_interval: float | None
    versus_best: Difference | None  # None for the best itself

    def average(self, metric: str) -> float | None:
        return self.configuration.mean(metric)

    @property
    def num_runs(self) -> int:
        return len(self.configuration.runs)

    @property
    def is_best(self) -> bool:
        return self.versus_best is None

    @property
    def is_like_best(self) -> bool:
        """Not distinguishable from the best."""
        return self.versus_best is not None and self.versus_best.is_real is False


@dataclass
class Leaderboard:
    """The configurations that were asked the same questions, best first."""

    metric: str
    rows: list[Row]
    data: SameData
    without_value: int  # runs that finished without a finite value of the metric

    @property
    def setting_keys(self) -> list[str]:
        return list(dict.fromkeys(key for row in self.rows for key in row.configuration.settings))


@dataclass
class Comparison:
    """All that was asked about: a leaderboard for each set of data, and how the runs ended."""

    runs: list[Run]
    leaderboards: list[Leaderboard]
    num_unranked: int  # runs that finished on data of which no run has a finite value of the metric

    @property
    def counts(self) -> dict[str, int]:
        return counted(self.runs)


def compare(runs: Sequence[Run], metric: str | None = None, group_by: Sequence[str] = ()) -> Comparison:
    """Rank the runs that have finished, those on different data apart.

    Args:
        runs: finished or not.
        metric: what decides, such as `test/macro_f1`; the headline of each set of data when absent.
        group_by: settings whose values make a row; all that differ when empty.

    Raises:
        BadInput: no run has the metric or the setting.
    """
    finished = [run for run in runs if run.metrics]
    known = sorted({name for run in finished for name in run.metrics or ()})
    if metric is not None and metric not in known:
        raise BadInput(
            f"--metric {metric}: no run has it{did_you_mean(metric, known)}; there are {', '.join(known) or 'none'}"
        )
    made = [_leaderboard(group, metric, group_by) for group in same_data(finished)]
    unranked = sum(board.without_value for board in made if not board.rows)
    return Comparison(list(runs), [board for board in made if board.rows], unranked)


def _leaderboard(data: SameData, metric: str | None, group_by: Sequence[str]) -> Leaderboard:
    chosen = metric or headline_metric(data.runs)
    having = [run for run in data.runs if Configuration({}, [run]).values(chosen)]
    sign = 1 if is_less_better(chosen) else -1
    ranked = sorted(configurations(having, group_by), key=lambda c: sign * (c.mean(chosen) or 0.0)) if having else []
    versus = [None, *differences(ranked[0], ranked[1:], chosen)] if ranked else []
    rows = [Row(c, c.mean(chosen) or 0.0, c.half_interval(chosen), other) for c, other in zip(ranked, versus)]
    return Leaderboard(chosen, rows, data, len(data.runs) - len(having))


def headline_metric(runs: Sequence[Run]) -> str:
    known: dict[str, Any] = {name: None for run in runs for name in run.metrics or ()}
    return next((name for name in HEADLINES if name in known), next(iter(known)))
