"""A module from the configuration and the data spec that its checkpoint carries."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from typing import Any

from datamodules import specs
from datamodules.errors import BadInput
from lightning_modules.training.instantiate import build


def restored(cls: type, state: dict[str, Any], place: str, task: Any, settings: dict[str, Any]) -> Any:
    """An untrained module like the one that a checkpoint is of.

    Args:
        cls: the class that it has to be.
        state: the checkpoint.
        place: its file, for messages.
        task: what it was trained for; made from the stored configuration where None.
        settings: arguments in place of the stored ones.

    Raises:
        BadInput: another class is stored, or one outside this project and the package of `cls`.
    """
    config = state["config"]
    if not config.get("module"):  # built by a program, not by scripts/train.py
        if task is None:
            raise BadInput(
                f"{place}: holds no configuration; give load_from_checkpoint task=TASK and the module's arguments"
            )
        return cls(task, **settings)
    trusted = {"lightning_modules", "datamodules", cls.__module__.partition(".")[0]}
    for target in _targets([config["task"], config["module"]]):
        if target.partition(".")[0] not in trusted:
            raise BadInput(
                f"{place}: names {target}, which is not of this project; predict.py --allow trusts a package"
            )
    stored: Any = pkgutil.resolve_name(config["module"]["_target_"])
    if not issubclass(stored, cls):
        raise BadInput(f"{place}: holds a {stored.__name__}; {stored.__name__}.load_from_checkpoint loads it")
    if task is None:
        task_class: Any = pkgutil.resolve_name(config["task"]["_target_"])
        task = build(config["task"], spec=specs.from_dict(state["spec"], task_class.spec_classes))
    return build({**config["module"], **settings}, task=task)


def _targets(settings: Any) -> Iterator[str]:
    if isinstance(settings, dict):
        if isinstance(settings.get("_target_"), str):
            yield settings["_target_"]
        settings = list(settings.values())
    if isinstance(settings, list):
        for value in settings:
            yield from _targets(value)
