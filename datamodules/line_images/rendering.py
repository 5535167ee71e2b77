"""Rendered lines: words drawn in fonts, endless, and reproducible from the seed."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from datamodules.errors import BadInput
from datamodules.files.encoding import read_text
from datamodules.line_images.direction import BaseDirection, Direction, base_direction, display_order, has_rtl
from datamodules.line_images.faces import Face, Piece, drawn
from datamodules.line_images.fonts import HAS_RAQM, FontIndex, bits, font, font_files
from datamodules.line_images.normalization import normalized_text

PIXELS_A_EM = 26  # at a height of 32
RANDOM_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?'-"
SPACED_MARKS, THIN_SPACE = ";:!?", (0.08, 0.3)  # the space in ems
MOST_ENLARGED = 1.5  # times the usual size
BLOCK, FACES = 2048, 64  # lines with consecutive numbers share so many faces (a font in a size)
MOST_TRIES = 20  # of a line whose font fails at a word
SLOW = 2.0  # seconds of reading fonts from which on their duration is logged
log = logging.getLogger(__name__)


class Renderer:
    """Writes lines of a few words.

    Args:
        height: of the images.
        words: words to choose from; random ones where there are none.
        fonts: a folder of fonts; those that matplotlib ships when absent.
        min_words, max_words: in a line.
        spaced: probability of a line with a run of letter-spaced words, as German printers set emphasis.
        spaced_marks: probability of a line with a thin space before ; : ! ?, as old books have; its text has none.
        tight: probability of a line that is cut to its ink and scaled to the height, as segmenters cut lines.
        seed: line `i` of a seed is the same line wherever it is written.
        direction: base direction of the lines; see `datamodules.line_images.direction`.

    Raises:
        BadInput: no font that can be read, or none that can draw a word.
    """

    def __init__(
        self,
        height: int = 32,
        words: Sequence[str] = (),
        fonts: str | None = None,
        min_words: int = 1,
        max_words: int = 5,
        spaced: float = 0.0,
        spaced_marks: float = 0.0,
        tight: float = 0.0,
        seed: int = 0,
        direction: Direction = "auto",
    ) -> None:
        self.height = height
        self.min_words = min_words
        self.max_words = max_words
        self.spaced = spaced
        self.spaced_marks = spaced_marks
        self.tight = tight
        self.seed = seed
        self.direction: Direction = direction
        started = time.monotonic()
        files = font_files(fonts)
        if len(files) * len(words) > 1_000_000:
            log.info("data: looking which of %d fonts can draw %s words", len(files), f"{len(words):,}")
        self.index = FontIndex(files, {character for word in words for character in word} or set(RANDOM_CHARACTERS))
        self.words, able = self.index.drawable(words)
        self._able = bits(able if words else self.index.every)
        self.fonts = [files[number] for number in self._able]
        if not self.fonts:
            raise BadInput(f"datamodule.words: none of {len(files)} fonts can draw them; datamodule.fonts names others")
        self.of_collection: BaseDirection = "rtl" if self.words and _mostly_rtl(self.words) else "ltr"
        if not HAS_RAQM:
            lost = "Arabic letters are not joined" if any(map(has_rtl, self.words)) else "letters have no ligatures"
            log.warning("data: Pillow finds no raqm here (it needs libfribidi): %s in rendered lines", lost)
        self._faces: dict[int, list[tuple[int, int]]] = {}
        self._kept: dict[tuple[int, int], Face] = {}
        self._has_failed = False
        seconds = time.monotonic() - started
        if seconds > SLOW:
            log.info("data: %d fonts and %s words ready in %.1f s", len(self.fonts), f"{len(self.words):,}", seconds)

    def line(self, number: int) -> tuple[np.ndarray, str]:
        """Ink, uint8 (height, width), and text in reading order of the `number`-th line."""
        rng = self._random(number)
        for _ in range(MOST_TRIES):
            face_number, size = self._faces_of(number // BLOCK)[rng.randrange(FACES)]
            words = self._words(rng)
            try:
                face = self._face(face_number, size)
                if any(map(has_rtl, words)):
                    words, pieces = self._set_whole(words, face, size, rng)
                else:
                    pieces = self._set(words, face, size, rng)
            except OSError as error:
                failed = str(error)
                if not self._has_failed:
                    log.warning("data: %s; a line that cannot be drawn is set anew, in another font", failed)
                self._has_failed = True
                continue
            return self._composed(pieces, rng), " ".join(words)
        raise BadInput(f"datamodule.fonts: fonts that cannot draw their own letters, such as {failed}")

    def lines(self, numbers: Iterable[int]) -> list[tuple[np.ndarray, str]]:
        """The lines with these numbers."""
        return [self.line(number) for number in numbers]

    def face_of(self, number: int) -> int:
        """Which of its block's faces a line is set in."""
        return self._random(number).randrange(FACES)

    def __getstate__(self) -> dict[str, Any]:
        """For another process: without the faces, which are opened anew."""
        return {**self.__dict__, "_faces": {}, "_kept": {}}

    def alphabet(self) -> str:
        """Every character that a line may have."""
        characters = {character for word in self.words for character in word}
        return "".join(sorted(characters or RANDOM_CHARACTERS)) + " "

    def _random(self, number: int) -> random.Random:
        """What a line's random numbers come from; its face is the first of them."""
        return random.Random(self.seed << 32 | number % (1 << 32))

    def _faces_of(self, block: int) -> list[tuple[int, int]]:
        """Fonts and sizes of a block of lines: a few, since a font's first glyphs of a size take long."""
        if block not in self._faces:
            rng = random.Random(self.seed << 32 | (block + (1 << 31)) % (1 << 32))
            numbers = rng.sample(self._able, min(FACES, len(self._able)))
            numbers += rng.choices(self._able, k=FACES - len(numbers))
            full = self.height * PIXELS_A_EM / 32
            self._kept.clear()
            self._faces = {block: [(number, max(6, round(full * rng.uniform(0.8, 1.05)))) for number in numbers]}
        return self._faces[block]

    def _face(self, number: int, size: int) -> Face:
        if (number, size) not in self._kept:
            self._kept[number, size] = Face(number, font(self.index.files[number], size))
        return self._kept[number, size]

    def _words(self, rng: random.Random) -> list[str]:
        count = rng.randint(self.min_words, self.max_words)
        if self.words:
            return [self.words[rng.randrange(len(self.words))] for _ in range(count)]
        return ["".join(rng.choices(RANDOM_CHARACTERS, k=rng.randint(1, 8))) for _ in range(count)]

    def _set(self, words: list[str], face: Face, size: int, rng: random.Random) -> list[Piece]:
        """The pieces of a line: words, or the letters of a letter-spaced one, each in a font that has them."""
        spacing = [0.0] * len(words)  # after each letter, in pixels
        if self.spaced and rng.random() < self.spaced:
            first, last = sorted(rng.randrange(len(words)) for _ in range(2))
            spacing[first : last + 1] = [size * rng.uniform(0.08, 0.35)] * (last + 1 - first)
        stretch = rng.uniform(0.6, 1.6)  # of spaces, as justified lines have them
        has_thin_spaces = self.spaced_marks > 0 and rng.random() < self.spaced_marks
        pieces: list[Piece] = []
        x, chosen = 0.0, [face]
        for word, gap in zip(words, spacing):
            able = self.index.mask(word)
            usable = next((known for known in chosen if able >> known.number & 1), None)
            if usable is None:
                usable = self._face(rng.choice(bits(able)), size)
                chosen.append(usable)
            if has_thin_spaces and len(word) > 1 and word[-1] in SPACED_MARKS:
                x = usable.set(word[:-1], x, gap, pieces) + size * rng.uniform(*THIN_SPACE)
                word = word[-1]
            x = usable.set(word, x, gap, pieces) + stretch * usable.space + gap
        return pieces

    def _set_whole(self, words: list[str], face: Face, size: int, rng: random.Random) -> tuple[list[str], list[Piece]]:
        """A line with right-to-left words, laid out at once by the bidirectional algorithm, in one font.

        Words that no font has together with the words before them are left out.
        """
        able, kept = self.index.mask(words[0]), [words[0]]
        for word in words[1:]:
            if both := able & self.index.mask(word):
                able = both
                kept.append(word)
        if not able >> face.number & 1:
            face = self._face(rng.choice(bits(able)), size)
        text = " ".join(kept)
        base = base_direction(text, self.direction, self.of_collection)
        if HAS_RAQM:
            return kept, [(0, drawn(face.font, text, base))]
        return kept, [(0, drawn(face.font, display_order(text, base)))]

    def _composed(self, pieces: list[Piece], rng: random.Random) -> np.ndarray:
        """The ink of a line, with random margins; letters that overlap keep the darker ink."""
        pieces = [(x, glyph) for x, glyph in pieces if glyph.ink.size]
        if not pieces:
            return np.zeros((self.height, 4), np.uint8)
        left = min(x + glyph.left for x, glyph in pieces)
        top = min(glyph.top for _, glyph in pieces)
        right = max(x + glyph.left + glyph.ink.shape[1] for x, glyph in pieces)
        bottom = max(glyph.top + glyph.ink.shape[0] for _, glyph in pieces)
        page = np.zeros((bottom - top, right - left), np.uint8)
        for x, glyph in pieces:
            row, column = glyph.top - top, x + glyph.left - left
            place = page[row : row + glyph.ink.shape[0], column : column + glyph.ink.shape[1]]
            np.maximum(place, glyph.ink, out=place)
        if self.tight > 0 and rng.random() < self.tight:
            return self._scaled(page, rng)
        margin, below = rng.randrange(1, 8), rng.randrange(1, 8)
        line = np.zeros((self.height, max(right - left + margin + below, 4)), np.uint8)
        y = round((self.height - (bottom - top)) * rng.uniform(0.2, 0.8))
        cut = page[max(0, -y) : self.height - y]
        line[max(0, y) : max(0, y) + len(cut), margin : margin + page.shape[1]] = cut
        return line

    def _scaled(self, page: np.ndarray, rng: random.Random) -> np.ndarray:
        """Ink that fills the height, but for a pixel or two; flat ink, as that of a dash, becomes no larger than
        letters do."""
        missing = max(0, math.ceil(self.height / MOST_ENLARGED) - len(page))
        above = rng.randint(0, missing)
        margins = [(above + rng.randrange(3), missing - above + rng.randrange(3)), (rng.randrange(4), rng.randrange(4))]
        image = Image.fromarray(np.pad(page, margins))
        width = max(4, round(image.width * self.height / image.height))
        return np.asarray(image.resize((width, self.height), Image.Resampling.BILINEAR))


def words_of(path: Path, encoding: str | None = None) -> list[str]:
    """The words of a text file, each as often as it stands there.

    Raises:
        BadInput: it cannot be read, or has no words.
    """
    words = normalized_text(read_text(path, encoding))[0].split()
    if not words:
        raise BadInput(f"{path}: no words in it")
    return words


def _mostly_rtl(words: Sequence[str]) -> bool:
    return 2 * sum(map(has_rtl, words)) > len(words)
