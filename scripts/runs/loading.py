"""A finished run as something that answers; nothing that its files name is executed, unless it is this project's."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from datamodules import specs
from datamodules.errors import BadInput
from scripts.runs.folder import RunFolder

if TYPE_CHECKING:
    from lightning_modules.base import SequenceModule

PROJECT_PACKAGES = ("datamodules", "lightning_modules")


def load_module(run: RunFolder, allowed: Collection[str] = ()) -> SequenceModule:
    """The best checkpoint of a run, on the CPU, ready to answer.

    Args:
        run: its folder.
        allowed: packages besides this project's whose classes the run may name.

    Raises:
        BadInput: the folder lacks a file, names a class that is not to be trusted, or fits none of its classes.
    """
    from lightning_modules.training import checkpoint_io

    path = run.checkpoints / "best.ckpt"
    state = checkpoint_io.load(path)
    with of_a_stranger(str(path)):
        module = built(state["config"], state["spec"], allowed)
        module.load_state_dict(state["state_dict"])
    module.config = state["config"]
    return module.eval()


@contextmanager
def of_a_stranger(place: str) -> Iterator[None]:
    """Whatever settings and weights make of the classes that take them becomes a sentence."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(
            f"{place}: settings and weights of which this version makes no network ({type(error).__name__}: {reason})"
        ) from error


def built(config: dict[str, Any], spec: dict[str, Any], allowed: Collection[str] = ()) -> SequenceModule:
    """The network that settings describe, once they are known to name nothing but what is trusted.

    Args:
        config: with `task` and `module`.
        spec: of the data, as `specs.to_dict` gives it.
        allowed: packages besides this project's.

    Raises:
        BadInput: a class is not to be trusted.
    """
    from lightning_modules.training.instantiate import build

    all_trusted(config, allowed)
    task = build(config["task"], spec=specs.from_dict(spec))
    return build(config["module"], task=task)


def all_trusted(config: dict[str, Any], allowed: Collection[str] = ()) -> None:
    """Refuse a run's settings whose task, module or one of its members is not to be trusted; see `trusted`."""
    from lightning_modules.base import SequenceModule
    from lightning_modules.tasks.base import Task
    from lightning_modules.training.instantiate import members_of

    trusted(config["task"], Task, allowed)
    for settings in (config["module"], *members_of(config["module"])):
        trusted(settings, SequenceModule, allowed)


def trusted(settings: dict[str, Any], base: type, allowed: Collection[str] = ()) -> None:
    """Refuse settings from a run folder that name anything but a `base` of this project or an allowed package.

    The class is looked at before anything is called; a module outside those packages is not even imported.
    """
    for at, target in _targets(settings):
        module_name, _, class_name = str(target).rpartition(".")
        package = module_name.partition(".")[0]
        if package not in (*PROJECT_PACKAGES, *allowed):
            raise BadInput(
                f"the run names {target}, which is not of this project; --allow {package or target} if you trust it"
            )
        try:
            found = getattr(importlib.import_module(module_name), class_name)
        except (ImportError, AttributeError):
            raise BadInput(f"the run names {target}, which does not exist here") from None
        if at == "" and not (isinstance(found, type) and issubclass(found, base)):
            raise BadInput(f"the run names {target} where a {base.__name__} belongs")
        if found.__module__.partition(".")[0] not in (*PROJECT_PACKAGES, *allowed):
            raise BadInput(f"the run names {target}, which only borrows {found.__module__}.{class_name}")


def _targets(settings: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every `_target_` in the settings, with its key."""
    if isinstance(settings, dict):
        if "_target_" in settings:
            yield at, settings["_target_"]
        for key, value in settings.items():
            yield from _targets(value, f"{at}.{key}")
    elif isinstance(settings, list):
        for i, value in enumerate(settings):
            yield from _targets(value, f"{at}.{i}")
