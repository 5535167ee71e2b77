"""One picture of a line -> ink on paper at a fixed height."""

from __future__ import annotations

import io
import warnings
from typing import Literal

import numpy as np
from PIL import Image

from datamodules.errors import BadInput

Polarity = Literal["auto", "dark_on_light", "light_on_dark"]

#: Ends of file names that are taken for images.
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")

LEAST_CONTRAST = 12  # grey levels between ink and paper; less is an empty picture
MOST_PIXELS = 64_000_000  # of a picture before scaling; a line of text has far fewer


def line_image(encoded: bytes, height: int, max_width: int, polarity: Polarity = "auto") -> np.ndarray:
    """The ink of a picture, uint8 (height, width): 0 is paper, 255 the darkest ink.

    Colours become grey, transparency becomes paper, grey levels are stretched between paper and ink, and the width
    follows the height.

    Args:
        encoded: the bytes of a PNG, JPEG, TIFF or WebP file.
        height: rows of the result.
        max_width: columns that are accepted at this height.
        polarity: `auto` takes for paper what covers most of the picture.

    Raises:
        BadInput: not a picture, nothing written on it, or a line too wide.
    """
    return normalized(grey_levels(encoded), height, max_width, polarity)


def normalized(grey: Image.Image, height: int, max_width: int, polarity: Polarity = "auto") -> np.ndarray:
    """The ink of a grey picture; see `line_image`."""
    width = max(1, round(grey.width * height / grey.height))
    if width > max_width:
        raise BadInput(
            f"{width:,} pixels wide at height {height}; at most datamodule.max_width={max_width:,} are accepted"
        )
    scaled = grey.resize((width, height), Image.Resampling.BILINEAR)
    counts = np.array(scaled.histogram())
    darkest, lightest = extremes(counts)
    if lightest - darkest < LEAST_CONTRAST:
        raise BadInput("empty: nothing is written on it")
    ink = np.clip((lightest - np.arange(256)) / (lightest - darkest), 0, 1)  # of each grey level
    if polarity == "light_on_dark" or (polarity == "auto" and (ink * counts).sum() > 0.5 * counts.sum()):
        ink = 1 - ink
    table = np.rint(255 * ink).astype(np.uint8)
    return table[np.asarray(scaled)]


def extremes(counts: np.ndarray) -> tuple[int, int]:
    """The grey levels that count as full ink and as paper: all but 0.5 % of the pixels lie between them."""
    below = counts.cumsum() / counts.sum()
    darkest, lightest = int(np.searchsorted(below, 0.005)), int(np.searchsorted(below, 0.995))
    if lightest - darkest < LEAST_CONTRAST:  # perhaps a single small mark
        present = counts.nonzero()[0]
        return int(present[0]), int(present[-1])
    return darkest, lightest


def grey_levels(encoded: bytes) -> Image.Image:
    """A picture's grey levels on white paper.

    Raises:
        BadInput: it cannot be decoded, or is larger than any line.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(encoded))
        if picture.width * picture.height > MOST_PIXELS:
            raise BadInput(f"{picture.width:,} x {picture.height:,} pixels; at most {MOST_PIXELS:,} are accepted")
        if picture.mode.startswith("I") or picture.mode == "F":
            return _of_deep_levels(picture)
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            paper = Image.new("RGBA", picture.size, "white")
            return Image.alpha_composite(paper, picture.convert("RGBA")).convert("L")
        return picture.convert("L")
    except BadInput:
        raise
    except Exception as error:  # Pillow's decoders raise whatever they like
        reason = str(error).split(" <")[0] or type(error).__name__
        raise BadInput(f"not an image that can be read ({reason})") from None


def _of_deep_levels(picture: Image.Image) -> Image.Image:
    """16 or 32 bits a pixel, to 8."""
    levels = np.asarray(picture, dtype=np.float64)
    low, high = levels.min(), levels.max()
    return Image.fromarray(np.uint8(255 * (levels - low) / max(high - low, 1e-9)))
