"""Formatting of numbers: durations, sizes, intervals."""

from __future__ import annotations

import math


def amount(value: float) -> str:
    """Four digits that matter: `0.7656`, `12.31`, `1,204`, `0.0000213` as `2.13e-05`.

    >>> amount(0.76561), amount(12.3456), amount(0.0000213), amount(3.0)
    ('0.7656', '12.35', '2.13e-05', '3')
    """
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 1:
        return f"{value:.4g}"
    return f"{value:.4f}" if abs(value) >= 0.0005 else f"{value:.3g}"


def signed(value: float) -> str:
    """With its sign; a true minus, so that it is as wide as a plus."""
    return ("+" if value >= 0 else "−") + amount(abs(value))


def count(value: float) -> str:
    """
    >>> count(950), count(80_402), count(3_200_000)
    ('950', '80.4k', '3.2M')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"


def duration(seconds: float) -> str:
    """
    >>> duration(0.25), duration(7.4), duration(135), duration(7380)
    ('0.25 s', '7.4 s', '2:15 min', '2:03 h')
    """
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


def memory(megabytes: float) -> str:
    """
    >>> memory(916.2), memory(2048)
    ('916 MB', '2 GB')
    """
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1024:.3g} GB"


def with_interval(value: float, half_interval: float | None) -> str:
    """The interval is left out where every run gave one value, as a deterministic baseline does."""
    return f"{amount(value)} ± {amount(half_interval)}" if half_interval else amount(value)
