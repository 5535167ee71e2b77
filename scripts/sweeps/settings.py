"""The settings of a sweep, `sweep.*`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, MinLen

from datamodules.errors import BadInput
from scripts.config.signatures import problems

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class SweepSettings:
    """What conf/sweep/default.yaml says, with types and ranges."""

    name: Annotated[str, MinLen(1)]
    workers: Annotated[int, Gt(0)] | None = None
    gpus_per_job: Annotated[float, Gt(0)] | Annotated[int, Gt(0)] = 1
    threads: Annotated[int, Gt(0)] | None = None
    on_error: Literal["continue", "stop", "retry"] = "continue"
    retries: Annotated[int, Ge(0)] = 1
    job_timeout: Annotated[float, Gt(0)] | Annotated[int, Gt(0)] | None = None
    grace: Annotated[float, Ge(0)] | Annotated[int, Ge(0)] = 30.0
    seeds: Annotated[int, Gt(0)] | None = None
    space: dict[str, Any] = field(default_factory=dict)
    trials: Annotated[int, Gt(0)] | None = None
    objective: str | list[str] | None = None
    direction: Direction | list[Direction] | None = None
    sampler: Literal["tpe", "gp", "cmaes", "qmc", "random", "grid"] = "tpe"
    sampler_options: dict[str, Any] = field(default_factory=dict)
    sampler_seed: Annotated[int, Ge(0)] = 0
    pruner: Literal["none", "median", "percentile", "hyperband", "asha", "wilcoxon"] = "none"
    pruner_options: dict[str, Any] = field(default_factory=dict)
    storage: str | None = None
    full: dict[str, Any] = field(default_factory=dict)


def sweep_settings(settings: dict[str, Any]) -> SweepSettings:
    """The settings, checked.

    Raises:
        BadInput: with a line for each problem.
    """
    found = problems(SweepSettings, settings, "sweep")
    share = settings.get("gpus_per_job", 1)
    if isinstance(share, float) and share > 1 and share != int(share):
        found.append(f"sweep.gpus_per_job={share}: must be a whole number, or a share of one GPU")
    if found:
        raise BadInput("\n".join(found))
    known = {f.name for f in fields(SweepSettings)}
    return SweepSettings(**{key: value for key, value in settings.items() if key in known})
