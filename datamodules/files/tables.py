"""Tables that polars reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datamodules.errors import BadInput


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Whatever polars says of a file becomes a sentence; of a torn Parquet file it says that it panicked.

    Rust's own line about that has come before on standard error.  Where a torn size asks for more memory than there is,
    that line is all: Rust then ends the process.

    Args:
        path: the file.
        kind: what it should be.

    Raises:
        BadInput: it cannot be read.
    """
    import polars

    failures = (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError, ValueError)
    try:
        yield
    except failures as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise BadInput(f"{path}: not {kind} that can be read ({reason})") from None
