"""Renamed configuration keys and values: old ones are accepted for one version, with a line that names the new one."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from lightning_modules.training.stored_config import RENAMED_KEYS, RENAMED_VALUES
from scripts.config.override import Override


def with_new_keys(overrides: Iterable[str]) -> list[str]:
    """The overrides of a command line with today's keys and values; each replacement is printed on standard error."""
    return [_with_new_value(_with_new_key(override)) for override in overrides]


def _with_new_key(override: str) -> str:
    key = Override.parse(override).key
    if key not in RENAMED_KEYS:
        return override
    print(f"{key} is called {RENAMED_KEYS[key]} now; the old name goes with the next version", file=sys.stderr)
    return override.replace(key, RENAMED_KEYS[key], 1)


def _with_new_value(override: str) -> str:
    parsed = Override.parse(override)
    values = RENAMED_VALUES.get(parsed.key)
    if values is None or parsed.value is None:
        return override
    chosen = parsed.value.split(",")  # of a grid, several
    for old in dict.fromkeys(value for value in chosen if value in values):
        new = f"{parsed.key}={values[old]}"
        print(f"{parsed.key}={old} is {new} now; the old value goes with the next version", file=sys.stderr)
    return str(parsed.with_value(",".join(values.get(value, value) for value in chosen)))
