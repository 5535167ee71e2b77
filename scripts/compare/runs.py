"""Runs as records: what was set, what came out, and how they ended."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.errors import BadInput
from datamodules.files.tables import reading
from scripts.compare.finding import run_folders
from scripts.runs.folder import RunFolder

if TYPE_CHECKING:
    import polars


@dataclass
class Run:
    """One run folder, read."""

    folder: RunFolder
    settings: dict[str, Any]  # flat: `module.hidden_size`
    metrics: dict[str, Any] | None = None  # None where the run has not finished
    environment: dict[str, Any] = field(default_factory=dict)
    status: str = "finished"  # or failed, pruned, interrupted, unfinished, unreadable
    reason: str = ""  # why it has no metrics, where that is known

    @property
    def seed(self) -> Any:
        return self.settings.get("seed")

    @property
    def is_baseline(self) -> bool:
        return ".baselines." in str(self.settings.get("module._target_", ""))

    @property
    def overrides(self) -> dict[str, str]:
        """What a person typed: key -> value."""
        words = (word.lstrip("+~").partition("=") for word in self.environment.get("overrides", ()))
        return {key: value for key, _, value in words}

    def predictions(self) -> polars.DataFrame | None:
        """The answers to the test examples, if the run left any that can be read."""
        import polars

        with suppress(BadInput), reading(self.folder.predictions_file, "predictions"):
            return polars.read_parquet(self.folder.predictions_file)
        return None

    @cached_property
    def examples(self) -> polars.DataFrame | None:
        """The numbers and times of the predictions, and a number `id` for each example's name; None without names."""
        import polars
        from polars import selectors

        names = polars.col("id").hash()
        kept = selectors.numeric() | selectors.temporal() | selectors.by_name("series", "block", require_all=False)
        lengths = (selectors.by_name("target", require_all=False) & selectors.string()).str.len_chars()
        kept -= selectors.by_name("id", require_all=False)
        with suppress(BadInput), reading(self.folder.predictions_file, "predictions"):
            table = polars.scan_parquet(self.folder.predictions_file)
            return table.select(names, kept, lengths.name.suffix("_length")).collect()
        return None


def read_runs(paths: Collection[str]) -> list[Run]:
    """Every run at or below the paths."""
    return [read_run(folder) for folder in run_folders(paths)]


def read_run(folder: RunFolder) -> Run:
    """One run; a file that cannot be read makes it `unreadable`, with the reason."""
    settings: dict[str, Any] = {}
    try:
        if folder.config_file.exists():
            settings = dict(flat(folder.config()))
        status = folder.status()
        environment = folder.environment() if folder.environment_file.exists() else {}
        metrics = folder.metrics()
    except Exception as error:  # a half-copied file must not hide the other runs
        return Run(folder, settings, status="unreadable", reason=" ".join(str(error).split()))
    if metrics is not None:
        return Run(folder, settings, metrics, environment)
    status = status or _told_by_sweep(folder.path.parent).get(folder.path.name, {})
    return Run(folder, settings, None, environment, status.get("status", "unfinished"), status.get("reason", ""))


@lru_cache
def _told_by_sweep(sweep: Path) -> dict[str, dict[str, str]]:
    """What a sweep knows of jobs that could not say themselves how they ended: folder name -> status and reason."""
    try:
        jobs = json.loads((sweep / "sweep.json").read_text(encoding="utf-8"))["jobs"]
        return {
            job["folder"]: {"status": job["state"], "reason": job.get("reason", "")}
            for job in jobs
            if job["state"] in ("failed", "pruned", "interrupted")
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def existing_run(path: str) -> Run:
    """The finished run at `path`.

    Raises:
        BadInput: there is none, or it has not finished.
    """
    run = read_run(RunFolder.existing(path))
    if run.metrics is None:
        raise BadInput(f"{path}: this run is {run.status}{f' ({run.reason})' if run.reason else ''}; no metrics.json")
    return run


def flat(settings: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as (dotted key, value); a class's name stands for its group, `<group>._target_` is all of it."""
    if not isinstance(settings, dict):
        yield at, settings
        return
    for key, value in settings.items():
        if key == "_target_":
            yield at, str(value).rpartition(".")[2]
            yield f"{at}._target_", value
        elif not key.startswith("_"):
            yield from flat(value, f"{at}.{key}" if at else key)


def counted(runs: Sequence[Run]) -> dict[str, int]:
    """How many runs ended in which way, finished ones first."""
    counts = {"finished": 0}
    for run in runs:
        counts[run.status] = counts.get(run.status, 0) + 1
    return counts
