"""The settings of a sweep, `sweep.*`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, MinLen

from datamodules.errors import BadInput, did_you_mean
from scripts.config.overrides import CONF, options
from scripts.config.signatures import problems


def option(group: Literal["sampler", "pruner"], name: str) -> dict[str, Any]:
    """Settings of conf/sweep/<group>/<name>.yaml.

    Raises:
        BadInput: there is no such file.
    """
    import yaml

    names = options(f"sweep/{group}")
    if name not in names:
        raise BadInput(f"sweep/{group}={name}: no such option{did_you_mean(name, names)}; there are {', '.join(names)}")
    return yaml.safe_load((CONF / "sweep" / group / f"{name}.yaml").read_text(encoding="utf-8"))


Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class SweepSettings:
    """Settings of a sweep (conf/sweep/default.yaml), with types and ranges."""

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
    when: dict[str, Any] = field(default_factory=dict)
    enqueue: list[dict[str, Any]] = field(default_factory=list)
    trials: Annotated[int, Gt(0)] | None = None
    objective: str | list[str] | None = None
    direction: Direction | list[Direction] | None = None
    sampler: dict[str, Any] = field(default_factory=lambda: option("sampler", "tpe"))
    sampler_seed: Annotated[int, Ge(0)] = 0
    pruner: dict[str, Any] = field(default_factory=lambda: option("pruner", "none"))
    storage: str | None = None
    full: dict[str, Any] = field(default_factory=dict)

    @property
    def sampler_name(self) -> str:
        """Class of the sampler, without its module."""
        return str(self.sampler.get("_target_", "")).rpartition(".")[2]

    @property
    def pruner_name(self) -> str:
        """Class of the pruner, without its module; empty where nothing is pruned."""
        name = str(self.pruner.get("_target_", "")).rpartition(".")[2]
        return "" if name == "NopPruner" else name


def sweep_settings(settings: dict[str, Any]) -> SweepSettings:
    """The settings, checked.

    Raises:
        BadInput: with a line for each problem.
    """
    settings = _with_components(settings)
    found = problems(SweepSettings, settings, "sweep")
    share = settings.get("gpus_per_job", 1)
    if isinstance(share, float) and share > 1 and share != int(share):
        found.append(f"sweep.gpus_per_job={share}: must be a whole number, or a share of one GPU")
    if found:
        raise BadInput("\n".join(found))
    names = {f.name for f in fields(SweepSettings)}
    return SweepSettings(**{key: value for key, value in settings.items() if key in names})


def _with_components(settings: dict[str, Any]) -> dict[str, Any]:
    """Sampler and pruner as settings of a class; earlier versions named them, with `<group>_options` beside."""
    settings = dict(settings)
    for group in ("sampler", "pruner"):
        setting, arguments = settings.get(group), settings.pop(f"{group}_options", None) or {}
        if isinstance(setting, str):
            settings[group] = {**option(group, setting), **arguments}  # type: ignore[arg-type]
            print(
                f"sweep.{group}={setting} is written sweep/{group}={setting} now, its arguments"
                f" sweep.{group}.NAME=VALUE; the old way goes with the next version",
                file=sys.stderr,
            )
        elif isinstance(setting, dict) and arguments:
            settings[group] = {**setting, **arguments}
    return settings
