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
from scripts.config.override import parse_all
from scripts.runs.folder import RunFolder
from scripts.runs.metric_facts import KEY, MetricFacts

if TYPE_CHECKING:
    import polars

#: Column of predictions.parquet in runs made before 0.2.0 -> its name now.
RENAMED_COLUMNS = {"answer": "prediction"}


@dataclass
class Run:
    """One run folder, or the folder of an evaluation on other data, as read."""

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
        """Overrides of the command line: key -> value."""
        return {override.key: override.value or "" for override in parse_all(self.environment.get("overrides", ()))}

    @property
    def predicted_split(self) -> str:
        """The split whose examples predictions.parquet holds."""
        return str(self.environment.get("split", "test"))

    @cached_property
    def facts(self) -> MetricFacts:
        """Facts about its metrics."""
        config = {"task": {"_target_": self.settings.get("task._target_", "")}}
        return MetricFacts.of_run(self.environment, config, str(self.folder.path))

    def value(self, metric: str) -> float | None:
        """A finite metric; None where there is none."""
        import math

        value = (self.metrics or {}).get(metric)
        return float(value) if value is not None and math.isfinite(value) else None

    def predictions(self) -> polars.DataFrame | None:
        """The predictions for the test examples, if the run left any that can be read."""
        import polars

        with suppress(BadInput), reading(self.folder.predictions_file, "predictions"):
            return polars.read_parquet(self.folder.predictions_file).rename(RENAMED_COLUMNS, strict=False)
        return None

    @cached_property
    def examples(self) -> polars.DataFrame | None:
        """Numbers and times of the predictions, and a number `id` for the name of each example; None without names.

        `truth` tells a target from another one: a hash of a text, a number as it is, the mean of several numbers.
        """
        import polars
        from polars import selectors

        with suppress(BadInput), reading(self.folder.predictions_file, "predictions"):
            table = polars.scan_parquet(self.folder.predictions_file)
            schema = table.collect_schema()
            columns = (
                selectors.numeric() | selectors.temporal() | selectors.by_name("series", "block", require_all=False)
            )
            columns -= selectors.by_name("id", "target", require_all=False)
            own_columns = []
            if "references" in schema:  # several targets, of which `target` is the one nearest to the prediction
                own_columns.append(polars.col("references").list.sort().list.join("\n").hash().alias("truth"))
            elif "target" in schema and "source_length" not in schema:  # else of a run made before 0.2.0
                target, kind = polars.col("target"), schema["target"]
                number = target.list.mean() if kind.is_nested() else target
                own_columns.append(target.hash().alias("truth") if kind == polars.String else number.alias("truth"))
            if "target" in schema:
                target, kind = polars.col("target"), schema["target"]
                if kind == polars.String and "target_length" not in schema:
                    own_columns.append(target.str.len_chars().alias("target_length"))
            return table.select(polars.col("id").hash(), columns, *own_columns).collect()
        return None


def read_runs(paths: Collection[str], evaluations: bool = False) -> list[Run]:
    """Every run at or below the paths, or every evaluation of them on other data."""
    return [read_run(folder) for folder in run_folders(paths, evaluations)]


def read_run(folder: RunFolder) -> Run:
    """One run; a file that cannot be read makes it `unreadable`, with the reason."""
    settings: dict[str, Any] = {}
    try:
        if folder.config_file.exists():
            settings = dict(flat(folder.config()))
        status = folder.status()
        environment = folder.environment() if folder.environment_file.exists() else {}
        metrics = folder.metrics()
        if KEY in environment:
            MetricFacts.from_json(environment[KEY], str(folder.environment_file))
    except Exception as error:  # a half-copied file must not hide the other runs
        return Run(folder, settings, status="unreadable", reason=" ".join(str(error).split()))
    if metrics is not None:
        return Run(folder, settings, metrics, environment)
    status = status or _from_manifest(folder.path.parent).get(folder.path.name, {})
    return Run(folder, settings, None, environment, status.get("status", "unfinished"), status.get("reason", ""))


@lru_cache
def _from_manifest(sweep: Path) -> dict[str, dict[str, str]]:
    """Status and reason of jobs that left no status file, from the sweep's manifest, by folder name."""
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
        elif not str(key).startswith("_"):
            yield from flat(value, f"{at}.{key}" if at else str(key))


def counted(runs: Sequence[Run]) -> dict[str, int]:
    """How many runs ended in which way, finished ones first."""
    counts = {"finished": 0}
    for run in runs:
        counts[run.status] = counts.get(run.status, 0) + 1
    return counts
