"""Runs as records: what was set, what came out, and whether it came to an end."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from datamodules.errors import BadInput
from scripts.runs.folder import RunFolder
from scripts.runs.loading import run_folders

#: Settings that say where and how often, not what: they make no configuration of their own.
NOT_SETTINGS = ("seed", "runs_dir", "name", "datamodule.seed", "resume", "evaluate")


@dataclass
class Run:
    """One run folder, read."""

    folder: RunFolder
    settings: dict[str, Any]  # flat: `module.hidden_size`
    metrics: dict[str, Any] | None  # None where the run has not finished
    fingerprint: str  # of its data

    @property
    def seed(self) -> int:
        return self.settings["seed"]


def read_runs(paths: Collection[str]) -> list[Run]:
    """Every run at or below the paths."""
    runs = []
    for folder in run_folders(paths):
        try:
            environment = folder.environment()
        except BadInput:  # it ended before its data was read
            environment = {}
        runs.append(Run(folder, dict(flat(folder.config())), folder.metrics(), environment.get("fingerprint", "")))
    return runs


def flat(settings: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as (dotted key, value); `_target_`s stand for their group."""
    if not isinstance(settings, dict):
        yield at, settings
        return
    for key, value in settings.items():
        if key == "_target_":
            yield at, str(value).rpartition(".")[2]
        elif not key.startswith("_"):
            yield from flat(value, f"{at}.{key}" if at else key)
