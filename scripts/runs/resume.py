"""Going on with a run that was stopped: `resume=RUN`, or `resume=auto` for the latest one of the same settings.

`resume=RUN/checkpoints/previous.ckpt` goes on from there, where last.ckpt is torn.

The run's own settings stand.  What says how long and how it is watched may be changed on the way (`CHANGEABLE`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from datamodules.errors import BadInput
from scripts.config.composing import compose
from scripts.config.dotted import get, key_of, put
from scripts.config.overrides import groups
from scripts.runs.folder import RunFolder

log = logging.getLogger(__name__)

#: Groups and keys that a run may go on with changed.
CHANGEABLE = ("trainer", "callbacks", "logger", "evaluate", "non_finite", "compile", "tf32")
#: Keys that say where, not what.
PLACE = ("resume", "runs_dir", "sweep")


def folder_to_go_on_in(words: Iterable[str]) -> RunFolder | None:
    """The run that the words of a command ask to go on with; None where they ask for a new one.

    Raises:
        BadInput: there is no such run.
    """
    words = list(words)
    asked = _asked(words)
    if asked is None:
        return None
    if asked.endswith(".ckpt"):
        return RunFolder.existing(Path(asked).expanduser().resolve().parent.parent)
    if asked != "auto":
        return RunFolder.existing(asked)
    settings = compose(*(word for word in words if "=" in word))
    for folder in sorted((Path(settings["runs_dir"]) / settings["name"]).glob("*/config.yaml"), reverse=True):
        run = RunFolder(folder.parent)
        if same(run.config(), settings):
            return run
    return None


def _asked(words: Iterable[str]) -> str | None:
    asked = [word.partition("=")[2] for word in words if key_of(word) == "resume"]
    return asked[-1] if asked and asked[-1] not in ("", "null") else None


def checkpoint_to_go_on_from(run: RunFolder, words: Iterable[str]) -> Path | None:
    """The checkpoint that the words of a command name, or else the run's last.ckpt; None where it has none yet.

    Raises:
        BadInput: it is torn, or holds no state of training; with what can be typed instead.
    """
    # it loads torch; the process of a sweep asks for less
    from lightning_modules.training import checkpoint_io

    asked = _asked(words)
    last, previous = run.checkpoints / "last.ckpt", run.checkpoints / "previous.ckpt"
    named = asked is not None and asked.endswith(".ckpt")
    chosen = Path(str(asked)).expanduser() if named else last
    if not named and not last.exists():
        return None
    others = [f"resume={previous} goes on from the one before it"] if previous.exists() and chosen != previous else []
    others.append(f"init_from={run.path} starts a new run from the weights of best.ckpt")
    instead = ", ".join(others)
    try:
        state = checkpoint_io.load(chosen)
    except BadInput as error:
        raise BadInput(f"{error}; {instead}") from None
    if "optimizer_states" not in state:
        raise BadInput(f"{chosen}: holds weights, not the state of training; {instead}")
    return chosen


def settings_to_go_on_with(run: RunFolder, composed: dict[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """The run's own settings, with those changes of this command that a run may go on with.

    Args:
        run: which run.
        composed: all settings of this command, resolved.
        words: of this command.

    Raises:
        BadInput: a word asks for what would be another run.
    """
    settings = run.config()
    for word in words:
        key = key_of(word)
        group = key.partition(".")[0]
        if group in (*PLACE, "name", "hydra"):
            continue
        if group in CHANGEABLE:
            if "." not in key and group in groups():
                settings[group] = composed[group]
            else:
                put(settings, key, _chosen(composed, key))
        elif key == "experiment" and not same(settings, composed):
            raise BadInput(f"{word}: the run {run.path} goes on with its own settings; leave this word out")
        elif _chosen(settings, key) != _chosen(composed, key):
            raise BadInput(
                f"{word.lstrip('+')}: the run {run.path} has {_shown(_chosen(settings, key))};"
                f" a run goes on with its own settings, only those of {', '.join(CHANGEABLE)} can be changed"
            )
    return {**settings, "resume": None}


def has_finished(run: RunFolder, settings: dict[str, Any]) -> bool:
    """Whether there is nothing left to do for a run with these settings.

    The configuration is read before the metrics: of several processes that a launcher started, the first one removes
    the metrics and then writes the new configuration, perhaps before a slower one asks.
    """
    return same(run.config(), settings) and run.metrics() is not None


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether settings describe the same run."""
    return _without_place(one) == _without_place(other)


def _without_place(settings: dict[str, Any]) -> dict[str, Any]:
    # as a file holds it, where there are no tuples
    return yaml.safe_load(yaml.safe_dump({key: value for key, value in settings.items() if key not in PLACE}))


def _chosen(settings: Any, key: str) -> Any:
    """A setting; of a group, the class that was chosen."""
    found = get(settings, key)
    return found.get("_target_", found) if isinstance(found, dict) else found


def _shown(value: Any) -> str:
    return value.rpartition(".")[2].lower() if isinstance(value, str) else "null" if value is None else str(value)
