"""Size and nesting of containers in untrusted files."""

from __future__ import annotations

from typing import Any

from datamodules.errors import BadInput

MOST_ITEMS = 5_000_000  # a vocabulary or a table of scalers has far fewer


def check_size(value: Any, place: str, most: int = MOST_ITEMS) -> None:
    """Refuse containers that hold one another many times over, so that a few bytes would take for ever to walk.

    Raises:
        BadInput: more than `most` items, or a container inside itself.
    """
    waiting, seen = [value], 0
    while waiting:
        item = waiting.pop()
        children = item.values() if isinstance(item, dict) else item if isinstance(item, (list, tuple)) else ()
        seen += len(children)
        if seen > most:
            raise BadInput(f"{place}: more than {most:,} settings in it, or some inside themselves")
        waiting.extend(child for child in children if isinstance(child, (dict, list, tuple)))
