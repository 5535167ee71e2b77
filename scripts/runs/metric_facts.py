"""Facts about the metrics of a run: which one chooses, which way is better, from which columns it follows.

A run stores them in environment.json when it starts.  A run of an earlier version has none there: those of its task's
class stand in, if that is one of this project.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from datamodules.errors import BadInput
from lightning_modules.tasks.metric_info import LOSS, Direction, MetricInfo, declared
from scripts.runs.costs import COSTS

KEY = "metrics"  # of environment.json


@dataclass(frozen=True)
class MetricFacts:
    """Metrics of a task: the monitored one, and the `MetricInfo` of each.

    Args:
        monitor: the metric, without a split, that chooses checkpoints and configurations.
        info: name without a split -> facts.
    """

    monitor: str
    info: Mapping[str, MetricInfo] = field(default_factory=dict)

    @classmethod
    def of_task(cls, task: Any, monitor: str | None = None) -> MetricFacts:
        """Those of a task object.

        Args:
            task: with `metrics()`, `monitor` and `mode`.
            monitor: the metric by which the run's checkpoints are chosen, with or without `val/`; the task's if None.
        """
        info = declared(task.metrics())
        info.setdefault(task.monitor, MetricInfo("minimize" if task.mode == "min" else "maximize", headline=True))
        chosen = monitor if monitor and monitor.startswith("val/") else task.monitor
        return cls(chosen.rpartition("/")[2], info)

    def as_json(self) -> dict[str, Any]:
        return {"monitor": self.monitor, "info": {name: info.as_json() for name, info in self.info.items()}}

    @classmethod
    def of_class(cls, task: type, monitor: str | None = None) -> MetricFacts:
        """Those that the class of a task declares, before there is data to make one.

        A class without `metrics_class` (one from outside this project) declares its monitored metric and the loss.
        """
        try:
            info = declared(task.metrics_class())  # type: ignore[attr-defined]
        except NotImplementedError:
            info = {"loss": LOSS}
        direction: Direction = "minimize" if task.mode == "min" else "maximize"  # type: ignore[attr-defined]
        info.setdefault(task.monitor, MetricInfo(direction, headline=True))  # type: ignore[attr-defined]
        chosen = monitor if monitor and monitor.startswith("val/") else task.monitor  # type: ignore[attr-defined]
        return cls(chosen.rpartition("/")[2], info)

    @classmethod
    def from_json(cls, stored: Any, place: str) -> MetricFacts:
        """Raises: BadInput: `stored` is not what `as_json` gives; `place` names it in the message."""
        if not isinstance(stored, dict) or not isinstance(stored.get("info"), dict):
            raise BadInput(f"{place}: {KEY} holds no facts of metrics")
        if not isinstance(stored.get("monitor"), str):
            raise BadInput(f"{place}: {KEY}.monitor is the name of a metric")
        info = {
            str(name): MetricInfo.from_json(facts, f"{place}: {KEY}.info.{name}")
            for name, facts in stored["info"].items()
        }
        return cls(stored["monitor"], info)

    @classmethod
    def of_run(cls, environment: Mapping[str, Any], config: Mapping[str, Any], place: str) -> MetricFacts:
        """Those that a run stored, or those of its task's class where it stored none.

        Args:
            environment: of environment.json; may be empty.
            config: the settings of the run, nested.
            place: the run folder, for messages.

        Raises:
            BadInput: what is stored is something else.
        """
        if KEY in environment:
            return cls.from_json(environment[KEY], f"{place}/environment.json")
        return _of_class(str((config.get("task") or {}).get("_target_", "")))

    def of(self, metric: str) -> MetricInfo | None:
        """Facts of a key of metrics.json, with its split or without; None where nothing declares them."""
        if metric in COSTS:
            return MetricInfo(COSTS[metric].direction)
        name = metric.rpartition("/")[2]
        return self.info.get(name) or (LOSS if name == "loss" else None)

    def direction(self, metric: str) -> Direction | None:
        info = self.of(metric)
        return info.direction if info else None

    def headlines(self) -> list[str]:
        """Names without a split that may decide, the monitored one first."""
        return list(dict.fromkeys([self.monitor, *(name for name, info in self.info.items() if info.headline)]))


@functools.cache
def _of_class(target: str) -> MetricFacts:
    """Facts of a task of this project, by its path; none for a task from outside, which is not imported."""
    if not target.startswith("lightning_modules.tasks."):
        return MetricFacts("loss")
    module, _, name = target.rpartition(".")
    try:
        return MetricFacts.of_class(getattr(importlib.import_module(module), name))
    except (ImportError, AttributeError):
        return MetricFacts("loss")
