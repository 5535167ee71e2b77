"""Configurations: runs that differ in nothing but their seed, named by the settings that distinguish them.

A configuration counts each seed once: runs with the same settings, data and seed are repeats of one experiment, and
tell nothing about the chance in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from datamodules.errors import BadInput, did_you_mean
from scripts.compare.intervals import mean_interval
from scripts.compare.runs import Run
from scripts.config import keys


@dataclass
class Configuration:
    """Runs with equal settings and different seeds, and the settings that distinguish them from other runs."""

    settings: dict[str, Any]  # short key -> value
    runs: list[Run]
    unfinished: list[Run] = field(default_factory=list)  # further seeds, which have no metrics

    @property
    def name(self) -> str:
        """A few words for charts: `GRU lr=0.01`."""
        shown = {key: f"{v:g}" if isinstance(v, float) else str(v) for key, v in self.settings.items() if v != ""}
        parts = [value if key == "module" else f"{key}={value}" for key, value in shown.items()]
        return " ".join(parts) or str(self.runs[0].settings.get("module", self.runs[0].folder.path.name))

    @property
    def is_baseline(self) -> bool:
        return all(run.is_baseline for run in self.runs)

    def values(self, metric: str) -> list[float]:
        """The metric of each run that has a finite one."""
        found = [run.value(metric) for run in self.runs]
        return [value for value in found if value is not None]

    def mean(self, metric: str) -> float | None:
        values = self.values(metric)
        return sum(values) / len(values) if values else None

    def half_interval(self, metric: str) -> float | None:
        """Half the width of the mean's 95 % interval over the runs; None for fewer than two."""
        return mean_interval(self.values(metric))


def replicates(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """The runs that count and those that repeat one of them: same settings, same data, same seed.

    The run that was started first counts.
    """
    first: dict[str, Run] = {}
    repeats = []
    for run in sorted(runs, key=lambda run: str(run.environment.get("started", ""))):
        identity = _experiment(run)
        if identity in first:
            repeats.append(run)
        else:
            first[identity] = run
    counted = set(map(id, first.values()))
    return [run for run in runs if id(run) in counted], repeats


def configurations(
    runs: Sequence[Run], group_by: Sequence[str] = (), unfinished: Sequence[Run] = ()
) -> list[Configuration]:
    """The runs in groups that differ in more than the seed, or only in the settings `group_by`.

    Args:
        runs: each experiment once (`replicates`).
        group_by: settings whose values make a group; all that differ where empty.
        unfinished: runs without metrics, which belong to a group as well.

    Raises:
        BadInput: no run has a setting of that name.
    """
    if group_by:
        telling = [_full_key(key, runs) for key in group_by]
        differing = telling
    else:
        keys_of_runs = {key: None for run in runs for key in run.settings if _is_setting(key)}
        differing = [
            key for key in keys_of_runs if len({repr(_setting(run, key)) for run in runs if _is_used(run, key)}) > 1
        ]
        set_by_hand = {key for run in runs for key in run.overrides}
        telling = [key for key in differing if key in set_by_hand or _distinguishes(key, runs)]
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[repr([_setting(run, key) for key in differing])].append(run)
    telling.sort(key=lambda key: key != "module")
    short = short_keys(telling)
    lacking: dict[str, list[Run]] = defaultdict(list)
    for run in unfinished if runs else ():
        settings = {key: run.settings.get(key) for key in run.settings if _is_setting(key) and key not in differing}
        if all(runs[0].settings.get(key) == value for key, value in settings.items() if not group_by):
            lacking[repr([_setting(run, key) for key in differing])].append(run)
    return [
        Configuration(
            {short[key]: _shown(_setting(group[0], key, "")) for key in telling}, group, _further(group, lacking[name])
        )
        for name, group in groups.items()
    ]


def _further(runs: list[Run], unfinished: list[Run]) -> list[Run]:
    """Unfinished runs of seeds that no finished run has."""
    seeds = {run.seed for run in runs}
    return [run for run in unfinished if run.seed not in seeds]


def short_keys(dotted: Sequence[str]) -> dict[str, str]:
    """Each dotted key without its group, where that leaves no doubt."""
    last = [key.rpartition(".")[2] for key in dotted]
    return {key: end if last.count(end) == 1 and end not in dotted else key for key, end in zip(dotted, last)} | {
        key: key for key in dotted if "." not in key
    }


def _experiment(run: Run) -> str:
    """Everything that a run's results follow from, but for the machine."""
    settings_of_experiment = {
        key: value
        for key, value in run.settings.items()
        if keys.facts(key).role in ("data", "setting", "seed") and _is_used(run, key)
    }
    return repr(
        (
            sorted((key, repr(value)) for key, value in settings_of_experiment.items()),
            run.environment.get("fingerprint"),
        )
    )


def _setting(run: Run, key: str, default: Any = None) -> Any:
    return run.settings.get(key, default) if _is_used(run, key) else default


def _is_used(run: Run, key: str) -> bool:
    """Whether the run uses the setting: a baseline has no training loop."""
    return not (run.is_baseline and keys.facts(key).of_training)


def _is_setting(key: str) -> bool:
    return keys.facts(key).role in ("setting", "data") and not key.endswith("._target_")


def _shown(value: Any) -> Any:
    return "none" if value is None else ",".join(map(str, value)) if isinstance(value, list) else value


def _distinguishes(key: str, runs: Sequence[Run]) -> bool:
    """Whether a key differs between runs that agree on the class that it is a setting of.

    Settings that come with the choice of an architecture need not be named besides.
    """
    parent = key.rpartition(".")[0]
    values_of_parent: dict[Any, set[str]] = defaultdict(set)
    for run in runs:
        if key in run.settings:
            values_of_parent[run.settings.get(parent)].add(repr(run.settings[key]))
    return any(len(values) > 1 for values in values_of_parent.values())


def _full_key(name: str, runs: Sequence[Run]) -> str:
    keys_of_runs = {key: None for run in runs for key in run.settings if not key.endswith("._target_")}
    if name in keys_of_runs:
        return name
    ends = [key for key in keys_of_runs if key.endswith(f".{name}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise BadInput(f"--group-by {name}: could be {', '.join(ends)}")
    names = [*keys_of_runs, *short_keys([*keys_of_runs]).values()]
    raise BadInput(f"--group-by {name}: no run has this setting{did_you_mean(name, names)}")
