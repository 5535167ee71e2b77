"""Figures of classifiers.  matplotlib is imported only when one is drawn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MOST_CLASSES = 40  # in a figure; more could not be read, and would take its memory by their square


def confusion_figure(matrix: np.ndarray, classes: Sequence[str]) -> Figure:
    """Share of each target class (row) that was predicted as each class (column); rows sum to 1.

    Of more than `MOST_CLASSES` classes it shows those that are most often confused.
    """
    from matplotlib.figure import Figure

    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shown = most_confused(matrix, MOST_CLASSES)
    title = "percent of each target class"
    if len(shown) < len(classes):
        title = f"{title}: the {len(shown)} of {len(classes):,} that are most often confused"
        share, classes = share[np.ix_(shown, shown)], [classes[i] for i in shown]
    labels = 0.5 + 0.085 * max(map(len, classes))  # inches; a layout that measures them takes as long as the rest
    side = max(4.0 - labels, 0.36 * len(classes) + 0.4)
    figure = Figure(figsize=(side + labels, side + labels))
    left = labels / (side + labels)
    axes = figure.add_axes((left, left, 0.98 - left, 0.96 - left))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(classes))
    axes.set_xticks(ticks, [plain(name) for name in classes], rotation=90)
    axes.set_yticks(ticks, [plain(name) for name in classes])
    axes.set_xlabel("prediction")
    axes.set_ylabel("target")
    for row, column in zip(*np.nonzero(share >= 0.005)):
        colour = "white" if share[row, column] > 0.6 else "black"
        text = f"{100 * share[row, column]:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    axes.set_title(title)
    return figure


def most_confused(matrix: np.ndarray, most: int) -> list[int]:
    """At most `most` classes in their order: pair after pair by how often one is taken for the other; all if few.

    Where fewer are confused, the most frequent classes fill the rest.
    """
    if len(matrix) <= most:
        return list(range(len(matrix)))
    wrong = matrix + matrix.T
    np.fill_diagonal(wrong, 0)
    upper = np.triu(wrong)
    rows, columns = np.nonzero(upper)
    order = np.argsort(-upper[rows, columns], kind="stable")
    pairs = np.stack([rows[order], columns[order]], axis=1).flatten()
    frequent = np.argsort(-matrix.sum(axis=1), kind="stable")
    return sorted(list(dict.fromkeys([*pairs.tolist(), *frequent.tolist()]))[:most])


def plain(text: str) -> str:
    """Text that matplotlib does not take for a formula; of a letter that its font lacks it shows a box, silently."""
    warnings.filterwarnings("ignore", message="Glyph .* missing from font")
    return text.replace("$", r"\$")
