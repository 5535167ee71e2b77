"""Console of tables of results."""

from __future__ import annotations

import os

from rich.console import Console


def wide_console(stderr: bool = False) -> Console:
    """A terminal is as wide as it is; a file or pipe takes long lines."""
    console = Console(stderr=stderr)
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(stderr=stderr, width=160)
