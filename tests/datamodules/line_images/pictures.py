"""Small pictures of words for tests, drawn by the program."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from datamodules.line_images.records import LineRecord
from datamodules.line_images.rendering import Renderer

TEXTS = ("ab", "Straße 7", "a  b", '"quoted", so', "ſchön", "é́")


def encoded(grey: np.ndarray, form: str = "PNG", **settings) -> bytes:
    """Grey levels as the bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(grey).save(file, form, **settings)
    return file.getvalue()


def written(number: int = 0, height: int = 40) -> np.ndarray:
    """Black on white, uint8 (height, width)."""
    return 255 - Renderer(height, seed=3).line(number)[0]


def records(texts: tuple[str, ...] = TEXTS) -> list[LineRecord]:
    """A line for each text; the pictures say something else."""
    made = []
    for number, text in enumerate(texts):
        content = encoded(written(number))
        made.append(LineRecord(f"book{number % 2}/page_{number:02d}.png", text, lambda c=content: c, f"line {number}"))
    return sorted(made, key=lambda record: record.id)


def write_lines_folder(folder: Path, count: int = 24, seed: int = 0, prefix: str = "") -> Path:
    """`count` rendered lines as a folder of `<a or b>_<number>.png` and `.gt.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    renderer = Renderer(36, ["tin", "net", "ten", "tie"], min_words=1, max_words=2, seed=seed)
    for number in range(count):
        image, text = renderer.line(number)
        name = f"{prefix}{'abcd'[number % 4]}_{number:03d}"
        (folder / f"{name}.png").write_bytes(encoded(255 - image))
        (folder / f"{name}.gt.txt").write_text(text + "\n", encoding="utf-8")
    return folder
