"""Configurations, best first.  Validation chooses, test reports.

The order is by the mean of a validation metric over seeds.  Beside it stands the same metric of the test split with its
95 % interval, and the paired difference from the chosen configuration on the test examples: a choice made on the test
split would make its own figure too good.  `--metric test/...` can be asked for, and is marked as such a choice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from datamodules.errors import BadInput, did_you_mean
from lightning_modules.tasks.metric_info import Direction
from scripts.compare.configurations import Configuration, configurations, replicates
from scripts.compare.data import DataGroup, group_by_data
from scripts.compare.runs import Run, counted
from scripts.compare.significance import Difference, differences
from scripts.runs.costs import COSTS


@dataclass
class Row:
    """One configuration of a leaderboard.

    Args:
        configuration: its settings and runs.
        mean: of the metric that ranks.
        half_interval: of that mean; None for one run.
        versus_best: difference from the best configuration in the metric that reports; None for the best itself.
    """

    configuration: Configuration
    mean: float
    half_interval: float | None
    versus_best: Difference | None

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
    """The configurations that were evaluated on one set of examples, best first.

    Args:
        metric: that ranks, such as `val/accuracy`.
        reported: that stands beside it, such as `test/accuracy`; the same where the runs have no other.
        direction: which way both are better.
        rows: a configuration each.
        data: what all runs have in common.
        without_value: runs that finished without a finite value of the metric.
        repeats: runs that do not count, as another one has the same settings, data and seed.
        is_declared: whether the direction is known; else higher is taken for better.
    """

    metric: str
    reported: str
    direction: Direction
    rows: list[Row]
    data: DataGroup
    without_value: int
    repeats: list[Run] = field(default_factory=list)
    is_declared: bool = True

    @property
    def chosen_on_test(self) -> bool:
        """Whether the metric that ranks is one that should only report."""
        return "/" in self.metric and not self.metric.startswith(("val/", "train/"))

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
        metric: what ranks, such as `val/macro_f1`; a name without a split is that of validation.  When absent, the
            objective of the runs' sweep, or else the metric by which their checkpoints were chosen.
        group_by: settings whose values make a row; all that differ when empty.

    Raises:
        BadInput: no run has the metric or the setting.
    """
    finished = [run for run in runs if run.metrics]
    metric_names = sorted({name for run in finished for name in run.metrics or ()})
    if metric is not None and metric not in metric_names:
        if f"val/{metric}" not in metric_names:
            raise BadInput(
                f"--metric {metric}: no run has it{did_you_mean(metric, metric_names)};"
                f" there are {', '.join(metric_names) or 'none'}"
            )
        metric = f"val/{metric}"
    unfinished = [run for run in runs if run.metrics is None and run.settings]
    leaderboards = [_leaderboard(group, metric, group_by, unfinished) for group in group_by_data(finished)]
    unranked = sum(board.without_value for board in leaderboards if not board.rows)
    return Comparison(list(runs), [board for board in leaderboards if board.rows], unranked)


def _leaderboard(data: DataGroup, asked: str | None, group_by: Sequence[str], unfinished: Sequence[Run]) -> Leaderboard:
    having_some = {name for run in data.runs for name in run.metrics or () if run.value(name) is not None}
    objective = objective_of(data.runs) if asked is None else None
    metric = asked or (objective[0] if objective and objective[0] in having_some else ranking_metric(data.runs))
    reported = reported_metric(metric, data.runs)
    direction = objective[1] if objective and metric == objective[0] else direction_of(metric, data.runs)
    experiments, repeats = replicates(data.runs)
    having = [run for run in experiments if run.value(metric) is not None]
    sign = 1 if direction == "minimize" else -1
    ranked = configurations(having, group_by, unfinished) if having else []
    # a configuration that lacks some of its seeds may owe its place to the others: it stands behind the complete ones
    ranked.sort(key=lambda c: (bool(c.unfinished), sign * (c.mean(metric) or 0.0)))
    versus = [None, *differences(ranked[0], ranked[1:], reported)] if ranked else []
    rows = [Row(c, c.mean(metric) or 0.0, c.half_interval(metric), difference) for c, difference in zip(ranked, versus)]
    without = sum(run.value(metric) is None for run in experiments)
    return Leaderboard(metric, reported, direction or "maximize", rows, data, without, repeats, direction is not None)


def ranking_metric(runs: Sequence[Run]) -> str:
    """The metric of validation by which most of the runs chose their checkpoints; another split's where they have none,
    and the first headline of their task where they lack that metric.
    """
    candidates = {name: None for run in runs for name in run.metrics or () if run.value(name) is not None}
    monitors = [name for name, _ in Counter(run.facts.monitor for run in runs).most_common()]
    headlines = [name for run in runs for name in run.facts.headlines()]
    for name in dict.fromkeys([*monitors, *headlines, "loss"]):
        for key in (f"val/{name}", f"test/{name}", f"all/{name}"):
            if key in candidates:
                return key
    splits = [name for name in candidates if "/" in name]
    return next(iter([*splits, *candidates]), "val/loss")


def reported_metric(metric: str, runs: Sequence[Run]) -> str:
    """The metric of the evaluated split that stands beside one of validation; itself where no run has such a one."""
    split, slash, name = metric.partition("/")
    if split != "val" or not slash:
        return metric
    available = {key for run in runs for key in run.metrics or ()}
    candidates = dict.fromkeys([*(f"{run.predicted_split}/{name}" for run in runs), f"test/{name}"])
    return next((key for key in candidates if key in available), metric)


def direction_of(metric: str, runs: Sequence[Run]) -> Direction | None:
    """The direction of a metric, as the runs declare it; None where none does.

    Raises:
        BadInput: they contradict each other.
    """
    if metric in COSTS:
        return COSTS[metric].direction
    declared = {direction: run for run in runs if (direction := run.facts.direction(metric)) is not None}
    if len(declared) > 1:
        places = " and ".join(f"{direction} by {run.folder.path}" for direction, run in declared.items())
        raise BadInput(f"{metric}: declared as {places}; compare them apart")
    return next(iter(declared), None)


def objective_of(runs: Sequence[Run]) -> tuple[str, Direction] | None:
    """The first objective of the sweep that all these runs are jobs of, and its direction; None where it has none."""
    sweeps = {run.folder.path.parent for run in runs}
    if len(sweeps) != 1:
        return None
    try:
        objectives = json.loads((sweeps.pop() / "sweep.json").read_text(encoding="utf-8")).get("objectives") or []
        direction = objectives[0]["direction"]
        return (str(objectives[0]["metric"]), direction) if direction in ("minimize", "maximize") else None
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None
