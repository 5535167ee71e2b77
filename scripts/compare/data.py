"""Grouping of runs by data: one leaderboard for runs that were evaluated on equal examples."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.compare.runs import Run
from scripts.config import keys

#: Keys of a comparison's identity that are measured, not set.
MEASURED = ("fingerprint", "evaluated", "test examples")


@dataclass
class DataGroup:
    """Runs on equal data, and what distinguishes these data from those of other groups."""

    runs: list[Run]
    identity: dict[str, Any]
    differs: dict[str, Any]  # of the identity: what other runs of the comparison have differently

    @property
    def title(self) -> str:
        """`names (Names, classification, data 0843630724)`."""
        environment = self.runs[0].environment
        source = str(environment.get("data", {}).get("source", "")).rstrip("/").rpartition("/")[2]
        parts = [self.identity["datamodule"], self.identity["task"], f"data {self.identity['fingerprint'][:10]}"]
        return f"{source or 'data'} ({', '.join(str(part) for part in parts if part)})"


def group_by_data(runs: Sequence[Run]) -> list[DataGroup]:
    """The finished runs in groups that were evaluated on the same examples, the largest group first."""
    alike: dict[str, list[tuple[Run, dict[str, Any]]]] = defaultdict(list)
    for run in runs:
        identity = data_identity(run)
        alike[repr(sorted(identity.items()))].append((run, identity))
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    identities: dict[tuple[str, str], dict[str, Any]] = {}
    for name, members in alike.items():
        digests = _digests([run for run, _ in members])
        several = len(set(filter(None, digests))) > 1  # a run without predictions is taken at its settings' word
        for (run, identity), digest in zip(members, digests):
            key = (name, digest if several else "")
            groups[key].append(run)
            identities[key] = {**identity, "test examples": digest or "unknown"} if several else identity
    all_keys = dict.fromkeys(key for identity in identities.values() for key in identity)
    differing = [key for key in all_keys if len({repr(identity.get(key)) for identity in identities.values()}) > 1]
    settings = [key for key in differing if key not in MEASURED]
    telling = settings or differing  # settings explain the differences that were measured
    data_groups = [
        DataGroup(group, identities[key], {name: identities[key].get(name) for name in telling})
        for key, group in groups.items()
    ]
    return sorted(data_groups, key=lambda group: -len(group.runs))


def data_identity(run: Run) -> dict[str, Any]:
    """Everything that decides which examples a run was evaluated on, and for which task."""
    identity: dict[str, Any] = {
        "datamodule": run.settings.get("datamodule"),
        "task": run.settings.get("task"),
        "fingerprint": run.environment.get("fingerprint", ""),
    }
    if run.predicted_split != "test":
        identity["evaluated"] = run.predicted_split
    data_keys = [key for key in run.settings if keys.facts(key).role == "data" and not key.endswith("_target_")]
    return identity | {key: run.settings[key] for key in data_keys}


def _digests(runs: Sequence[Run]) -> list[str]:
    """For each run its evaluated examples, in any order, and their truths; empty where it left no predictions.

    Truths that are numbers may differ in their last digits (other devices, other scalers), so runs whose truths have
    nearly the same mean and spread have the same digest.
    """
    known_digests: list[tuple[str, float, float, str]] = []  # (examples, mean, spread, digest)
    digests = []
    for run in runs:
        table = run.examples
        if table is None:
            digests.append("")
            continue
        examples = f"{len(table):,} ({int(table['id'].to_numpy().sum(dtype='uint64')):016x})"
        truth = table["truth"].to_numpy() if "truth" in table.columns else np.zeros(1, dtype=np.uint64)
        if truth.dtype == np.uint64:
            mixed = int((truth ^ table["id"].to_numpy()[: len(truth)]).sum(dtype="uint64"))
            digests.append(examples if not truth.any() else f"{examples}, targets {mixed:016x}")
            continue
        values = truth.astype(float)
        mean, spread = float(np.nanmean(values)), float(np.nanstd(values))
        for other_examples, other_mean, other_spread, digest in known_digests:
            near = 1e-3 * max(spread, other_spread, 1e-12)
            same_mean = math.isclose(mean, other_mean, rel_tol=1e-4, abs_tol=near)
            if (
                other_examples == examples
                and same_mean
                and math.isclose(spread, other_spread, rel_tol=1e-2, abs_tol=near)
            ):
                digests.append(digest)
                break
        else:
            known_digests.append((examples, mean, spread, f"{examples}, targets of mean {mean:.6g}"))
            digests.append(known_digests[-1][-1])
    return digests
