"""Every combination of the axes' values."""

from __future__ import annotations

from collections.abc import Callable

from datamodules.errors import BadInput
from scripts.config.override import Override, parse_all
from scripts.sweeps.manifest import Job, Manifest
from scripts.sweeps.search.space import Space


class Grid:
    """Hands out the jobs of a grid that are not over.

    A grid may grow: values or seeds that were added since an earlier call are further jobs.

    Args:
        space: the axes.
        manifest: what earlier calls did; jobs that it lacks are added to it.
        retry_failed: take up those that failed in an earlier call.
        default: the value that a key has where no override sets it.
        fits: whether the settings of a combination make sense together; asked where `module=baselines` stands.

    Raises:
        BadInput: an earlier job is none of this grid: values were removed.
    """

    def __init__(
        self,
        space: Space,
        manifest: Manifest,
        retry_failed: bool,
        default: Callable[[str], str] = lambda key: "",
        fits: Callable[[list[str]], bool] = lambda overrides: True,
    ) -> None:
        self.manifest = manifest
        grid = space.grid()
        if space.means_baselines():
            grid = [overrides for overrides in grid if "module=baseline/" not in " ".join(overrides) or fits(overrides)]
        fixed = {override.key: _canonical(override.text) for override in parse_all(space.fixed)}
        combinations_done = self._combinations_of_jobs(grid, fixed, default)
        for overrides in grid:
            if _identity(overrides) not in combinations_done:
                manifest.add(overrides)
        if retry_failed:
            for job in manifest.jobs:
                if job.state == "failed":
                    job.state, job.reason, job.attempts = "waiting", "", 0
        self._waiting = [job for job in manifest.jobs if not job.done]

    @property
    def total(self) -> int:
        return len(self.manifest.jobs)

    def examples(self) -> list[list[str]]:
        return [job.overrides for job in self._waiting]

    def next(self) -> Job | None:
        return self._waiting.pop(0) if self._waiting else None

    def report(self, job: Job, validation: int, value: float) -> bool:
        return False

    def job_finished(self, job: Job, metrics: dict[str, float] | None) -> None:
        pass

    def _combinations_of_jobs(
        self, grid: list[list[str]], fixed: dict[str, str], default: Callable[[str], str]
    ) -> set[frozenset[tuple[str, str]]]:
        """The combinations that earlier jobs are, whose overrides become those of this grid."""
        combinations = {_identity(overrides): overrides for overrides in grid}
        keys = {override.key for overrides in grid for override in parse_all(overrides) if override.prefix != "~"}
        combinations_done = set()
        for job in self.manifest.jobs:
            identity = frozenset(
                pair for pair in _identity(job.overrides) if pair[0] in keys or fixed.get(pair[0]) != pair[1]
            )
            for key in sorted(keys - {key for key, _ in identity}):  # an axis that was none then
                wider = identity | {(key, _canonical(self.manifest.earlier_space.get(key) or default(key)))}
                identity = wider if any(wider <= combination for combination in combinations) else identity
            if identity not in combinations:
                values = " ".join(override.plain for override in parse_all(job.overrides))
                raise BadInput(
                    f"sweep.name={self.manifest.folder.name}: there is another sweep of that name in"
                    f" {self.manifest.folder}: its job {values} is none of this command's; values can be added, and"
                    " those that are there must stay; or take another sweep.name"
                )
            job.overrides = combinations[identity]
            combinations_done.add(identity)
        return combinations_done


def _identity(overrides: list[str]) -> frozenset[tuple[str, str]]:
    """Keys and canonical values of a combination."""
    return frozenset((o.key, _canonical(o.text)) for o in parse_all(overrides) if o.prefix != "~")


def _canonical(text: str) -> str:
    """A number in Python's way of writing, anything else as it is."""
    plain = Override("", text).text
    try:
        return repr(float(plain))
    except ValueError:
        return plain
