"""Typefaces for rendered lines: which there are, and which of them can draw a word."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import ImageFont, features

from datamodules.errors import BadInput
from datamodules.files.listing import files_below

#: Of matplotlib's own fonts, those with the letters of Western languages.
TEXT_FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral")

SUFFIXES = (".ttf", ".otf", ".ttc")
OPEN = 128  # fonts in a size at once, twice those of a block of lines; each holds a megabyte of glyphs
NAMED = 4  # fonts that cannot be used, named in the log
log = logging.getLogger(__name__)

HAS_RAQM = features.check("raqm")  # Pillow's layout engine with shaping: Arabic letters join, marks are placed


class FontIndex:
    """Which typefaces have which characters, as bit masks over the fonts: a word's are the `and` of its characters'.

    Args:
        files: of the fonts, which can all be opened.
        characters: that any word may have.
    """

    def __init__(self, files: Sequence[Path], characters: Iterable[str]) -> None:
        self.files = list(files)
        masks = dict.fromkeys(characters, 0)
        for number, file in enumerate(self.files):
            bit = 1 << number
            for character in charmap(file) & masks.keys():
                masks[character] |= bit
        self._masks = masks
        self.every = (1 << len(self.files)) - 1

    def mask(self, text: str) -> int:
        """The fonts that have every character of a text."""
        found = self.every
        for character in text:
            found &= self._masks.get(character, 0)
        return found

    def drawable(self, words: Sequence[str]) -> tuple[list[str], int]:
        """The words that a font can draw, each as often as it stands there, and every font that can draw one."""
        of_word = {word: self.mask(word) for word in dict.fromkeys(words)}
        any_of = functools.reduce(int.__or__, set(of_word.values()), 0)
        return [word for word in words if of_word[word]], any_of

    def fonts(self, mask: int) -> list[Path]:
        return [self.files[number] for number in bits(mask)]


def bits(mask: int) -> list[int]:
    """Positions of the ones of a number.

    >>> bits(0b1010)
    [1, 3]
    """
    count = mask.bit_length()
    raw = np.frombuffer(mask.to_bytes(-(-count // 8) or 1, "little"), dtype=np.uint8)
    return np.flatnonzero(np.unpackbits(raw, bitorder="little")).tolist()


def font_files(folder: str | None) -> list[Path]:
    """The fonts of a folder that can be used, or those that matplotlib ships; the others are named in the log.

    Raises:
        BadInput: no such folder, or no font in it that can be used.
    """
    if folder is None:
        return _shipped_fonts()
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise BadInput(f"datamodule.fonts={path}: there is no such folder")
    found = [file for file in sorted(files_below(path)) if file.suffix.lower() in SUFFIXES]
    unusable = {file: reason for file in found if (reason := _unusable(file))}
    usable = [file for file in found if file not in unusable]
    if not found:
        raise BadInput(f"datamodule.fonts={path}: no font in it ({', '.join(SUFFIXES)})")
    named = ", ".join(f"{file.name} ({reason})" for file, reason in list(unusable.items())[:NAMED])
    if not usable:
        raise BadInput(f"datamodule.fonts={path}: no font that can be used: {named}")
    if unusable:
        more = f" and {len(unusable) - NAMED:,} more" if len(unusable) > NAMED else ""
        log.warning("data: %d of %d fonts cannot be used: %s%s", len(unusable), len(found), named, more)
    return usable


@functools.lru_cache(maxsize=OPEN)
def font(file: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(file), size)


@functools.lru_cache(maxsize=8192)
def charmap(file: Path) -> frozenset[str]:
    """Characters that a font can draw."""
    from matplotlib.ft2font import FT2Font

    return frozenset(map(chr, FT2Font(str(file)).get_charmap()))


def _unusable(file: Path) -> str | None:
    """Why a font cannot be used, or None."""
    try:
        font(file, 20).getlength("a")
        charmap(file)
    except (OSError, RuntimeError, ValueError) as error:
        return str(error).split("\n")[0][:60] or type(error).__name__
    return None


def _shipped_fonts() -> list[Path]:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [p for p in sorted(folder.glob("*.ttf")) if p.stem.startswith(TEXT_FONTS) and "Display" not in p.stem]
