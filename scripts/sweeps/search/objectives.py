"""Objectives of a search: metrics and directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datamodules.errors import BadInput
from scripts.runs.costs import COSTS
from scripts.runs.metric_facts import MetricFacts
from scripts.sweeps.search.space import Space
from scripts.sweeps.settings import SweepSettings


@dataclass(frozen=True)
class Objective:
    """A key of metrics.json and its direction."""

    metric: str
    direction: str  # minimize, maximize


def task_facts(run: dict[str, Any]) -> MetricFacts:
    """Facts about the metrics of a run, from its settings alone; the task is imported."""
    from hydra.utils import get_class

    monitors = [
        settings.get("monitor")
        for settings in (run.get("callbacks") or {}).values()
        if settings and str(settings.get("_target_", "")).endswith(".Checkpoints")
    ]
    return MetricFacts.of_class(get_class(run["task"]["_target_"]), next(iter(monitors), None))


def task_objective(facts: MetricFacts) -> Objective:
    """The metric of validation by which the runs of a sweep choose their checkpoints."""
    return Objective(f"val/{facts.monitor}", facts.direction(facts.monitor) or "maximize")


def objectives(settings: SweepSettings, run: dict[str, Any], facts: MetricFacts | None = None) -> list[Objective]:
    """The objectives of the settings, or else the validation metric by which runs choose their checkpoints.

    Args:
        settings: of the sweep.
        run: settings of one of its jobs.
        facts: its `task_facts`, where they are known already.

    Raises:
        BadInput: an objective that a search may not look at, or directions that do not fit.
    """
    facts = facts or task_facts(run)
    asked = settings.objective or task_objective(facts).metric
    metrics = asked if isinstance(asked, list) else [asked]
    for metric in metrics:
        _check(metric, run["evaluate"])
    chosen: Any = settings.direction or [_direction(metric, facts) for metric in metrics]
    directions: list[str] = chosen if isinstance(chosen, list) else [chosen] * len(metrics)
    if len(directions) != len(metrics):
        raise BadInput(f"sweep.direction={directions}: one for each of {len(metrics)} objectives is needed")
    return [Objective(metric, direction) for metric, direction in zip(metrics, directions)]


def _check(metric: str, evaluated: list[str]) -> None:
    """Refuse an objective of the test split, one that does not exist, or one of a split that is not evaluated."""
    split = metric.partition("/")[0] if "/" in metric else None
    if split == "test":
        raise BadInput(f"sweep.objective={metric}: it would be fitted on the test split; val/... is accepted")
    if split not in (None, "train", "val") or (split is None and metric not in COSTS):
        raise BadInput(f"sweep.objective={metric}: no such metric; val/..., train/..., {', '.join(COSTS)} is accepted")
    if split and split not in evaluated:
        raise BadInput(f"sweep.objective={metric}: evaluate={evaluated} leaves it out; add {split}")


def _direction(metric: str, facts: MetricFacts) -> str:
    """The declared direction of a metric.

    Raises:
        BadInput: its class declares none.
    """
    direction = facts.direction(metric)
    if direction is None:
        raise BadInput(
            f"sweep.objective={metric}: its class declares no direction; sweep.direction=minimize or"
            " sweep.direction=maximize says it"
        )
    return direction


def check_search(settings: SweepSettings, space: Space, objectives: list[Objective]) -> None:
    """Refuse settings of a search that contradict each other.

    Raises:
        BadInput: there are some.
    """
    if not space.axes:
        raise BadInput(
            f"sweep.trials={settings.trials}: nothing to search in; give a key several values,"
            " or an interval: 'optimizer.lr=tag(log,interval(1e-4,1e-1))'"
        )
    for axis in space.axes:
        if axis.key == "seed":
            raise BadInput(f"seed={axis.text}: a search looks for settings; sweep.seeds=N gives each several seeds")
        if settings.sampler_name == "GridSampler" and axis.interval is not None:
            raise BadInput(f"{axis.key}={axis.text}: sweep/sampler=grid needs a list; choice(...) or range(...)")
    pruner, metric = settings.pruner_name, objectives[0].metric
    if not pruner:
        return
    if len(objectives) > 1:
        raise BadInput("sweep/pruner: several objectives give no order to prune by; none is accepted")
    if not metric.startswith("val/"):
        raise BadInput(f"sweep/pruner: {metric} is not known before the end of a run; val/... is")
    if pruner == "WilcoxonPruner" and (settings.seeds or 1) < 2:
        raise BadInput("sweep/pruner=wilcoxon: it compares seed by seed; give sweep.seeds=N, two or more")
