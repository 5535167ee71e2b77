"""Manifest of a sweep: its space, its jobs and their states; `sweep.json` in its folder.

It is written whole at every change.  Whether a job has finished is its own folder's word (`metrics.json`), so nothing
is lost that ended between two writes.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from datamodules.errors import BadInput
from scripts.config.naming import short_name
from scripts.config.override import parse_all
from scripts.runs.folder import RunFolder, write_whole

FORMAT = 1
State = Literal["waiting", "running", "finished", "pruned", "failed", "interrupted"]


@dataclass
class Job:
    """One run of a sweep."""

    number: int
    overrides: list[str]  # the overrides in which it differs from the others
    folder: str  # in that of the sweep
    state: State = "waiting"
    attempts: int = 0
    reason: str = ""  # why it failed
    seconds: float = 0.0
    trial: int | None = None  # of a search
    replicate: int = 0  # which of its seeds
    validations: int = 0  # that a pruner heard of

    @property
    def done(self) -> bool:
        return self.state in ("finished", "pruned", "failed")


@dataclass
class Manifest:
    """All of a sweep that outlives its process."""

    folder: Path
    space: dict[str, str]  # what makes two sweeps the same
    command: list[str] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    objectives: list[dict[str, str]] = field(default_factory=list)  # metric and direction, where they were set
    earlier_space: dict[str, str] = field(default_factory=dict)  # that of the call before

    @property
    def path(self) -> Path:
        return self.folder / "sweep.json"

    def run_folder(self, job: Job) -> RunFolder:
        return RunFolder(self.folder / job.folder)

    def add(self, overrides: list[str], **facts: Any) -> Job:
        """A new job, its folder named by its overrides."""
        name = (
            facts.pop("name", None)
            or short_name([override for override in overrides if not override.startswith("~")])
            or "job"
        )
        if any(job.folder == name for job in self.jobs):
            name = f"{len(self.jobs)}_{name}"
        job = Job(len(self.jobs), overrides, name, **facts)
        self.jobs.append(job)
        return job

    def write(self) -> None:
        content = {
            "format": FORMAT,
            "command": self.command,
            "space": self.space,
            **({"objectives": self.objectives} if self.objectives else {}),
            "jobs": [asdict(job) for job in self.jobs],
        }
        write_whole(self.path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def read(self, name: str, axes: Collection[str] | None = None) -> None:
        """Take over the jobs of an earlier call, if there was one.

        Args:
            name: of the sweep, for messages.
            axes: of a grid, which may have been given otherwise then, as may those that earlier jobs differ in:
                whoever adds jobs looks at their values.

        Raises:
            BadInput: it was another sweep, or another program's.
        """
        if not self.path.exists():
            return
        then = _read(self.path)
        self.earlier_space = then.space
        then_axes = {override.key for job in then.jobs for override in parse_all(job.overrides)}
        changes = differences(then.space, self.space, () if axes is None else {*axes, *then_axes})
        if changes:
            raise BadInput(
                f"sweep.name={name}: there is another sweep of that name in {self.folder}: {'; '.join(changes)};"
                " take another sweep.name, or the same settings to go on"
            )
        self.jobs, self.objectives = then.jobs, then.objectives
        for job in self.jobs:
            if self.run_folder(job).metrics() is not None:
                job.state = "finished"
            elif job.state in ("running", "finished"):
                job.state = "interrupted"


@dataclass
class _Content:
    """Content of `sweep.json`."""

    format: int
    space: dict[str, str]
    jobs: list[Job]
    command: list[str] = field(default_factory=list)
    objectives: list[dict[str, str]] = field(default_factory=list)


def _read(path: Path) -> _Content:
    """Raises: BadInput: the file is something else, of a later version, or names a folder outside its own."""
    from pydantic import TypeAdapter, ValidationError

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get("format"), int) and content["format"] > FORMAT:
            raise BadInput(f"{path}: written by a later version (format {content['format']})")
        for job in content.get("jobs", []) if isinstance(content, dict) else []:
            if isinstance(job, dict) and "words" in job:  # their name before 0.2.0
                job["overrides"] = job.pop("words")
        read = TypeAdapter(_Content).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
        raise BadInput(f"{path}: not a manifest of a sweep ({reason})") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not a manifest of a sweep ({error})") from None
    for job in read.jobs:
        below = Path(job.folder)
        if below.is_absolute() or ".." in below.parts or "\0" in job.folder:
            raise BadInput(f"{path}: job {job.number}: {job.folder!r} is not a folder below the sweep's")
    return read


def differences(then: dict[str, str], now: dict[str, str], may_differ: Collection[str] = ()) -> list[str]:
    """Changes of the space, a phrase for each key."""
    changes = []
    for key in dict.fromkeys([*then, *now]):
        if key in may_differ:
            continue
        old, new = then.get(key), now.get(key)
        if old != new:
            changes.append(
                f"{key} was {'not given' if old is None else old}, now {'not given' if new is None else new}"
            )
    return changes
