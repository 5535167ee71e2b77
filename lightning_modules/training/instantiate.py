"""Settings -> objects."""

from __future__ import annotations

from typing import Any

from hydra.utils import instantiate


def build(settings: dict[str, Any], **arguments: Any) -> Any:
    """The object of `_target_`, made with the other settings and with `arguments`; errors arrive as they were raised.

    Hydra would turn data classes among the given arguments into dicts, so it only binds the settings.
    """
    return instantiate(settings, _partial_=True, _convert_="all")(**arguments)


def members_of(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Settings of the modules that a module is made of: by name, or those of finished runs."""
    members = settings.get("members") or {}
    if isinstance(members, list):
        return [member["module"] for member in members]
    return [member for member in members.values() if member]
