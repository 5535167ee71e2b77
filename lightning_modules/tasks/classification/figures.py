"""Figures of classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

MOST_CLASSES = 40  # in a figure; more could not be read, and would take its memory by their square
CELL = 36  # pixels of a class at least
SIDE = 300  # pixels of all classes at least


def confusion_figure(matrix: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Share of each target class (row) that was predicted as each class (column); rows sum to 1.

    Of more than `MOST_CLASSES` classes it shows those that are most often confused.  Pillow draws it in a tenth of
    the time of matplotlib, which would be a fifth of what a short run takes beside its training.

    Returns:
        (H, W, 3) uint8 pixels.
    """
    from matplotlib import colormaps, get_data_path
    from PIL import Image, ImageDraw, ImageFont

    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shown = most_confused(matrix, MOST_CLASSES)
    title = "percent of each target class"
    if len(shown) < len(classes):
        title = f"{title}: the {len(shown)} of {len(classes):,} that are most often confused"
        share, classes = share[np.ix_(shown, shown)], [classes[i] for i in shown]
    font = str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
    small, medium, large = (ImageFont.truetype(font, size) for size in (10, 14, 17))
    names = [" ".join(name.split()) for name in classes]
    cell = max(CELL, SIDE // len(classes))
    side, middle = cell * len(classes), cell / 2
    left, top = 48 + int(max(map(medium.getlength, names))), 34

    image = Image.new("RGB", (left + side + 20, top + side + left), "white")
    draw = ImageDraw.Draw(image)
    draw.text((left + side / 2, top - 10), title, "black", large, "ms")
    draw.rectangle((left - 1, top - 1, left + side, top + side), outline="black")
    cells = Image.fromarray(colormaps["Blues"](share, bytes=True)[:, :, :3])
    image.paste(cells.resize((side, side), Image.Resampling.NEAREST), (left, top))
    for row, column in zip(*np.nonzero(share >= 0.005)):
        at = left + column * cell + middle, top + row * cell + middle
        colour = "white" if share[row, column] > 0.6 else "black"
        draw.text(at, f"{100 * share[row, column]:.0f}", colour, small, "mm")

    labels = Image.new("RGB", (left - 1, side), "white")  # left of the rows; turned, below the columns
    draw_label = ImageDraw.Draw(labels)
    for row, name in enumerate(names):
        at = left - 10, row * cell + middle
        draw_label.line((left - 6, at[1], left, at[1]), "black")
        draw_label.text(at, name, "black", medium, "rm")
    image.paste(labels, (0, top))
    image.paste(labels.transpose(Image.Transpose.ROTATE_90), (left, top + side + 1))
    draw.text((left + side / 2, image.height - 10), "prediction", "black", medium, "ms")
    word = Image.new("RGB", (80, 24), "white")
    ImageDraw.Draw(word).text((40, 12), "target", "black", medium, "mm")
    image.paste(word.transpose(Image.Transpose.ROTATE_90), (4, top + side // 2 - 40))
    return np.asarray(image)


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
