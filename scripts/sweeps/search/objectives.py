"""What a search looks for, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datamodules.errors import BadInput
from scripts.runs.directions import is_less_better
from scripts.sweeps.search.space import Space
from scripts.sweeps.settings import SweepSettings

COSTS = ("params", "fit_seconds", "peak_memory_mb", "steps", "epochs")
BENEFITS = ("samples_per_second",)


@dataclass(frozen=True)
class Objective:
    """A key of metrics.json and its direction."""

    metric: str
    direction: str  # minimize, maximize


def own_objective(run: dict[str, Any]) -> Objective:
    """The metric of validation by which the task of a run chooses."""
    from hydra.utils import get_class

    task = get_class(run["task"]["_target_"])
    return Objective(f"val/{task.monitor}", "minimize" if task.mode == "min" else "maximize")


def objectives(settings: SweepSettings, run: dict[str, Any], own: Objective | None = None) -> list[Objective]:
    """What the settings ask for, or else the task's own metric of validation.

    Args:
        settings: of the sweep.
        run: settings of one of its jobs.
        own: its `own_objective`, where it is known already.

    Raises:
        BadInput: an objective that a search may not look at, or directions that do not fit.
    """
    own = own or own_objective(run)
    asked = settings.objective or own.metric
    metrics = asked if isinstance(asked, list) else [asked]
    given: Any = settings.direction or [_direction(metric, own) for metric in metrics]
    directions: list[str] = given if isinstance(given, list) else [given] * len(metrics)
    if len(directions) != len(metrics):
        raise BadInput(f"sweep.direction={directions}: one for each of {len(metrics)} objectives is needed")
    for metric in metrics:
        part = metric.partition("/")[0] if "/" in metric else None
        if part not in (None, "train", "val") or (part is None and metric not in (*COSTS, *BENEFITS)):
            known = ", ".join((*COSTS, *BENEFITS))
            hint = "it would be fitted on the test part; val/..." if part == "test" else f"val/..., train/..., {known}"
            raise BadInput(
                f"sweep.objective={metric}: {'' if part == 'test' else 'no such metric; '}{hint} is accepted"
            )
        if part and part not in run["evaluate"]:
            raise BadInput(f"sweep.objective={metric}: evaluate={run['evaluate']} leaves it out; add {part}")
    return [Objective(metric, direction) for metric, direction in zip(metrics, directions)]


def refuse_what_makes_no_search(settings: SweepSettings, space: Space, sought: list[Objective]) -> None:
    """Settings that contradict each other.

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
            raise BadInput(f"seed={axis.words}: a search looks for settings; sweep.seeds=N gives each several seeds")
        if settings.sampler == "grid" and axis.interval is not None:
            raise BadInput(f"{axis.key}={axis.words}: sweep.sampler=grid needs a list; choice(...) or range(...)")
    pruner, metric = settings.pruner, sought[0].metric
    if pruner == "none":
        return
    if len(sought) > 1:
        raise BadInput(f"sweep.pruner={pruner}: several objectives give no order to prune by; none is accepted")
    if not metric.startswith("val/"):
        raise BadInput(f"sweep.pruner={pruner}: {metric} is not known before the end of a run; val/... is")
    if pruner == "wilcoxon" and (settings.seeds or 1) < 2:
        raise BadInput("sweep.pruner=wilcoxon: it compares seed by seed; give sweep.seeds=N, two or more")


def _direction(metric: str, own: Objective) -> str:
    if metric == own.metric:
        return own.direction
    return "minimize" if metric in COSTS or is_less_better(metric) else "maximize"
