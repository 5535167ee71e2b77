"""Points of a search from settings or files: they have to lie in its space."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from datamodules.errors import BadInput, did_you_mean
from scripts.config.override import parse_all
from scripts.sweeps.manifest import Job
from scripts.sweeps.search.space import Space

_NUMBER = re.compile(r"[+-]?\d*\.?\d*(e[+-]?\d+)?")


def point_of(point: dict[str, Any], space: Space, distributions: dict[str, Any]) -> dict[str, Any]:
    """A point of `sweep.enqueue` as Optuna has it.

    Args:
        point: key -> value; axes that it leaves out are drawn.
        space: the axes.
        distributions: key -> what Optuna draws its values from.

    Raises:
        BadInput: it lies outside the space.
    """
    found = {}
    for key, value in point.items():
        if key not in distributions:
            near = did_you_mean(key, distributions)
            raise BadInput(
                f"sweep.enqueue: {key} is no axis of this search{near}; there are {', '.join(distributions)}"
            )
        distribution = distributions[key]
        if hasattr(distribution, "choices"):
            matching = [choice for choice in distribution.choices if choice == value or str(choice) == str(value)]
            inside, value = bool(matching), next(iter(matching), value)
        else:
            inside = isinstance(value, (int, float)) and distribution.low <= value <= distribution.high
        if not inside:
            axis = next(axis for axis in space.axes if axis.key == key)
            raise BadInput(f"sweep.enqueue: {key}={value} lies outside of {axis.text}")
        found[key] = value
    return found


def check_job(job: Job, space: Space, manifest: Path) -> None:
    """Refuse a job of the manifest that sets anything but values of the axes: the file is untrusted.

    Raises:
        BadInput: with the override that does.
    """
    axes = {axis.key: axis for axis in space.axes}
    for override in parse_all(job.overrides):
        axis = axes.get(override.key)
        if override.key == "seed" and override.text.isdigit():
            continue
        if axis is not None and (axis.interval or axis.range):
            inside = _NUMBER.fullmatch(override.text) is not None
        else:
            inside = axis is not None and override.value in axis.values()
        if not inside:
            raise BadInput(f"{manifest}: job {job.number}: {override.plain} is no value of this search")
