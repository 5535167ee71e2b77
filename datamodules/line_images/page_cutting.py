"""Lines cut out of the image of their page."""

from __future__ import annotations

import io
import math
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from datamodules.errors import BadInput
from datamodules.line_images.images import single_page
from datamodules.line_images.page_lines import LEAST_SLOPE, PageLine, Points, slope

PAGES_KEPT = 3  # decoded page images held at a time


def cut_line(image: Path, line: PageLine, size: tuple[float, float]) -> bytes:
    """A line of a page as a PNG: inside its outline, paper around it, its baseline turned level.

    Args:
        image: of the page.
        line: which line.
        size: of the page as its file says; where the image has another, the coordinates are scaled.

    Raises:
        BadInput: the image cannot be read, or the outline lies outside it.
    """
    page = page_image(image)
    factors = [got / declared if declared else 1.0 for got, declared in zip(page.size, size)]
    outline, baseline = ([(x * factors[0], y * factors[1]) for x, y in part] for part in (line.outline, line.baseline))
    if len(outline) == 2:
        (left, top), (right, bottom) = outline
        outline = [(left, top), (right, top), (right, bottom), (left, bottom)]
    if not all(math.isfinite(value) and abs(value) < 1e7 for point in outline + baseline for value in point):
        raise BadInput("an outline far outside its page")
    box = _bounds(outline, page.size)
    if box[2] - box[0] < 2 or box[3] - box[1] < 2:
        raise BadInput("an outline outside its page, or without an area")
    crop = page.crop(box)
    mask = Image.new("L", crop.size, 0)
    ImageDraw.Draw(mask).polygon([(x - box[0], y - box[1]) for x, y in outline], fill=255)
    inside = np.asarray(crop)[np.asarray(mask) > 0]
    paper = int(np.median(inside)) if inside.size else 255
    crop = Image.composite(crop, Image.new("L", crop.size, paper), mask)
    angle = slope(baseline)
    if abs(angle) > LEAST_SLOPE:
        around = Image.composite(mask, Image.new("L", crop.size, 0), mask)
        crop = crop.rotate(math.degrees(angle), Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
        inner = around.rotate(math.degrees(angle), Image.Resampling.NEAREST, expand=True, fillcolor=0).getbbox()
        crop = crop.crop(inner) if inner else crop
    file = io.BytesIO()
    crop.save(file, "PNG", compress_level=1)
    return file.getvalue()


def scaled(points: Points, declared: tuple[float, float], size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Points of a page file in whole pixels of the page's image."""
    factors = [got / by if by else 1.0 for got, by in zip(size, declared)]
    return tuple((round(x * factors[0]), round(y * factors[1])) for x, y in points)


def _bounds(points: Points, size: tuple[int, int]) -> tuple[int, int, int, int]:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, top = max(0, math.floor(min(xs))), max(0, math.floor(min(ys)))
    return left, top, min(size[0], math.ceil(max(xs)) + 1), min(size[1], math.ceil(max(ys)) + 1)


class PageImages:
    """Decoded page images, the last few of them: the lines of a page follow each other."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, Image.Image] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, path: Path) -> Image.Image:
        with self._lock:
            if path in self._kept:
                self._kept.move_to_end(path)
                return self._kept[path]
            page = single_page(path.read_bytes()).grey
            self._kept[path] = page
            while len(self._kept) > PAGES_KEPT:
                self._kept.popitem(last=False)
            return page


page_image = PageImages()
