"""An image file -> pages -> the ink of one line of text at a fixed height.

This file needs numpy and Pillow alone: an exported model takes a copy of it along.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from datamodules.errors import BadInput

Polarity = Literal["auto", "dark_on_light", "light_on_dark"]
Ground = Literal["dark_on_light", "light_on_dark", "mixed"]
Vertical = Literal["refuse", "turn", "keep"]

LEAST_CONTRAST = 12  # grey levels between ink and paper; less is an empty picture
MOST_PIXELS = 64_000_000  # of a picture before scaling; a line of text has far fewer
MOST_PAGES = 10_000  # of one file
TALL = 2.5  # height / width from which a picture is a column, not a single narrow character
STUBS = {"EPS", "WMF", "MPEG", "HDF5", "GRIB", "BUFR"}  # formats that Pillow knows by name, or hands to other programs
PAGED = ("TIFF", "GIF", "WEBP")  # a second picture inside a JPEG of a phone is no page


# Pillow warns of large pictures, which are refused below, and of every odd tag.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class Page:
    """One page of an image file, upright, in grey levels."""

    grey: Image.Image
    ground_known: bool  # transparency says what is paper: the grey levels are dark on light


@dataclass(frozen=True)
class LineInk:
    """The ink of a line as if it were dark on light, and what its pixels say about that.

    Args:
        ink: uint8 (height, width): 0 is paper, 255 the darkest ink.
        mean: share of ink.
        border: share of the border's pixels that are ink.
        ground_known: see `Page`.
    """

    ink: np.ndarray
    mean: float
    border: float
    ground_known: bool = False

    @property
    def evidence(self) -> Ground | None:
        """Which polarity the pixels show for certain; None where they do not (bold type fills most of a tight crop)."""
        if self.ground_known or (self.border <= 0.15 and self.mean < 0.5):
            return "dark_on_light"
        return "light_on_dark" if self.border >= 0.85 and self.mean > 0.5 else None

    def of_polarity(self, polarity: Polarity, ground: Ground | None = None) -> np.ndarray:
        """The ink under a polarity: the given one, that which the pixels show, or that of the collection.

        Args:
            polarity: `auto` follows the evidence, and `ground` where there is none.
            ground: of the collection; None where nothing is known.
        """
        decided: str | None = polarity
        if self.ground_known:
            decided = "dark_on_light"
        elif polarity == "auto":
            decided = self.evidence or ground
            if decided not in ("dark_on_light", "light_on_dark"):
                least = 0.5 if decided == "mixed" else 0.65
                decided = "light_on_dark" if (self.mean + self.border) / 2 > least else "dark_on_light"
        return 255 - self.ink if decided == "light_on_dark" else self.ink


def collection_ground(lines: list[LineInk]) -> Ground:
    """The polarity of a collection: what its lines show for certain; `mixed` where a twentieth shows the other."""
    dark, light = (sum(line.evidence == found for line in lines) for found in ("dark_on_light", "light_on_dark"))
    if min(dark, light) > 0.05 * (dark + light):
        return "mixed"
    if dark == light:  # none
        return "light_on_dark" if np.mean([(n.mean + n.border) / 2 for n in lines] or [0]) > 0.65 else "dark_on_light"
    return "dark_on_light" if dark > light else "light_on_dark"


def image_suffixes() -> frozenset[str]:
    """Ends of file names, in lower case, that Pillow can open as a picture."""
    known = Image.registered_extensions()
    return frozenset(end for end, form in known.items() if form in Image.OPEN and form not in STUBS)


def pages(encoded: bytes) -> Iterator[Page]:
    """Every page of an image file, turned upright as its EXIF orientation says.

    Colours become grey; transparency becomes paper, white or black, whichever gives more contrast.

    Raises:
        BadInput: it cannot be decoded, or a page is larger than any line.
    """
    try:
        picture = Image.open(io.BytesIO(encoded))
        if picture.format in STUBS:
            raise BadInput(f"not an image that can be read ({picture.format} is no picture of pixels)")
        count = getattr(picture, "n_frames", 1) if picture.format in PAGED else 1
        if count > MOST_PAGES:
            raise BadInput(f"{count:,} pages; at most {MOST_PAGES:,} are accepted")
        for number in range(count):
            if number:
                picture.seek(number)
                if picture.format == "TIFF" and picture.getexif().get(254, 0) & 1:  # a smaller copy of another page
                    continue
            if picture.width * picture.height > MOST_PIXELS:
                raise BadInput(f"{picture.width:,} x {picture.height:,} pixels; at most {MOST_PIXELS:,} are accepted")
            yield _page(picture)
    except BadInput:
        raise
    except Exception as error:  # Pillow's decoders raise whatever they like
        reason = str(error).split(" <")[0] or type(error).__name__
        raise BadInput(f"not an image that can be read ({reason})") from None


def single_page(encoded: bytes) -> Page:
    """The page of a file that has one.

    Raises:
        BadInput: it has none or several, or cannot be decoded.
    """
    found = pages(encoded)
    page = next(found, None)
    if page is None:
        raise BadInput("not an image that can be read (no page in it)")
    if next(found, None) is not None:
        raise BadInput("several pages in one file; a text belongs to a file of one page")
    return page


def line_ink(page: Page, height: int, max_width: int, vertical: Vertical = "refuse") -> LineInk:
    """A page scaled to one line's height, its grey levels stretched between paper and ink.

    Args:
        page: of an image file.
        height: rows of the result; the width follows.
        max_width: columns that are accepted at this height.
        vertical: what becomes of a picture much taller than wide: `refuse`, `turn` (counter-clockwise: the top comes to
            the left) or `keep`.

    Raises:
        BadInput: nothing written on it, too wide, or too tall.
    """
    grey = page.grey
    if grey.height > TALL * grey.width and vertical != "keep":
        if vertical == "refuse":
            raise BadInput(
                f"{grey.width:,} x {grey.height:,} pixels, much taller than wide; this reads single lines of text"
                " (datamodule.vertical=turn turns columns, keep reads them as they are)"
            )
        grey = grey.transpose(Image.Transpose.ROTATE_90)
    width = max(1, round(grey.width * height / grey.height))
    if width > max_width:
        raise BadInput(
            f"{width:,} pixels wide at height {height}; at most datamodule.max_width={max_width:,} are accepted"
            f" (datamodule.max_width={width} reads it)"
        )
    scaled = grey.resize((width, height), Image.Resampling.BILINEAR)
    counts = np.array(scaled.histogram())
    darkest, lightest = extremes(counts)
    if lightest - darkest < LEAST_CONTRAST:
        raise BadInput("empty: nothing is written on it")
    table = np.rint(255 * np.clip((lightest - np.arange(256)) / (lightest - darkest), 0, 1)).astype(np.uint8)
    ink = table[np.asarray(scaled)]
    border = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
    return LineInk(ink, float(ink.mean() / 255), float((border > 127).mean()), page.ground_known)


def line_image(
    encoded: bytes, height: int, max_width: int, polarity: Polarity = "auto", vertical: Vertical = "refuse"
) -> np.ndarray:
    """The ink of an image file of one line, uint8 (height, width): 0 is paper, 255 the darkest ink.

    Raises:
        BadInput: see `single_page` and `line_ink`.
    """
    return line_ink(single_page(encoded), height, max_width, vertical).of_polarity(polarity)


def extremes(counts: np.ndarray) -> tuple[int, int]:
    """The grey levels that count as full ink and as paper: all but 0.5 % of the pixels lie between them."""
    below = counts.cumsum() / counts.sum()
    darkest, lightest = int(np.searchsorted(below, 0.005)), int(np.searchsorted(below, 0.995))
    if lightest - darkest < LEAST_CONTRAST:  # perhaps a single small mark
        present = counts.nonzero()[0]
        return int(present[0]), int(present[-1])
    return darkest, lightest


def count_text_lines(grey: Image.Image) -> int:
    """How many whole lines of text stand one below the other in a picture: bands of ink with paper between them.

    Bands that are flat, narrow, much fainter or much lower than the largest (accents, rules, descenders) do not count,
    nor do two of which one is cut off by the edge (a stroke of the neighbouring line).
    """
    if grey.height > 600:
        grey = grey.resize((max(1, round(grey.width * 600 / grey.height)), 600), Image.Resampling.BOX)
    levels = np.asarray(grey)
    darkest, lightest = extremes(np.array(grey.histogram()))
    if lightest - darkest < LEAST_CONTRAST:
        return 0
    ink = levels < (darkest + lightest) / 2
    border = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
    if border.mean() + ink.mean() > 1:
        ink = ~ink
    rows = ink.mean(axis=1)
    inked = rows > max(0.06 * np.percentile(rows, 90), 0.001)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inked.astype(int), [0]])))
    bands = []  # start, end, ink, width
    for start, end in zip(edges[::2], edges[1::2]):
        columns = np.flatnonzero(ink[start:end].any(axis=0))
        bands.append((start, end, ink[start:end].sum(), columns[-1] - columns[0] + 1))
    most = max((band[2] for band in bands), default=0)
    bands = [b for b in bands if b[2] >= 0.35 * most and b[1] - b[0] >= 6 and b[3] >= 2 * (b[1] - b[0])]
    highest = max((end - start for start, end, *_ in bands), default=0)
    bands = [band for band in bands if band[1] - band[0] >= 0.5 * highest]
    if len(bands) == 2 and (bands[0][0] == 0 or bands[1][1] == len(rows)):
        return 1
    return len(bands)


def refuse_several_lines(page: Page) -> None:
    """Raises: BadInput: the page has several lines of text."""
    lines = count_text_lines(page.grey)
    if lines > 1:
        raise BadInput(
            f"looks like {lines} lines of text ({page.grey.width:,} x {page.grey.height:,} pixels); this reads single"
            " lines: cut the page into lines first, or give its PAGE XML or ALTO file, which says where they are"
        )


def _page(picture: Image.Image) -> Page:
    picture.load()  # TIFF files are turned by Pillow here, and their orientation is dropped
    turn = TURNS.get(picture.getexif().get(0x0112, 1))
    if picture.mode.startswith("I") or picture.mode == "F":
        grey, known = _of_deep_levels(picture), False
    elif picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        grey, known = _on_ground(picture.convert("RGBA"))
    else:
        grey, known = picture.convert("L"), False
    return Page(grey if turn is None else grey.transpose(turn), known)


#: EXIF orientation -> what turns it upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _on_ground(picture: Image.Image) -> tuple[Image.Image, bool]:
    """Grey levels on the ground that gives more contrast, and whether the transparency marks the paper."""
    alpha = np.asarray(picture.getchannel("A"))
    if alpha.min() == 255:
        return picture.convert("L"), False
    contrast = {}
    for ground in ("white", "black"):
        grey = Image.alpha_composite(Image.new("RGBA", picture.size, ground), picture).convert("L")
        low, high = extremes(np.array(grey.histogram()))
        contrast[ground] = high - low, grey
    marks_paper = bool((alpha < 128).mean() > 0.3)
    if contrast["white"][0] >= contrast["black"][0]:
        return contrast["white"][1], marks_paper
    grey = contrast["black"][1]
    return (ImageOps.invert(grey), True) if marks_paper else (grey, False)


def _of_deep_levels(picture: Image.Image) -> Image.Image:
    """16 or 32 bits a pixel, to 8."""
    levels = np.asarray(picture, dtype=np.float64)
    low, high = levels.min(), levels.max()
    return Image.fromarray(np.uint8(255 * (levels - low) / max(high - low, 1e-9)))
