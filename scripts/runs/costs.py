"""Costs of a run: keys of metrics.json beside its metrics, their directions, headings and units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from scripts.console.quantities import count, duration, memory


@dataclass(frozen=True)
class Cost:
    """A key of metrics.json that measures the run, not its predictions.

    Args:
        direction: which way is better.
        heading: of its column in a leaderboard; None for what stands in no table.
        shown: the number, formatted.
        axis: of a chart.
    """

    direction: Literal["minimize", "maximize"]
    heading: str | None
    shown: Callable[[float], str] = count
    axis: str = ""


#: Key of metrics.json -> what is to be known of it.
COSTS: dict[str, Cost] = {
    "params": Cost("minimize", "params", count, "parameters"),
    "fit_seconds": Cost("minimize", "training", duration, "training time in seconds"),
    "samples_per_second": Cost("maximize", "samples/s", count),
    "peak_memory_mb": Cost("minimize", "memory", memory),
    "epochs": Cost("minimize", None),
    "steps": Cost("minimize", None),
}
