"""Lines written by the program itself: words in fonts, endless, and the same for the same seed."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datamodules.errors import BadInput
from datamodules.files.encoding import read_text
from datamodules.line_images.codec import composed

#: Of matplotlib's own fonts, those with the letters of Western languages.
TEXT_FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral")

FONT_SUFFIXES = (".ttf", ".otf", ".ttc")
PIXELS_A_EM = 26  # at a height of 32
RANDOM_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?'-"


@dataclass(frozen=True)
class Piece:
    """Something drawn at once, `x` pixels from the start of its line."""

    text: str
    font: ImageFont.FreeTypeFont
    x: float


class Renderer:
    """Writes lines of a few words.

    Args:
        height: of the images.
        words: words to choose from; random ones where there are none.
        fonts: a folder of fonts; those that matplotlib ships when absent.
        min_words, max_words: in a line.
        spaced: probability of a line with a run of letter-spaced words, as German printers set emphasis.
        seed: line `i` of a seed is the same line wherever it is written.

    Raises:
        BadInput: no font that can be read.
    """

    def __init__(
        self,
        height: int = 32,
        words: Sequence[str] = (),
        fonts: str | None = None,
        min_words: int = 1,
        max_words: int = 5,
        spaced: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.height = height
        self.min_words = min_words
        self.max_words = max_words
        self.spaced = spaced
        self.seed = seed
        files = _usable(Path(fonts).expanduser()) if fonts else _shipped_fonts()
        drawable = {word for word in set(words) if self._fonts_of(word, files)}
        self.words = [word for word in words if word in drawable]
        self.fonts = [font for font in files if not words or any(map(_characters(font).issuperset, drawable))]
        if not self.fonts:
            raise BadInput(f"datamodule.words: none of {len(files)} fonts can draw them; datamodule.fonts names others")

    def line(self, number: int) -> tuple[np.ndarray, str]:
        """Ink, uint8 (height, width), and text of the `number`-th line."""
        rng = np.random.default_rng([self.seed, number % (1 << 32)])
        font_file = self.fonts[rng.integers(len(self.fonts))]
        size = max(6, round(self.height * PIXELS_A_EM / 32 * rng.uniform(0.8, 1.05)))
        words = self._words(rng)
        return self._drawn(self._set(words, font_file, size, rng), size, rng), " ".join(words)

    def alphabet(self) -> str:
        """Every character that a line may have."""
        characters = {character for word in self.words for character in word}
        return "".join(sorted(characters or RANDOM_CHARACTERS)) + " "

    def _words(self, rng: np.random.Generator) -> list[str]:
        count = rng.integers(self.min_words, self.max_words + 1)
        if self.words:
            return [self.words[i] for i in rng.integers(len(self.words), size=count)]
        lengths = rng.integers(1, 9, size=count)
        flat = "".join(RANDOM_CHARACTERS[i] for i in rng.integers(len(RANDOM_CHARACTERS), size=int(lengths.sum())))
        return [flat[end - n : end] for n, end in zip(lengths, lengths.cumsum())]

    def _set(self, words: list[str], font_file: Path, size: int, rng: np.random.Generator) -> list[Piece]:
        """The pieces of a line: words, or the letters of a letter-spaced one; other scripts in a font that has them."""
        spacing = np.zeros(len(words))  # after each letter, in pixels
        if self.spaced and rng.random() < self.spaced:
            first, last = sorted(rng.integers(len(words), size=2))
            spacing[first : last + 1] = size * rng.uniform(0.08, 0.35)
        stretch = rng.uniform(0.8, 1.6)  # of spaces, as justified lines have them
        pieces, x, chosen = [], 0.0, [font_file]
        for word, gap in zip(words, spacing):
            fitting = self._fonts_of(word, chosen)
            if not fitting:
                fitting = self._fonts_of(word, self.fonts)
                fitting = [fitting[rng.integers(len(fitting))]]
                chosen.append(fitting[0])
            font = _font(fitting[0], size)
            for text in _clusters(word) if gap else [word]:
                pieces.append(Piece(text, font, x))
                x += font.getlength(text) + gap
            x += stretch * font.getlength(" ") + gap
        return pieces

    def _drawn(self, pieces: list[Piece], size: int, rng: np.random.Generator) -> np.ndarray:
        """The ink of a line, with random margins."""
        last = pieces[-1]
        page = Image.new("L", (round(last.x + last.font.getlength(last.text)) + 2 * size, 4 * size), 0)
        draw = ImageDraw.Draw(page)
        for piece in pieces:
            draw.text((size + piece.x, 2.5 * size), piece.text, font=piece.font, fill=255, anchor="ls")
        left, top, right, bottom = page.getbbox() or (0, 0, 1, 1)
        x, y = rng.integers(1, 8), round((self.height - (bottom - top)) * rng.uniform(0.2, 0.8))
        line = Image.new("L", (max(int(right - left + x + rng.integers(1, 8)), 4), self.height), 0)
        line.paste(page.crop((left, top, right, bottom)), (int(x), y))
        return np.asarray(line)

    @staticmethod
    def _fonts_of(word: str, fonts: Sequence[Path]) -> list[Path]:
        """Those that have every character of a word."""
        return [font for font in fonts if _characters(font).issuperset(word)]


def words_of(path: Path) -> list[str]:
    """The words of a text file, each as often as it stands there.

    Raises:
        BadInput: it cannot be read, or has no words.
    """
    words = composed(read_text(path)).split()
    if not words:
        raise BadInput(f"{path}: no words in it")
    return words


def _clusters(word: str) -> list[str]:
    """Letters, each with the marks that combine with it.

    >>> _clusters("q\u0303ui")
    ['q̃', 'u', 'i']
    """
    letters: list[str] = []
    for character in word:
        if letters and unicodedata.combining(character):
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _shipped_fonts() -> list[Path]:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [p for p in sorted(folder.glob("*.ttf")) if p.stem.startswith(TEXT_FONTS) and "Display" not in p.stem]


def _usable(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise BadInput(f"datamodule.fonts={folder}: there is no such folder")
    fonts = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in FONT_SUFFIXES]
    if not fonts:
        raise BadInput(f"datamodule.fonts={folder}: no font in it ({', '.join(FONT_SUFFIXES)})")
    for font in fonts:
        try:
            _font(font, 20)
        except OSError as error:
            raise BadInput(f"{font}: not a font that can be read ({error})") from None
    return fonts


@functools.lru_cache(maxsize=512)
def _font(file: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(file), size)


@functools.lru_cache(maxsize=64)
def _characters(file: Path) -> frozenset[str]:
    """Characters that a font can draw."""
    from matplotlib.ft2font import FT2Font

    return frozenset(map(chr, FT2Font(str(file)).get_charmap()))
