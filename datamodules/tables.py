"""Tables that polars reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from datamodules.errors import BadInput


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Whatever polars says of a file becomes a sentence; of a torn Parquet file it says that it panicked.

    Args:
        path: the file.
        kind: what it should be.

    Raises:
        BadInput: it cannot be read.
    """
    import polars

    failures = (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError, ValueError)
    try:
        with _without_backtraces() if path.suffix.lower() == ".parquet" else nullcontext():
            yield
    except BadInput:
        raise
    except failures as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise BadInput(f"{path}: not {kind} that can be read ({reason})") from None


@contextmanager
def _without_backtraces() -> Iterator[None]:
    """Rust writes those of a panic on standard error, wherever Python has it."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
