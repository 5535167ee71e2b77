"""The best configurations of a sweep: which they are, as files that train them, and whether better ones lie outside."""

from __future__ import annotations

import math
import shlex
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from datamodules.errors import BadInput
from scripts.compare.runs import flat
from scripts.config.dotted import put
from scripts.config.keys import facts
from scripts.config.override import Override, parse_all
from scripts.config.overrides import groups
from scripts.config.trust import untrusted_packages
from scripts.console.program_path import program
from scripts.runs.folder import write_whole
from scripts.sweeps.manifest import Job
from scripts.sweeps.search.objectives import Objective, objectives
from scripts.sweeps.search.space import Axis
from scripts.sweeps.sweep import Sweep


@dataclass
class Winner:
    """A configuration that no other of its sweep beats."""

    overrides: list[str]  # without the seed
    values: list[float]  # of each objective, means over seeds
    num_seeds: int


def sweep_objectives(sweep: Sweep) -> list[Objective]:
    """The objectives of a search, or the task's validation metric.  Empty where runs lack it."""
    try:
        return objectives(sweep.settings, sweep.composer.settings([]), sweep.metric_facts)
    except BadInput:
        return []


def winners(sweep: Sweep, by: list[Objective]) -> list[Winner]:
    """The best configuration, or with several objectives all of the Pareto front; only those with all their seeds."""
    configurations: dict[tuple[str, ...], list[Job]] = defaultdict(list)
    for job in sweep.manifest.jobs:
        configurations[tuple(without_seed(job.overrides))].append(job)
    found = []
    for overrides, jobs in configurations.items():
        metrics = [sweep.manifest.run_folder(job).metrics() for job in jobs if job.state == "finished"]
        if len(metrics) < len(jobs) or not all(m and all(o.metric in m for o in by) for m in metrics):
            continue
        values = [sum(float(m[o.metric]) for m in metrics if m) / len(metrics) for o in by]
        if all(map(math.isfinite, values)):
            found.append(Winner(list(overrides), values, len(jobs)))
    signs = [1 if objective.direction == "minimize" else -1 for objective in by]
    costs = {id(w): [sign * value for sign, value in zip(signs, w.values)] for w in found}
    front = [w for w in found if not any(_beats(costs[id(other)], costs[id(w)]) for other in found)]
    return front[:1] if len(by) == 1 else sorted(front, key=lambda w: costs[id(w)])


def without_seed(overrides: list[str]) -> list[str]:
    return [override for override in overrides if Override.parse(override).key != "seed"]


def _beats(costs: list[float], other_costs: list[float]) -> bool:
    return all(a <= b for a, b in zip(costs, other_costs)) and costs != other_costs


def write_experiment(sweep: Sweep, winner: Winner, by: list[Objective], name: str) -> Path:
    """A file as those of conf/experiment, in the sweep's folder; `--config-dir` finds it there."""
    choices = {group: option for group, option in sweep.composer.choices(winner.overrides).items() if option}
    chosen = {group: option for group, option in choices.items() if group not in ("sweep", "experiment")}
    plain = dict(flat(sweep.composer.of_choices(chosen)))
    wanted = {**dict(flat(sweep.composer.settings(winner.overrides))), **sweep.settings.full}
    values: dict[str, Any] = {}
    for key, value in wanted.items():
        is_place = facts(key).role == "place" and key != "datamodule.data_dir"
        if not is_place and facts(key).role != "seed" and plain.get(key, _MISSING) != value and key not in chosen:
            put(values, key, value)
    reached = ", ".join(f"{o.metric} {value:.4g}" for o, value in zip(by, winner.values))
    seeds = f", mean of {winner.num_seeds} seeds" if winner.num_seeds > 1 else ""
    head = [
        "# @package _global_",
        f"# The best of the sweep {sweep.settings.name}: {reached}{seeds}.",
        f"#   {command(sweep, name)}",
    ]
    defaults = [{f"override /{group}": option} for group, option in chosen.items() if group in groups()]
    content = {"defaults": defaults, **values}
    path = sweep.folder / "experiment" / f"{name}.yaml"
    write_whole(path, "\n".join(head) + "\n" + yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return path


_MISSING = object()


def command(sweep: Sweep, name: str) -> str:
    """The command that trains the configuration that `write_experiment` wrote."""
    allow = "".join(f" --allow {package}" for package in untrusted_packages(sweep.composer.settings([])))
    return (
        f"{program('python')} scripts/train.py{allow} --config-dir {shlex.quote(str(sweep.folder))} experiment={name}"
    )


def at_boundaries(sweep: Sweep, winner: Winner) -> list[str]:
    """A message for each numeric axis at whose end the best value is."""
    chosen = {override.key: override.text for override in parse_all(winner.overrides)}
    return [s for axis in sweep.space.axes if axis.key != "seed" for s in _at_boundary(axis, chosen.get(axis.key))]


def _at_boundary(axis: Axis, override: str | None) -> list[str]:
    try:
        value = float(override or "")
    except ValueError:
        return []
    if axis.interval is not None:
        low, high = float(axis.interval.start or 0), float(axis.interval.end or 0)
    else:
        numbers = [v for v in axis.python_values() if isinstance(v, (int, float)) and not isinstance(v, bool)]
        if len(set(numbers)) < 2:
            return []
        low, high = min(numbers), max(numbers)
    near = 0.02
    if "log" in axis.tags() and low > 0 and value > 0:
        share = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    else:
        share = (value - low) / (high - low)
    if near < share < 1 - near:
        return []
    end, further = ("lower", "below") if share <= near else ("upper", "above")
    return [f"{axis.key}={value:g} is at the {end} end of {axis.text}: better values may lie {further}"]
