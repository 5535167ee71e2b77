"""Settings by their dotted names."""

from __future__ import annotations

from typing import Any


def get(settings: Any, key: str) -> Any:
    """The value at `a.b`; None where there is none."""
    for part in key.split("."):
        settings = settings.get(part) if isinstance(settings, dict) else None
    return settings


def put(settings: dict[str, Any], key: str, value: Any) -> None:
    """Set `a.b`; groups on the way are copied first, so that what else holds them does not change."""
    *parents, last = key.split(".")
    for part in parents:
        settings[part] = dict(settings.get(part) or {})
        settings = settings[part]
    settings[last] = value
