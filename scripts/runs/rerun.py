"""Repeating a run from its folder: `rerun=RUN`, with what is to be different this time after it.

The new run has the old one's settings as they were resolved then, whatever the files in conf say today.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from datamodules.errors import BadInput
from scripts.config.dotted import get, key_of, put
from scripts.config.overrides import groups
from scripts.runs.folder import RunFolder

#: What a word may name besides settings of the run.
PLACE = ("rerun", "runs_dir", "name", "hydra")


def completed(words: Sequence[str]) -> list[str]:
    """The words of a command as Hydra can read them, with those added that put a repeated run beside the first one.

    Raises:
        BadInput: there is no such run, or several runs are asked for at once.
    """
    run = run_to_repeat(words)
    if run is None:
        return list(words)
    if {"-m", "--multirun"} & set(words):
        raise BadInput("rerun: repeats one run; without -m")
    config = run.config()
    typed = {key_of(word) for word in words}
    place = {"rerun": run.path, **{key: config[key] for key in ("runs_dir", "name") if key not in typed}}
    kept = [word for word in words if key_of(word) != "rerun"]
    return kept + [f"{key}={_quoted(str(value))}" for key, value in place.items()]


def run_to_repeat(words: Iterable[str]) -> RunFolder | None:
    asked = [word.partition("=")[2].strip("'\"") for word in words if key_of(word) == "rerun"]
    return RunFolder.existing(asked[-1]) if asked and asked[-1] not in ("", "null") else None


def settings_to_repeat(run: RunFolder, composed: dict[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """The run's own settings with the changes that the words of this command ask for.

    Args:
        run: which run.
        composed: all settings of this command, resolved.
        words: of this command.

    Raises:
        BadInput: a word names settings that only a whole new composition could change.
    """
    known = groups()
    settings = {**run.config(), **{key: composed[key] for key in ("runs_dir", "name", "rerun")}, "resume": None}
    for word in words:
        key = key_of(word)
        group = key.partition(".")[0]
        if group in PLACE:
            continue
        if key == "experiment" or (key in known and key not in composed):
            raise BadInput(f"{word}: a repeated run has its own settings; single settings and groups can be changed")
        put(settings, key.partition("@")[0], get(composed, key.partition("@")[0]))
    if "seed" in settings and any(key_of(word) == "seed" for word in words):
        settings["datamodule"] = {**settings["datamodule"], "seed": settings["seed"]}
    return settings


def words_told(run: RunFolder, words: Iterable[str]) -> list[str]:
    """What was set for the run and is now, as the words of one command."""
    words = [word for word in words if key_of(word) != "rerun"]
    typed = {key_of(word) for word in words}
    return [word for word in run.environment().get("overrides", []) if key_of(word) not in typed] + words


def _quoted(text: str) -> str:
    """In Hydra's grammar, where folder names with commas would be lists."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
