"""Runs that were asked the same questions stand in one table; others never do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scripts.compare.runs import Run

#: Settings of data modules that only say where the files are, or how training goes through them.
NOT_DATA = frozenset(
    {"data_dir", "batch_size", "evaluation_batch_size", "seed", "drop_last", "sampling", "encoding", "num_workers"}
    | {"lookback", "stride"}  # of forecasters; the test examples have to be the same besides
)


@dataclass
class SameData:
    """Runs on the same data, and what tells that data from the others'."""

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


def same_data(runs: Sequence[Run]) -> list[SameData]:
    """The finished runs in groups that were asked the same questions, the largest group first."""
    alike: dict[str, list[tuple[Run, dict[str, Any]]]] = defaultdict(list)
    for run in runs:
        identity = data_identity(run)
        alike[repr(sorted(identity.items()))].append((run, identity))
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    identities: dict[tuple[str, str], dict[str, Any]] = {}
    for name, members in alike.items():
        digests = [_examples_digest(run) for run, _ in members]
        several = len(set(filter(None, digests))) > 1  # a run without predictions is taken at its settings' word
        for (run, identity), digest in zip(members, digests):
            key = (name, digest if several else "")
            groups[key].append(run)
            identities[key] = {**identity, "test examples": digest or "unknown"} if several else identity
    keys = dict.fromkeys(key for identity in identities.values() for key in identity)
    differing = [key for key in keys if len({repr(identity.get(key)) for identity in identities.values()}) > 1]
    settings = [key for key in differing if key not in ("fingerprint", "test examples")]
    telling = settings or differing  # what a person set explains the rest
    made = [
        SameData(group, identities[key], {name: identities[key].get(name) for name in telling})
        for key, group in groups.items()
    ]
    return sorted(made, key=lambda group: -len(group.runs))


def data_identity(run: Run) -> dict[str, Any]:
    """Everything that makes the questions of a run's test part what they are."""
    identity: dict[str, Any] = {
        "datamodule": run.settings.get("datamodule"),
        "task": run.settings.get("task"),
        "fingerprint": run.environment.get("fingerprint", ""),
    }
    for key, value in run.settings.items():
        group, _, name = key.partition(".")
        if group == "datamodule" and name and name not in NOT_DATA and not name.endswith("_target_"):
            identity[key] = value
    return identity


def _examples_digest(run: Run) -> str:
    """Of the ids of the test examples, in any order; empty where the run left no predictions."""
    table = run.examples
    if table is None:
        return ""
    return f"{len(table):,} ({int(table['id'].to_numpy().sum(dtype='uint64')):016x})"
