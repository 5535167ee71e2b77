"""Lines written by the program itself: words in fonts, endless, and the same for the same seed."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datamodules.errors import BadInput
from datamodules.lines.codec import composed
from datamodules.text.labelled_files import read_text

#: Of matplotlib's own fonts, those with the letters of Western languages.
TEXT_FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral")

FONT_SUFFIXES = (".ttf", ".otf", ".ttc")
PIXELS_A_EM = 26  # at a height of 32
RANDOM_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?'-"


class Renderer:
    """Writes lines of a few words.

    Args:
        height: of the images.
        words: words to choose from; random ones where there are none.
        fonts: a folder of fonts; those that matplotlib ships when absent.
        min_words, max_words: in a line.
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
        seed: int = 0,
    ) -> None:
        self.height = height
        self.words = list(words)
        self.min_words = min_words
        self.max_words = max_words
        self.seed = seed
        files = _usable(Path(fonts).expanduser()) if fonts else _shipped_fonts()
        #: font -> the words that it has every character of
        self.words_in = {font: [w for w in self.words if _characters(font).issuperset(w)] for font in files}
        self.fonts = [font for font in files if self.words_in[font] or not self.words]
        if not self.fonts:
            raise BadInput(f"datamodule.words: none of {len(files)} fonts can draw them; datamodule.fonts names others")

    def line(self, number: int) -> tuple[np.ndarray, str]:
        """Ink, uint8 (height, width), and text of the `number`-th line."""
        rng = np.random.default_rng([self.seed, number % (1 << 32)])
        font_file = self.fonts[rng.integers(len(self.fonts))]
        size = max(6, round(self.height * PIXELS_A_EM / 32 * rng.uniform(0.8, 1.05)))
        text = self._text(rng, font_file)
        return self.drawn(text, font_file, size, rng), text

    def alphabet(self) -> str:
        """Every character that a line may have."""
        characters = {character for words in self.words_in.values() for word in words for character in word}
        return "".join(sorted(characters or RANDOM_CHARACTERS)) + " "

    def drawn(self, text: str, font_file: Path, size: int, rng: np.random.Generator) -> np.ndarray:
        """The ink of a text, set at `size` pixels an em, with random margins."""
        font = _font(font_file, size)
        left, top, right, bottom = font.getbbox(text)
        x, y = rng.integers(1, 8), (self.height - (bottom - top)) * rng.uniform(0.2, 0.8)
        width = int(right - left + x + rng.integers(1, 8))
        page = Image.new("L", (max(width, 4), self.height), 0)
        ImageDraw.Draw(page).text((x - left, round(y) - top), text, font=font, fill=255)
        return np.asarray(page)

    def _text(self, rng: np.random.Generator, font_file: Path) -> str:
        count = rng.integers(self.min_words, self.max_words + 1)
        words = self.words_in[font_file]
        if words:
            return " ".join(words[i] for i in rng.integers(len(words), size=count))
        lengths = rng.integers(1, 9, size=count)
        flat = "".join(RANDOM_CHARACTERS[i] for i in rng.integers(len(RANDOM_CHARACTERS), size=int(lengths.sum())))
        return " ".join(flat[end - n : end] for n, end in zip(lengths, lengths.cumsum()))


def words_of(path: Path) -> list[str]:
    """The words of a text file, each as often as it stands there.

    Raises:
        BadInput: it cannot be read, or has no words.
    """
    words = composed(read_text(path)).split()
    if not words:
        raise BadInput(f"{path}: no words in it")
    return words


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
