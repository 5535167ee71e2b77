"""What a person gives to be answered."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator


def texts_of(inputs: Iterable[str]) -> Iterator[str]:
    """The inputs as they stand; for `-`, the lines of standard input."""
    for text in inputs:
        if text != "-":
            yield text
            continue
        for raw in sys.stdin.buffer:
            yield raw.decode("utf-8", "replace").rstrip("\r\n")
