"""Every combination of the axes' values."""

from __future__ import annotations

from scripts.sweeps.manifest import Job, Manifest
from scripts.sweeps.search.space import Space


class Grid:
    """Hands out the jobs of a grid that are not over.

    Args:
        space: the axes.
        manifest: what earlier calls did; jobs are added to it where there are none.
        retry_failed: take up those that failed in an earlier call.
    """

    def __init__(self, space: Space, manifest: Manifest, retry_failed: bool) -> None:
        self.manifest = manifest
        if not manifest.jobs:
            for words in space.grid():
                manifest.add(words)
        if retry_failed:
            for job in manifest.jobs:
                if job.state == "failed":
                    job.state, job.reason, job.attempts = "waiting", "", 0
        self._left = [job for job in manifest.jobs if not job.done]

    @property
    def total(self) -> int:
        return len(self.manifest.jobs)

    def examples(self) -> list[list[str]]:
        return [job.words for job in self._left]

    def next(self) -> Job | None:
        return self._left.pop(0) if self._left else None

    def report(self, job: Job, validation: int, value: float) -> bool:
        return False

    def ended(self, job: Job, metrics: dict[str, float] | None) -> None:
        pass
