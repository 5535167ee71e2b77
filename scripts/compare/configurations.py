"""Runs that differ in nothing but chance make one configuration, named by what tells it from the others."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datamodules.errors import BadInput, did_you_mean
from scripts.compare.intervals import mean_interval
from scripts.compare.runs import Run

#: Settings that say where, when and how often, not what: they make no configuration of their own.
NOT_SETTINGS = frozenset({"seed", "runs_dir", "name", "datamodule.seed", "datamodule.data_dir", "resume", "rerun"})
NOT_GROUPS = ("evaluate", "logger", "sweep", "hydra", "callbacks.progress")
OF_TRAINING = ("optimizer", "scheduler", "trainer", "callbacks")  # groups that change nothing about a baseline


@dataclass
class Configuration:
    """Runs with the same settings, and those settings that other configurations do not share."""

    settings: dict[str, Any]  # short key -> value
    runs: list[Run]

    @property
    def name(self) -> str:
        """A few words for charts: `GRU lr=0.01`."""
        shown = {key: f"{v:g}" if isinstance(v, float) else str(v) for key, v in self.settings.items() if v != ""}
        words = [value if key == "module" else f"{key}={value}" for key, value in shown.items()]
        return " ".join(words) or str(self.runs[0].settings.get("module", self.runs[0].folder.path.name))

    @property
    def is_baseline(self) -> bool:
        return all(run.is_baseline for run in self.runs)

    def values(self, metric: str) -> list[float]:
        """The metric of each run that has a finite one."""
        found = [run.metrics.get(metric) for run in self.runs if run.metrics]
        return [float(value) for value in found if value is not None and math.isfinite(value)]

    def mean(self, metric: str) -> float | None:
        values = self.values(metric)
        return sum(values) / len(values) if values else None

    def half_interval(self, metric: str) -> float | None:
        """Half the width of the mean's 95 % interval over the runs; None for fewer than two."""
        return mean_interval(self.values(metric))


def configurations(runs: Sequence[Run], group_by: Sequence[str] = ()) -> list[Configuration]:
    """The runs in groups that differ in more than the seed, or only in the settings `group_by`.

    Raises:
        BadInput: no run has a setting of that name.
    """
    if group_by:
        telling = [_full_key(key, runs) for key in group_by]
        differing = telling
    else:
        keys = {key: None for run in runs for key in run.settings if _is_setting(key)}
        differing = [key for key in keys if len({repr(_setting(run, key)) for run in runs if _reads(run, key)}) > 1]
        set_by_hand = {key for run in runs for key in run.overrides}
        telling = [key for key in differing if key in set_by_hand or _tells(key, runs)]
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[repr([_setting(run, key) for key in differing])].append(run)
    telling.sort(key=lambda key: key != "module")
    short = short_keys(telling)
    return [
        Configuration({short[key]: _shown(_setting(group[0], key, "")) for key in telling}, group)
        for group in groups.values()
    ]


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Each dotted key without its group, where that leaves no doubt."""
    last = [key.rpartition(".")[2] for key in keys]
    return {key: end if last.count(end) == 1 and end not in keys else key for key, end in zip(keys, last)} | {
        key: key for key in keys if "." not in key
    }


def _setting(run: Run, key: str, default: Any = None) -> Any:
    return run.settings.get(key, default) if _reads(run, key) else default


def _reads(run: Run, key: str) -> bool:
    return not (run.is_baseline and key.partition(".")[0] in OF_TRAINING)


def _is_setting(key: str) -> bool:
    outside = any(key == group or key.startswith(f"{group}.") for group in NOT_GROUPS)
    return not outside and key not in NOT_SETTINGS and not key.endswith("._target_")


def _shown(value: Any) -> Any:
    return "none" if value is None else ",".join(map(str, value)) if isinstance(value, list) else value


def _tells(key: str, runs: Sequence[Run]) -> bool:
    """Whether a key differs between runs that agree on the class that it is a setting of.

    What follows from the choice of an architecture, its own settings, need not be told besides.
    """
    parent = key.rpartition(".")[0]
    seen: dict[Any, set[str]] = defaultdict(set)
    for run in runs:
        if key in run.settings:
            seen[run.settings.get(parent)].add(repr(run.settings[key]))
    return any(len(values) > 1 for values in seen.values())


def _full_key(word: str, runs: Sequence[Run]) -> str:
    known = {key: None for run in runs for key in run.settings if not key.endswith("._target_")}
    if word in known:
        return word
    ends = [key for key in known if key.endswith(f".{word}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise BadInput(f"--group-by {word}: could be {', '.join(ends)}")
    raise BadInput(
        f"--group-by {word}: no run has this setting{did_you_mean(word, [*known, *short_keys([*known]).values()])}"
    )
