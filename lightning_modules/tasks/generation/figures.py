"""Figures of generated texts and of curves over lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING

from lightning_modules.tasks.figure_text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 110  # characters of a line


def texts_figure(texts: Sequence[str], labels: Sequence[str] | None = None) -> Figure:
    """Texts as lines of a page; those of one label, in sequence, on a line together after it."""
    from matplotlib.figure import Figure

    lines: list[str] = []
    if labels is None:
        for text in texts:
            lines += wrap(text, WIDTH, drop_whitespace=False) or [""]
    else:
        for label, pairs in groupby(zip(labels, texts), key=lambda pair: pair[0]):
            lines += wrap(f"{label}:  " + "   ".join(text for _, text in pairs), WIDTH, subsequent_indent="    ")
    figure = Figure(figsize=(9, 0.24 * len(lines) + 0.3))
    for number, line in enumerate(lines):
        place = 1 - (number + 0.8) / (len(lines) + 1)
        figure.text(0.02, place, plain(line), family="DejaVu Sans Mono", fontsize=8)
    return figure


def bars_figure(values: Mapping[str, float], label: str) -> Figure:
    """A bar for each name, the longest first."""
    from matplotlib.figure import Figure

    names = sorted(values, key=lambda name: values[name])
    figure = Figure(figsize=(7, 0.26 * len(names) + 0.8), layout="constrained")
    axes = figure.subplots()
    axes.barh(names, [values[name] for name in names], color="#3b7dd8")
    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def curve_figure(x: Sequence[float], y: Sequence[float], x_label: str, y_label: str) -> Figure:
    """Points in the order of x, joined."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(x, y, marker="o", markersize=4, color="#3b7dd8")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
