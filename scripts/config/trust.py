"""Trust: the classes that a stored configuration may name, so that an untrusted run folder executes nothing.

A configuration that a file brings (config.yaml of a run, a checkpoint, the manifest of a sweep and its best.yaml) names
classes by `_target_`.  Each has to be a class of this project, torch or pytorch_lightning, of the kind that belongs
where it stands, or of a package that `--allow PACKAGE` names.  A module of any other package is not even imported.

Overrides of the command line, and files of a `--config-dir`, may name any package; it has to be
of the kind that belongs there.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
from collections.abc import Collection, Iterator
from pathlib import PurePath
from typing import Any

from datamodules.errors import BadInput

#: Packages whose classes a stored configuration may name.
PROJECT = ("datamodules", "lightning_modules", "scripts.runs.tensorboard")
LIBRARIES = ("torch", "pytorch_lightning", "lightning_fabric")
#: Where `--allow` keeps its packages, so that processes started from here know them.
VARIABLE = "SEQUENCE_LAB_ALLOW"

#: Group of the configuration -> classes that belong there, the first one for messages.
ALLOWED_CLASSES: dict[str, tuple[str, ...]] = {
    "datamodule": ("pytorch_lightning.LightningDataModule",),
    "task": ("lightning_modules.tasks.base.Task",),
    "module": ("lightning_modules.base.SequenceModule",),
    "optimizer": ("torch.optim.Optimizer",),
    "scheduler": ("lightning_modules.training.schedules.Schedule", "torch.optim.lr_scheduler.LRScheduler"),
    "trainer": ("pytorch_lightning.Trainer",),
    "callbacks": ("pytorch_lightning.Callback",),
    "logger": ("pytorch_lightning.loggers.Logger",),
}
#: Groups that hold settings by name, each with a class of its own.
GROUPS_BY_NAME = ("callbacks", "logger")
#: Arguments of callbacks, loggers and profilers that say where they write.
PLACES = ("dirpath", "save_dir", "default_root_dir", "log_dir", "root_dir", "filename")
#: What torch and pytorch_lightning offer for arguments of a Trainer, a callback or an optimiser.
ARGUMENT_CLASSES = (
    "torch.nn.Module",
    "torch.optim.Optimizer",
    "torch.optim.lr_scheduler.LRScheduler",
    "pytorch_lightning.Callback",
    "pytorch_lightning.loggers.Logger",
    "pytorch_lightning.strategies.Strategy",
    "pytorch_lightning.profilers.Profiler",
    "pytorch_lightning.accelerators.Accelerator",
    "pytorch_lightning.plugins.Precision",
    "pytorch_lightning.plugins.LayerSync",
    "lightning_fabric.plugins.ClusterEnvironment",
)


def allow(packages: Collection[str]) -> None:
    """Trust these packages from here on, in this process and those that it starts."""
    os.environ[VARIABLE] = ",".join(dict.fromkeys([*allowed(), *packages]))


def allowed() -> list[str]:
    return [name for name in os.environ.get(VARIABLE, "").split(",") if name]


def check_stored(config: dict[str, Any], place: str, overridden_settings: dict[str, Any] | None = None) -> None:
    """Refuse a stored configuration that names what is not to be trusted, before any of it is imported or built.

    Args:
        config: all settings of a run, or some of its groups.
        place: the file or folder that they are from, for messages.
        typed: settings of this command; a class that they name at a key is trusted there.

    Raises:
        BadInput: with the key and what is named there.
    """
    for group, settings in config.items():
        if group not in ALLOWED_CLASSES:
            _refuse_targets(settings, group, place)
            continue
        overridden = dict(targets((overridden_settings or {}).get(group), group))
        for key, target in targets(settings, group):
            if overridden.get(key) != target:
                _check(key, target, place)
        _refuse_interpolations(settings, group, place)
        if group in ("callbacks", "logger", "trainer"):
            _refuse_places(settings, (overridden_settings or {}).get(group), group, place)


def check_classes(config: dict[str, Any]) -> list[str]:
    """Messages for classes of the wrong kind at a key of this command's settings; their packages are imported."""
    found = []
    for group in ALLOWED_CLASSES:
        for key, target in targets(config.get(group), group):
            classes = classes_at(key)
            if not classes:
                continue
            try:
                cls = pkgutil.resolve_name(target)
            except Exception:  # `signatures.target_problems` says why
                continue
            if not _is_subclass(cls, classes):
                found.append(f"{key}._target_={target}: not a {classes[0].rpartition('.')[2]}, which belongs there")
    return found


def classes_at(key: str) -> tuple[str, ...]:
    """The classes that belong at a key; none where anything that its owner takes may stand (`trainer.strategy`).

    >>> kinds_at("callbacks.mine"), kinds_at("optimizer.x")
    (('pytorch_lightning.Callback',), ())
    """
    group, *rest = key.split(".")
    if group == "module" and (not rest or _is_member(rest)):
        return ALLOWED_CLASSES["module"] if rest[-1:] != ["task"] else ALLOWED_CLASSES["task"]
    return ALLOWED_CLASSES[group] if len(rest) == (group in GROUPS_BY_NAME) else ()


def _is_member(rest: list[str]) -> bool:
    """Whether a key below `module` holds a member of an ensemble: by name, or a finished run's module or task."""
    return rest[0] == "members" and (len(rest) == 2 or (len(rest) == 3 and rest[2] in ("module", "task")))


def untrusted_packages(config: dict[str, Any]) -> list[str]:
    """Packages that settings name and that `--allow` has to name where they are read from a file."""
    targets_of_groups = [target for group in ALLOWED_CLASSES for _, target in targets(config.get(group), group)]
    untrusted = [
        target for target in targets_of_groups if not _inside(target.rpartition(".")[0], (*PROJECT, *LIBRARIES))
    ]
    return list(dict.fromkeys(target.partition(".")[0] for target in untrusted))


def targets(settings: Any, at: str) -> Iterator[tuple[str, str]]:
    """(key, `_target_`) of settings and of everything nested in them."""
    if isinstance(settings, dict):
        if "_target_" in settings:
            yield at, str(settings["_target_"])
        for key, value in settings.items():
            yield from targets(value, f"{at}.{key}")
    elif isinstance(settings, (list, tuple)):
        for i, value in enumerate(settings):
            yield from targets(value, f"{at}.{i}")


def trusted_class(target: str, classes: Collection[str], place: str, extra: Collection[str] = ()) -> type:
    """The class that a stored `_target_` names.

    Args:
        target: dotted path.
        kinds: dotted paths of classes that it has to be one of; any class of this project where there are none.
        place: the file or folder that names it, for messages.
        extra: packages that are trusted besides.

    Raises:
        BadInput: it is not to be trusted, does not exist, or is something else.
    """
    module_name, _, class_name = target.rpartition(".")
    trusted = (*PROJECT, *LIBRARIES, *allowed(), *extra)
    if not _inside(module_name, trusted):
        package = module_name.partition(".")[0] or target
        raise BadInput(
            f"{place}: it names {target}, which is not of this project; --allow {package} if you trust that package"
        )
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError):
        raise BadInput(f"{place}: it names {target}, which does not exist here") from None
    if not isinstance(found, type):
        raise BadInput(f"{place}: it names {target}, which is no class")
    if not _inside(found.__module__, trusted):
        raise BadInput(f"{place}: it names {target}, which only borrows {found.__module__}.{class_name}")
    if classes and not _is_subclass(found, classes):
        raise BadInput(f"{place}: it names {target} where a {next(iter(classes)).rpartition('.')[2]} belongs")
    if (
        not classes
        and not _inside(found.__module__, (*PROJECT, *allowed(), *extra))
        and not _is_subclass(found, ARGUMENT_CLASSES)
    ):
        raise BadInput(f"{place}: it names {target}, which is no part of a Trainer, a callback or an optimizer")
    return found


def _check(key: str, target: str, place: str) -> None:
    trusted_class(target, classes_at(key), f"{place}: {key}")


def _refuse_targets(settings: Any, at: str, place: str) -> None:
    for key, target in targets(settings, at):
        raise BadInput(f"{place}: {key} names {target}; no class belongs there")


def _refuse_interpolations(settings: Any, at: str, place: str) -> None:
    """A stored configuration is resolved; one that is not could make a `_target_` when it is built."""
    if isinstance(settings, str) and "${" in settings:
        raise BadInput(f"{place}: {at} holds ${{...}}; a stored configuration holds values")
    children = (
        settings.items()
        if isinstance(settings, dict)
        else enumerate(settings or ())
        if isinstance(settings, (list, tuple))
        else ()
    )
    for key, value in children:
        _refuse_interpolations(value, f"{at}.{key}", place)


def _refuse_places(settings: Any, overridden_settings: Any, at: str, place: str) -> None:
    """A stored callback, logger or Trainer writes into the folder of its run, not where a file says."""
    if isinstance(settings, (list, tuple)):
        settings = dict(enumerate(settings))
    if not isinstance(settings, dict):
        return
    for key, value in settings.items():
        asked = overridden_settings.get(key) if isinstance(overridden_settings, dict) else None
        if key in PLACES and isinstance(value, str) and value != asked:
            path = PurePath(value)
            if path.is_absolute() or ".." in path.parts or value.startswith("~"):
                raise BadInput(
                    f"{place}: {at}.{key}={value} lies outside of the run's folder; {at}.{key}=... in this command says"
                    " where it may write"
                )
        _refuse_places(value, asked, f"{at}.{key}", place)


def _inside(module_name: str, packages: Collection[str]) -> bool:
    return any(module_name == name or module_name.startswith(f"{name}.") for name in packages)


def _is_subclass(found: Any, classes: Collection[str]) -> bool:
    return inspect.isclass(found) and any(issubclass(found, pkgutil.resolve_name(kind)) for kind in classes)
