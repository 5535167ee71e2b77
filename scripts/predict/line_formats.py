"""Recognised lines as text, JSON, ALTO, PAGE XML or hOCR."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from datamodules.line_images.page_lines import Box, PageFile, PageLine, PageWord, box_around
from datamodules.line_images.page_writing import whole_image
from scripts.predict.line_inputs import LinePlace

FORMATS = ("text", "json", "alto", "page", "hocr")


@dataclass(frozen=True)
class Character:
    """A character in reading order: its columns in the image (None of a decoder without positions), and confidence."""

    text: str
    columns: tuple[int, int] | None
    confidence: float | None


@dataclass(frozen=True)
class RecognizedLine:
    """A recognised line: text, confidence and places of its characters.

    Args:
        name: of the input.
        text: in reading order.
        confidence: mean probability of its characters.
        characters: in reading order.
        size: width and height of the image, in pixels.
        place: on its page, of a line of a page file.
    """

    name: str
    text: str
    confidence: float
    characters: tuple[Character, ...]
    size: tuple[int, int]
    place: LinePlace | None = None

    def box(self) -> Box:
        if self.place is None:
            return 0, 0, *self.size
        return box_around(self.place.outline)

    def words(self) -> list[PageWord]:
        """Each word; with the whole line's box where no character has a place."""
        left, top, right, bottom = self.box()
        words = []
        for is_space, group in groupby(self.characters, lambda character: character.text == " "):
            characters = list(group)
            if is_space:
                continue
            spans = [character.columns for character in characters if character.columns]
            sure = [character.confidence for character in characters if character.confidence is not None]
            box = left, top, right, bottom
            if spans:
                start, end = min(start for start, _ in spans), max(end for _, end in spans)
                box = left + start, top, min(right, left + end), bottom
            mean = sum(sure) / len(sure) if sure else self.confidence
            words.append(PageWord("".join(character.text for character in characters), box, mean))
        return words


def as_text(line: RecognizedLine) -> str:
    return f"{line.name}\t{line.text}\t{line.confidence:.3f}"


def as_json(line: RecognizedLine) -> str:
    """One object: input, text, confidence, and each character with its columns and confidence."""
    characters = [
        {"character": c.text, "columns": list(c.columns) if c.columns else None, "confidence": c.confidence}
        for c in line.characters
    ]
    found = {"input": line.name, "text": line.text, "confidence": line.confidence, "characters": characters}
    return json.dumps(found, ensure_ascii=False)


def pages_of(lines: Iterable[RecognizedLine]) -> list[list[RecognizedLine]]:
    """The lines of each page, in order: an image of one line is a page, the lines of a page file are one."""

    def page_of(line: RecognizedLine) -> str:
        return line.place.file if line.place else line.name

    return [[replace(line) for line in group] for _, group in groupby(lines, page_of)]


def page_file(lines: list[RecognizedLine], number: int = 1) -> PageFile:
    """The lines of a page, of this number in its document, as PAGE and ALTO hold them."""
    name, size = _image(lines[0])
    return PageFile(name, size, [_page_line(line, number, at) for at, line in enumerate(lines, 1)])


def _page_line(line: RecognizedLine, page: int, at: int) -> PageLine:
    outline, baseline = whole_image(line.size)
    if line.place:
        outline, baseline = list(line.place.outline), list(line.place.baseline)
    id_ = line.place.id if line.place else f"line_{page}_{at}"
    return PageLine(id_, line.text, outline, baseline, tuple(line.words()), line.confidence)


def as_hocr(pages: list[list[RecognizedLine]]) -> str:
    """hOCR 1.2, an `ocr_page` for each page."""
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>lines</title><meta charset="utf-8"/>',
        '<meta name="ocr-capabilities" content="ocr_page ocr_line ocrx_word"/></head><body>',
    ]
    for number, page in enumerate(pages, 1):
        name, size = _image(page[0])
        shown = quoteattr(f'image "{name}"; bbox 0 0 {size[0]} {size[1]}')
        out.append(f'<div class="ocr_page" id="page_{number}" title={shown}>')
        for at, line in enumerate(page, 1):
            out.append(f'<span class="ocr_line" id="line_{number}_{at}" title="bbox {_coordinates(line.box())}">')
            words = [
                f'<span class="ocrx_word" id="word_{number}_{at}_{n}" title="bbox {_coordinates(word.box)};'
                f' x_wconf {round(100 * word.confidence)}">{escape(word.text)}</span>'
                for n, word in enumerate(line.words(), 1)
            ]
            out.append(" ".join(words) + "</span>")
        out.append("</div>")
    return "\n".join([*out, "</body></html>"])


def _image(line: RecognizedLine) -> tuple[str, tuple[int, int]]:
    return (line.place.image, line.place.size) if line.place else (line.name, line.size)


def _coordinates(box: Box) -> str:
    return " ".join(map(str, box))
