"""Settings -> objects."""

from __future__ import annotations

from typing import Any

from hydra.utils import instantiate


def build(settings: dict[str, Any], **given: Any) -> Any:
    """What `_target_` makes of the other settings and of what the program gives; errors arrive as they were raised.

    Hydra would turn data classes among the given arguments into dicts, so it only binds the settings.
    """
    return instantiate(settings, _partial_=True, _convert_="all")(**given)
