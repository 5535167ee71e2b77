"""Loading modules without Python's collector of cycles in between."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """While modules are loaded nothing is garbage, and what was loaded stays: the collector never looks through it.

    That looking takes half a second of a start, as much again in every process that is forked later, and where a
    million texts are predicted.
    """
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # what a later call finds beside modules may be garbage
            gc.freeze()
        gc.enable()
