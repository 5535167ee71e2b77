"""What a stored configuration may name: a run folder from a stranger executes nothing.

A configuration that a file brings (config.yaml of a run, a checkpoint, the manifest of a sweep and its best.yaml) names
classes by `_target_`.  Each has to be a class of this project, torch or pytorch_lightning, of the kind that belongs
where it stands, or of a package that `--allow PACKAGE` names.  A module of any other package is not even imported.

What a person types on the command line, or keeps in a `--config-dir` of their own, may name any package; it has to be
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
KINDS: dict[str, tuple[str, ...]] = {
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
NAMED = ("callbacks", "logger")
#: Arguments of callbacks, loggers and profilers that say where they write.
PLACES = ("dirpath", "save_dir", "default_root_dir", "log_dir", "root_dir", "filename")
#: What torch and pytorch_lightning offer for arguments of a Trainer, a callback or an optimiser.
PARTS = (
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


def check_stored(config: dict[str, Any], place: str, typed: dict[str, Any] | None = None) -> None:
    """Refuse a stored configuration that names what is not to be trusted, before any of it is imported or built.

    Args:
        config: all settings of a run, or some of its groups.
        place: the file or folder that they are from, for messages.
        typed: settings that a person asks for in this command; a class that they name at the same key is theirs.

    Raises:
        BadInput: with the key and what is named there.
    """
    for group, settings in config.items():
        if group not in KINDS:
            _no_targets(settings, group, place)
            continue
        own = dict(targets((typed or {}).get(group), group))
        for key, target in targets(settings, group):
            if own.get(key) != target:
                _check(key, target, place)
        _no_interpolations(settings, group, place)
        if group in ("callbacks", "logger", "trainer"):
            _no_places(settings, (typed or {}).get(group), group, place)


def check_kinds(config: dict[str, Any]) -> list[str]:
    """Messages for classes that a person typed where something else belongs; their packages are imported."""
    found = []
    for group in KINDS:
        for key, target in targets(config.get(group), group):
            kinds = kinds_at(key)
            if not kinds:
                continue
            try:
                cls = pkgutil.resolve_name(target)
            except Exception:  # `signatures.target_problems` says why
                continue
            if not _is_kind(cls, kinds):
                found.append(f"{key}._target_={target}: not a {kinds[0].rpartition('.')[2]}, which belongs there")
    return found


def kinds_at(key: str) -> tuple[str, ...]:
    """The classes that belong at a key; none where anything that its owner takes may stand (`trainer.strategy`).

    >>> kinds_at("callbacks.mine"), kinds_at("optimizer.x")
    (('pytorch_lightning.Callback',), ())
    """
    group, *rest = key.split(".")
    if group == "module" and (not rest or _is_member(rest)):
        return KINDS["module"] if rest[-1:] != ["task"] else KINDS["task"]
    return KINDS[group] if len(rest) == (group in NAMED) else ()


def _is_member(rest: list[str]) -> bool:
    """Whether a key below `module` holds a member of an ensemble: by name, or a finished run's module or task."""
    return rest[0] == "members" and (len(rest) == 2 or (len(rest) == 3 and rest[2] in ("module", "task")))


def foreign_packages(config: dict[str, Any]) -> list[str]:
    """Packages that settings name and that `--allow` has to name where they are read from a file."""
    named = [target for group in KINDS for _, target in targets(config.get(group), group)]
    foreign = [target for target in named if not _inside(target.rpartition(".")[0], (*PROJECT, *LIBRARIES))]
    return list(dict.fromkeys(target.partition(".")[0] for target in foreign))


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


def trusted_class(target: str, kinds: Collection[str], place: str, extra: Collection[str] = ()) -> type:
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
    known = (*PROJECT, *LIBRARIES, *allowed(), *extra)
    if not _inside(module_name, known):
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
    if not _inside(found.__module__, known):
        raise BadInput(f"{place}: it names {target}, which only borrows {found.__module__}.{class_name}")
    if kinds and not _is_kind(found, kinds):
        raise BadInput(f"{place}: it names {target} where a {next(iter(kinds)).rpartition('.')[2]} belongs")
    if not kinds and not _inside(found.__module__, (*PROJECT, *allowed(), *extra)) and not _is_kind(found, PARTS):
        raise BadInput(f"{place}: it names {target}, which is no part of a Trainer, a callback or an optimizer")
    return found


def _check(key: str, target: str, place: str) -> None:
    trusted_class(target, kinds_at(key), f"{place}: {key}")


def _no_targets(settings: Any, at: str, place: str) -> None:
    for key, target in targets(settings, at):
        raise BadInput(f"{place}: {key} names {target}; no class belongs there")


def _no_interpolations(settings: Any, at: str, place: str) -> None:
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
        _no_interpolations(value, f"{at}.{key}", place)


def _no_places(settings: Any, typed: Any, at: str, place: str) -> None:
    """A stored callback, logger or Trainer writes into the folder of its run, not where a file says."""
    if isinstance(settings, (list, tuple)):
        settings = dict(enumerate(settings))
    if not isinstance(settings, dict):
        return
    for key, value in settings.items():
        asked = typed.get(key) if isinstance(typed, dict) else None
        if key in PLACES and isinstance(value, str) and value != asked:
            path = PurePath(value)
            if path.is_absolute() or ".." in path.parts or value.startswith("~"):
                raise BadInput(
                    f"{place}: {at}.{key}={value} lies outside of the run's folder; {at}.{key}=... in this command says"
                    " where it may write"
                )
        _no_places(value, asked, f"{at}.{key}", place)


def _inside(module_name: str, packages: Collection[str]) -> bool:
    return any(module_name == name or module_name.startswith(f"{name}.") for name in packages)


def _is_kind(found: Any, kinds: Collection[str]) -> bool:
    return inspect.isclass(found) and any(issubclass(found, pkgutil.resolve_name(kind)) for kind in kinds)
