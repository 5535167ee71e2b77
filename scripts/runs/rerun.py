"""Repeating a run from its folder: `rerun=RUN`, with what is to be different this time after it.

The new run has the old one's settings as they were resolved then, whatever the files in conf say today.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from datamodules.errors import BadInput
from scripts.config import trust
from scripts.config.dotted import get, put
from scripts.config.keys import facts
from scripts.config.override import Override, last_value, parse_all
from scripts.config.overrides import groups
from scripts.runs.folder import RunFolder

#: Settings of a run that its repetition takes from the command instead, where they are given there.
OF_COMMAND = ("runs_dir", "name", "rerun")


def with_place(overrides: Sequence[str]) -> list[str]:
    """The arguments of a command with the overrides added that put a repeated run beside the first one.

    Raises:
        BadInput: there is no such run, or several runs are asked for at once.
    """
    run = run_to_repeat(overrides)
    if run is None:
        return list(overrides)
    if {"-m", "--multirun"} & set(overrides):
        raise BadInput("rerun: repeats one run; without -m")
    config = run.config()
    overridden_keys = {override.key for override in parse_all(overrides)}
    place = {"rerun": run.path, **{key: config[key] for key in ("runs_dir", "name") if key not in overridden_keys}}
    kept = [override for override in overrides if Override.parse(override).key != "rerun"]
    return kept + [str(Override.of(key, str(value))) for key, value in place.items()]


def run_to_repeat(overrides: Iterable[str]) -> RunFolder | None:
    """The run that `rerun=` names; None where it names none."""
    asked = last_value(overrides, "rerun")
    return RunFolder.existing(asked) if asked else None


def settings_to_repeat(run: RunFolder, composed: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """The run's own settings with the changes that the overrides of this command ask for.

    Args:
        run: which run.
        composed: all settings of this command, resolved.
        words: overrides of this command.

    Raises:
        BadInput: an override names settings that only a whole new composition could change, or the run names classes
            that are not to be trusted.
    """
    config_groups = groups()
    stored = run.config()
    trust.check_stored(stored, str(run.config_file), overridden_settings=composed)
    settings = {**stored, **{key: composed[key] for key in OF_COMMAND}, "resume": None}
    changes = [o for o in parse_all(overrides) if not o.key.startswith("hydra") and o.key not in OF_COMMAND]
    for override in changes:
        if override.key == "experiment" or (override.key in config_groups and override.key not in composed):
            raise BadInput(
                f"{override.plain}: a repeated run has its own settings; single settings and groups can be changed"
            )
        put(settings, override.key, get(composed, override.key))
    if "seed" in settings and any(facts(override.key).role == "seed" for override in changes):
        settings["datamodule"] = {**settings["datamodule"], "seed": settings["seed"]}
    return settings


def recorded_overrides(run: RunFolder, overrides: Iterable[str]) -> list[str]:
    """The overrides of the repeated run and of this command, as those of one command."""
    overrides = [override for override in overrides if Override.parse(override).key != "rerun"]
    overridden_keys = {override.key for override in parse_all(overrides)}
    before = run.environment().get("overrides", [])
    return [override for override in before if Override.parse(override).key not in overridden_keys] + overrides
