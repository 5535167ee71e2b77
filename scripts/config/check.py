"""Checks of a run's settings: all problems at once, before any data is read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, MinLen
from hydra.utils import get_class

from datamodules.errors import BadInput, option_name
from lightning_modules.base import incompatibility as incompatibility_of
from lightning_modules.training.instantiate import members_of
from scripts.config.signatures import problems, target_problems
from scripts.config.trainer_arguments import REPORTED_ELSEWHERE, trainer_problems
from scripts.config.trust import check_classes

#: What the program fills in by itself.
PROVIDED = {
    "module": {"task"},
    "task": {"spec"},
    "optimizer": {"params"},
    "scheduler": {"optimizer"},
    "logger": {"save_dir", "name", "run_name", "version"},
    "trainer": set(REPORTED_ELSEWHERE),
}
GROUPS = ("datamodule", "task", "module", "optimizer", "scheduler", "trainer", "callbacks", "logger")


def run_settings(
    datamodule: dict,
    task: dict,
    module: dict,
    optimizer: dict,
    scheduler: dict,
    trainer: dict,
    callbacks: dict | None,
    logger: dict | None,
    seed: Annotated[int, Ge(0)],
    runs_dir: Annotated[str, MinLen(1)],
    name: Annotated[str, MinLen(1)],
    evaluate: list[Literal["train", "val", "test"]],
    non_finite: Literal["stop", "skip"] = "stop",
    compile: bool = False,
    tf32: bool | None = None,
    resume: str | None = None,
    init_from: str | None = None,
    freeze: Literal["none", "all_but_head", "new_rows"] = "none",
    rerun: str | None = None,
    sweep: dict | None = None,
) -> None:
    """The settings of a run outside its groups; only the signature is used."""


def check(config: dict[str, Any]) -> None:
    """Refuse settings that cannot be a run.

    Args:
        config: all settings, resolved to plain containers.

    Raises:
        BadInput: with a line for each problem.
    """
    found = problems(run_settings, config, "") + check_classes(config)
    for group in GROUPS:
        found += target_problems(config.get(group), group, PROVIDED.get(group, ()))
    if isinstance(config.get("trainer"), dict):
        found = [message for message in found if not _is_reported_elsewhere(message)]
        found += trainer_problems(config["trainer"])
    if any(message.startswith("seed=") for message in found):  # its copy is no problem of its own
        found = [message for message in found if not message.startswith("datamodule.seed=")]
    if not found:
        found = [message for message in [incompatibility(config), unbounded(config)] if message]
    if found:
        raise BadInput("\n".join(dict.fromkeys(found)))


def incompatibility(config: dict[str, Any]) -> str | None:
    """Why this data, task and architecture make no sense together, or None."""
    classes: list[Any] = [get_class(config[group]["_target_"]) for group in ("datamodule", "task")]
    datamodule, task = classes
    if datamodule.batch_type is not task.batch_type:
        return (
            f"task={option_name(task)} asks something of {_kind(task)};"
            f" datamodule={option_name(datamodule)} has {_kind(datamodule)}"
        )
    for settings in [config["module"], *members_of(config["module"])]:
        unfit = incompatibility_of(get_class(settings["_target_"]), task)
        if unfit:
            return unfit
    return None


def unbounded(config: dict[str, Any]) -> str | None:
    """Why the length of the run is not known where it has to be, or None."""
    trainer = config["trainer"]
    schedule: Any = get_class(config["scheduler"]["_target_"])
    if not hasattr(schedule, "needs_total_steps"):
        target = config["scheduler"]["_target_"]
        suggestion = f"scheduler=torch scheduler.scheduler._target_={target}"
        return f"scheduler._target_={target}: a scheduler of torch is typed {suggestion}"
    if not schedule.needs_total_steps:
        return None
    if trainer.get("max_epochs") in (None, -1) and trainer.get("max_steps", -1) == -1:
        return (
            "scheduler: this one needs to know the length of the run: give trainer.max_epochs or trainer.max_steps,"
            " or take scheduler=constant"
        )
    return None


def _is_reported_elsewhere(message: str) -> bool:
    return message.partition(":")[0] in {f"trainer.{key}" for key in REPORTED_ELSEWHERE}


def _kind(cls: Any) -> str:
    name = cls.batch_type.__name__
    names = {
        "TokenBatch": "texts",
        "WindowBatch": "windows of series",
        "LineBatch": "images of lines",
        "PairBatch": "pairs of texts",
    }
    return names.get(name, name)
