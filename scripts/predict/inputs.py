"""What a person gives to be answered."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from datamodules.errors import BadInput


def texts_of(inputs: Iterable[str]) -> Iterator[str]:
    """The inputs as they stand; for `-`, the lines of standard input."""
    for text in inputs:
        if text != "-":
            yield text
            continue
        for raw in sys.stdin.buffer:
            yield raw.decode("utf-8", "replace").rstrip("\r\n")


def attempted(change: Callable[[Any], Any], value: Any) -> Any:
    """What `change` makes of a value, or the reason why it cannot."""
    try:
        return change(value)
    except BadInput as error:
        return error


def by_size(
    prepared: Sequence[Any], size_of: Callable[[Any], int], batch_size: int, answers: Callable[[tuple], Iterable[Any]]
) -> list[Any]:
    """An answer to each thing in turn; the reason why it cannot be read, where one stands in its place.

    Things of like size share a batch: little padding.
    """
    results = list(prepared)
    readable = [position for position, thing in enumerate(prepared) if not isinstance(thing, BadInput)]
    readable.sort(key=lambda position: size_of(prepared[position]))
    for start in range(0, len(readable), batch_size):
        positions = readable[start : start + batch_size]
        for position, result in zip(positions, answers(tuple(prepared[i] for i in positions))):
            results[position] = result
    return results
