"""Resume a run that was stopped: `resume=RUN`, or `resume=auto` for the latest one of equal settings.

`resume=RUN/checkpoints/previous.ckpt` goes on from there, where last.ckpt is torn.

The run's own settings stand.  What says how long and how it is watched may be changed on the way, as well as where its
data is, if that is still the same (`Key.resumable` in scripts/config/keys.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from datamodules.errors import BadInput
from scripts.config import trust
from scripts.config.composing import compose
from scripts.config.dotted import get, put
from scripts.config.keys import facts, resumable_keys
from scripts.config.override import last_value, parse_all
from scripts.config.overrides import groups
from scripts.runs.folder import RunFolder

log = logging.getLogger(__name__)


def folder_to_resume(overrides: Iterable[str]) -> RunFolder | None:
    """The run that overrides ask to resume; None where they ask for a new one.

    Raises:
        BadInput: there is no such run.
    """
    overrides = list(overrides)
    asked = last_value(overrides, "resume")
    if asked is None:
        return None
    if asked.endswith(".ckpt"):
        return RunFolder.existing(Path(asked).expanduser().resolve().parent.parent)
    if asked != "auto":
        return RunFolder.existing(asked)
    settings = compose(*(override for override in overrides if "=" in override))
    for folder in sorted((Path(settings["runs_dir"]) / settings["name"]).glob("*/config.yaml"), reverse=True):
        run = RunFolder(folder.parent)
        if is_same_run(run.config(), settings):
            return run
    return None


def checkpoint_to_resume(run: RunFolder, overrides: Iterable[str]) -> Path | None:
    """The checkpoint that overrides name, or else the run's last.ckpt; None where it has none yet.

    Raises:
        BadInput: it is torn, or holds no state of training; with what can be typed instead.
    """
    # it loads torch; the process of a sweep asks for less
    from lightning_modules.training import checkpoint_io

    asked = last_value(overrides, "resume")
    last, previous = run.checkpoints / "last.ckpt", run.checkpoints / "previous.ckpt"
    is_file_named = asked is not None and asked.endswith(".ckpt")
    chosen = Path(str(asked)).expanduser() if is_file_named else last
    if not is_file_named and not last.exists():
        return None
    alternatives = (
        [f"resume={previous} goes on from the one before it"] if previous.exists() and chosen != previous else []
    )
    alternatives.append(f"init_from={run.path} starts a new run from the weights of best.ckpt")
    instead = ", ".join(alternatives)
    try:
        state = checkpoint_io.load(chosen)
    except BadInput as error:
        raise BadInput(f"{error}; {instead}") from None
    if "optimizer_states" not in state:
        raise BadInput(f"{chosen}: holds weights, not the state of training; {instead}")
    return chosen


def settings_to_resume(run: RunFolder, composed: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """The run's own settings, with those changes of this command that a run may be resumed with.

    Args:
        run: which run.
        composed: all settings of this command, resolved.
        overrides: of this command.

    Raises:
        BadInput: an override asks for what would be another run, or the run names classes that are not to be trusted.
    """
    settings = run.config()
    trust.check_stored(settings, str(run.config_file), overridden_settings=composed)
    for override in parse_all(overrides):
        key, key_facts = override.key, facts(override.key)
        if key_facts.role == "place" and not key_facts.in_sweep:
            continue
        if key_facts.resumable:
            if key in groups():
                settings[key] = composed[key]
            else:
                put(settings, key, get(composed, key))
        elif key == "experiment" and not is_same_run(settings, composed):
            raise BadInput(f"{override.plain}: the run {run.path} goes on with its own settings; leave this out")
        elif _chosen(settings, key) != _chosen(composed, key):
            raise BadInput(
                f"{override.plain}: the run {run.path} has {_shown(_chosen(settings, key))};"
                f" a run goes on with its own settings, only those of {', '.join(resumable_keys())} can be changed"
            )
    return {**settings, "resume": None}


def has_finished(run: RunFolder, settings: dict[str, Any]) -> bool:
    """Whether there is nothing left to do for a run with these settings.

    The configuration is read before the metrics: of several processes that a launcher started, the first one removes
    the metrics and then writes the new configuration, perhaps before a slower one asks.
    """
    return is_same_run(run.config(), settings, moved_data=True) and run.metrics() is not None


def is_same_run(first: dict[str, Any], second: dict[str, Any], moved_data: bool = False) -> bool:
    """Whether two configurations are those of one run.

    Args:
        first: settings.
        second: settings.
        moved_data: whether the data may lie elsewhere; its fingerprint is compared when it is read.
    """
    return _identity(first, moved_data) == _identity(second, moved_data)


def _identity(settings: dict[str, Any], moved_data: bool) -> dict[str, Any]:
    """Settings without places of a run, as a file holds them (where there are no tuples)."""
    identity = {key: value for key, value in settings.items() if facts(key).role != "place" or facts(key).in_sweep}
    if moved_data and isinstance(identity.get("datamodule"), dict):
        identity["datamodule"] = {key: value for key, value in identity["datamodule"].items() if key != "data_dir"}
    return yaml.safe_load(yaml.safe_dump(identity))


def _chosen(settings: Any, key: str) -> Any:
    """A setting; of a group, the class that was chosen."""
    found = get(settings, key)
    return found.get("_target_", found) if isinstance(found, dict) else found


def _shown(value: Any) -> str:
    return value.rpartition(".")[2].lower() if isinstance(value, str) else "null" if value is None else str(value)
