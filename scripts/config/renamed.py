"""Renamed configuration keys: the old ones are accepted for one version, with a line that names the new one."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from lightning_modules.training.stored_config import RENAMED_KEYS
from scripts.config.override import Override


def with_new_keys(overrides: Iterable[str]) -> list[str]:
    """The overrides of a command line, old keys replaced; each replacement is said on standard error."""
    current = []
    for override in overrides:
        key = Override.parse(override).key
        if key in RENAMED_KEYS:
            print(f"{key} is called {RENAMED_KEYS[key]} now; the old name goes with the next version", file=sys.stderr)
            override = override.replace(key, RENAMED_KEYS[key], 1)
        current.append(override)
    return current
