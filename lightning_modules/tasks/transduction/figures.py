"""Figures of attention weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from lightning_modules.tasks.figure_text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def attention_figure(examples: Sequence[tuple[Tensor, list[str], list[str]]]) -> Figure:
    """A matrix for each example: a row for each target symbol, a column for each source token.

    Args:
        examples: weights (U, T), the U target symbols, the T source tokens.
    """
    from matplotlib.figure import Figure

    heights = [1.2 + 0.2 * len(target) for _, target, _ in examples]
    width = 1.5 + 0.25 * max(len(source) for _, _, source in examples)
    figure = Figure(figsize=(max(width, 4), sum(heights)), layout="constrained")
    rows = figure.subplots(len(examples), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (weights, target, source) in zip(rows, examples):
        axes.imshow(weights.numpy(), cmap="magma", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(source)), [_shown(token) for token in source], fontsize=8)
        axes.set_yticks(range(len(target)), [_shown(token) for token in target], fontsize=8)
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        if max(map(len, source)) > 2:
            axes.tick_params(axis="x", labelrotation=60)
    return figure


def _shown(token: str) -> str:
    return plain(token.replace(" ", "␣"))
