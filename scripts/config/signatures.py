"""Settings against the callables that they are for: names, types and ranges, before anything is built."""

from __future__ import annotations

import builtins
import functools
import inspect
import pkgutil
import typing
from collections.abc import Callable, Collection
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from datamodules.errors import did_you_mean
from scripts.config.other_programs import ELSEWHERE

HYDRA_KEYS = {"_target_", "_partial_", "_recursive_", "_convert_", "_args_"}


def target_problems(settings: Any, at: str, provided: Collection[str] = ()) -> list[str]:
    """What is wrong with settings that hold a `_target_`, and with those nested in them, one message each.

    Args:
        settings: dicts, lists and scalars, resolved.
        at: their key, for the messages.
        provided: parameters that the program fills in by itself.
    """
    if isinstance(settings, list):
        return [p for i, item in enumerate(settings) for p in target_problems(item, f"{at}.{i}", provided)]
    if not isinstance(settings, dict):
        return []
    found = []
    if "_target_" in settings:
        try:
            target = pkgutil.resolve_name(settings["_target_"])
        except Exception as error:  # whatever an import raises
            why = next(iter(str(error).splitlines()), type(error).__name__)
            if isinstance(error, AttributeError) and error.name is not None:
                why += did_you_mean(error.name, dir(error.obj))
            return [f"{at}._target_={settings['_target_']}: cannot be imported ({why})"]
        arguments = {key: value for key, value in settings.items() if key not in HYDRA_KEYS}
        found = problems(target, arguments, at, provided)
    for key, value in settings.items():
        found += target_problems(value, f"{at}.{key}", provided)
    return found


def problems(target: Callable, settings: dict[str, Any], at: str, provided: Collection[str] = ()) -> list[str]:
    """What is wrong with these settings as arguments of `target`, one message each."""
    parameters, takes_any = parameters_of(target)
    names = [name for name in parameters if name not in provided]
    prefix = f"{at}." if at else ""
    accepted = f"; {at or 'a run'} takes {', '.join(names) or 'none'}" if len(names) <= 20 else ""
    unknown = [key for key in settings if key not in names and not takes_any]
    found = [f"{prefix}{key}: no such setting{_instead(key, names)}{accepted}" for key in unknown]
    found += [
        f"{prefix}{name}: missing"
        for name in names
        if parameters[name].default is inspect.Parameter.empty and name not in settings
    ]
    hints = _type_hints(target)
    for key, value in settings.items():
        if key in names and key in hints and not _holds_target(value):
            wrong = _mismatch(hints[key], value)
            if wrong:
                shown = "null" if value is None else value
                if wrong == "must be callable":
                    path = f"builtins.{value}" if hasattr(builtins, str(value)) else value
                    wrong = f"a function is typed '++{prefix}{key}={{_target_:hydra.utils.get_method,path:{path}}}'"
                found.append(f"{prefix}{key}={shown}: {wrong}")
    return found


def _instead(key: str, names: list[str]) -> str:
    """What is near to a name that is not known, or what takes its place."""
    return f" ({ELSEWHERE[key]})" if key in ELSEWHERE else did_you_mean(key, names)


def parameters_of(target: Callable) -> tuple[dict[str, inspect.Parameter], bool]:
    """What `target` takes by name, and whether it takes anything else besides."""
    found: dict[str, inspect.Parameter] = {}
    for owner in _owners(target):
        parameters = dict(inspect.signature(owner).parameters)
        forwarded_to = _forwarded_to(owner)
        parameters.pop(forwarded_to or "", None)
        found = {**parameters, **found}
    return found, forwarded_to is not None


def _owners(target: Callable) -> list[Callable]:
    """`target` and the bases that take what it does not know.

    A class passes `**settings` of this very name on to the next `__init__` of its bases, and so takes what that takes.
    """
    bases = target.__mro__ if inspect.isclass(target) else ()
    chain: list[Callable] = [target, *[cls for cls in bases if "__init__" in vars(cls)][1:]]
    ends = next((i for i, owner in enumerate(chain) if _forwarded_to(owner) != "settings"), len(chain) - 1)
    return chain[: ends + 1]


def _forwarded_to(owner: Callable) -> str | None:
    """The name of its `**parameter`, if it has one."""
    parameters = inspect.signature(owner).parameters.items()
    return next((name for name, parameter in parameters if parameter.kind is parameter.VAR_KEYWORD), None)


def _holds_target(value: Any) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (isinstance(value, dict) and "_target_" in value) or any(map(_holds_target, children))


@functools.cache
def _type_hints(target: Callable) -> dict[str, Any]:
    """Type of each parameter; a nearer class has the last word."""
    hints: dict[str, Any] = {}
    for owner in reversed(_owners(target)):
        try:
            hints |= typing.get_type_hints(owner.__init__ if inspect.isclass(owner) else owner, include_extras=True)
        except Exception:  # names that exist only for type checkers: such a callable is checked by name alone
            continue
    return hints


def _mismatch(hint: Any, value: Any) -> str | None:
    """What would be accepted instead of `value`; None where it is fine or the hint says nothing about plain values."""
    adapter = _adapter(hint)
    if adapter is None:
        return None
    wrong = ""
    for form in (tuple(value), value) if isinstance(value, list) else (value,):  # YAML has no tuples
        try:
            adapter.validate_python(form)
            return None
        except ValidationError as error:
            wrong = " or ".join(dict.fromkeys(_message(detail) for detail in error.errors() if _is_plain(detail)))
    return wrong


@functools.cache
def _adapter(hint: Any) -> TypeAdapter | None:
    try:
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True, strict=True))
    except PydanticUserError:
        return None


def _is_plain(detail: Any) -> bool:
    return detail["type"] != "is_instance_of"


def _message(detail: Any) -> str:
    """A pydantic message as the end of a message."""
    where = "".join(f" at item {part}" for part in detail["loc"] if isinstance(part, int))
    message = detail["msg"].replace("Input should be", "must be").replace("a valid ", "a ")
    if detail["type"] in ("list_type", "tuple_type") and isinstance(detail["input"], str):
        message = f"must be a list, such as [{detail['input']}]"
    return message.replace("must be a integer", "must be an integer") + where
