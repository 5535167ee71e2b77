"""A font in one size: words drawn, and set one after the other."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFont


@dataclass(frozen=True)
class Glyph:
    """Something drawn: its ink (h, w) uint8, and where that stands from the pen on the baseline, in pixels."""

    ink: np.ndarray
    left: int
    top: int


Piece = tuple[int, Glyph]  # the pen's place on the line, in pixels, and what is drawn there


class Face:
    """A font in one size.

    Args:
        number: of the font in its index.
        font: opened in that size.
    """

    def __init__(self, number: int, font: ImageFont.FreeTypeFont) -> None:
        self.number = number
        self.font = font
        self.space = font.getlength(" ")
        self._letters: dict[str, Glyph] = {}

    def set(self, word: str, x: float, gap: float, pieces: list[Piece]) -> float:
        """Append a word, or the letters of a letter-spaced one, to a line's pieces; the pen's place after it.

        Args:
            word: without spaces.
            x: the pen's place before it.
            gap: after each letter, of letter-spaced words.
            pieces: of the line.
        """
        if not gap:
            glyph = drawn(self.font, word)
            pieces.append((round(x), glyph))
            return x + glyph.left + glyph.ink.shape[1]
        for letter in _letters(word):
            if letter not in self._letters:
                self._letters[letter] = drawn(self.font, letter)
            pieces.append((round(x), self._letters[letter]))
            x += self.font.getlength(letter) + gap
        return x


def drawn(font: ImageFont.FreeTypeFont, text: str, direction: str | None = None) -> Glyph:
    """A text drawn at once; `direction` of its layout where that is not left to right.

    Raises:
        OSError: FreeType fails, as it does at some glyphs of some fonts.
    """
    try:
        mask, (left, top) = font.getmask2(text, mode="L", anchor="ls", direction=direction)
    except OSError as error:
        raise OSError(f"{Path(str(font.path)).name}: {error} at {text!r}") from error
    width, height = mask.size
    if not width or not height:
        return Glyph(np.zeros((0, 0), np.uint8), 0, 0)
    page = Image.new("L", mask.size)
    page.im.paste(mask, (0, 0, width, height))
    return Glyph(np.asarray(page), left, top)


def _letters(word: str) -> list[str]:
    """Letters, each with the marks that combine with it.

    >>> _letters("q\u0303ui")
    ['q̃', 'u', 'i']
    """
    letters: list[str] = []
    for character in word:
        if letters and unicodedata.combining(character):
            letters[-1] += character
        else:
            letters.append(character)
    return letters
