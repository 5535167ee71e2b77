"""Rows of results for people."""

from __future__ import annotations

import math
from typing import Any

from rich import box
from rich.table import Table


def table(rows: list[dict[str, Any]], title: str | None = None) -> Table:
    """A table with a column for each key of any row; numbers stand right."""
    built = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    examples: dict[str, Any] = {}
    for row in max(rows, key=len, default={}), *rows:  # the fullest row knows the order
        for key, value in row.items():
            examples.setdefault(key, value)
    for key, value in examples.items():
        built.add_column(key, justify="left" if isinstance(value, str) else "right", overflow="fold")
    for row in rows:
        built.add_row(*(shown(row.get(key)) for key in examples))
    return built


def shown(value: Any) -> str:
    """A cell of a table: numbers with about four significant digits, None as nothing, anything else as its string."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) or (value == int(value) and abs(value) >= 100):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4g}" if abs(value) >= 1 else f"{value:.4f}"
