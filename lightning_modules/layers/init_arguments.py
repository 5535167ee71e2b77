"""The arguments that a module or task was made with, so that a checkpoint can make another one like it.

What `save_hyperparameters()` is for in other LightningModules; here no class has to call it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

NAME = "_init_arguments"


def remember_in(cls: type) -> None:
    """Let instances of a class keep the arguments that they are made with; its `__init__` has the signature it had."""
    init = vars(cls).get("__init__")
    if init is None:
        return

    @functools.wraps(init)
    def remembering(self: object, *given: Any, **named: Any) -> None:
        if NAME not in vars(self):  # else a subclass has kept its own
            _remember(self, given, named)
        init(self, *given, **named)

    setattr(cls, "__init__", remembering)  # noqa: B010 (mypy would refuse an assignment)


def _remember(instance: object, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    signature = inspect.signature(type(instance).__init__)
    try:
        bound = signature.bind(instance, *given, **named)
    except TypeError:  # what is wrong with them `__init__` says
        return
    bound.apply_defaults()
    arguments: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        arguments |= value if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD else {name: value}
    vars(instance)[NAME] = arguments


def as_settings(instance: object, supplied: str) -> dict[str, Any] | None:
    """Class and arguments as a configuration has them; None where an argument is no plain value.

    Args:
        instance: whose arguments were remembered.
        supplied: the argument that whoever makes another one supplies (`task` of a module, `spec` of a task).
    """
    arguments = {name: value for name, value in vars(instance).get(NAME, {}).items() if name != supplied}
    if NAME not in vars(instance) or not all(map(_is_plain, arguments.values())):
        return None
    cls = type(instance)
    return {"_target_": f"{cls.__module__}.{cls.__qualname__}", **arguments}


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)
