"""Recognised lines as text, JSON, ALTO, PAGE XML or hOCR."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from xml.sax.saxutils import quoteattr

from scripts.predict.line_inputs import LinePlace

FORMATS = ("text", "json", "alto", "page", "hocr")
Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels of the image


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
        xs, ys = zip(*self.place.outline)
        return min(xs), min(ys), max(xs), max(ys)

    def words(self) -> list[tuple[str, Box, float]]:
        """Text, box and confidence of each word; the whole line's box where no character has a place."""
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
            words.append(("".join(character.text for character in characters), box, mean))
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


def as_alto(pages: list[list[RecognizedLine]]) -> str:
    """ALTO 4, a `Page` for each page."""
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#">',
        f"<Description><MeasurementUnit>pixel</MeasurementUnit>{_source(pages)}</Description>",
        "<Layout>",
    ]
    for number, page in enumerate(pages, 1):
        name, (width, height) = _image(page[0])
        out.append(f'<Page ID="page_{number}" PHYSICAL_IMG_NR="{number}" WIDTH="{width}" HEIGHT="{height}">')
        out.append(f"<!-- {name.replace('--', '- -')} -->")
        out.append(f'<PrintSpace HPOS="0" VPOS="0" WIDTH="{width}" HEIGHT="{height}">')
        out.append(f'<TextBlock ID="block_{number}" {_alto_box((0, 0, width, height))}>')
        for at, line in enumerate(page, 1):
            out.append(f"<TextLine ID={quoteattr(_line_id(line, number, at))} {_alto_box(line.box())}>")
            if line.place:
                out.append(f"<Shape><Polygon POINTS={quoteattr(_points(line.place.outline))}/></Shape>")
            words = [
                f"<String CONTENT={quoteattr(text)} {_alto_box(box)} WC={quoteattr(f'{sure:.3f}')}/>"
                for text, box, sure in line.words()
            ]
            out.append("<SP/>".join(words) + "</TextLine>")
        out.append("</TextBlock></PrintSpace></Page>")
    return "\n".join([*out, "</Layout></alto>"])


def as_page(page: list[RecognizedLine]) -> str:
    """PAGE XML (2019-07-15) of one page."""
    name, (width, height) = _image(page[0])
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">',
        f'<Page imageFilename={quoteattr(name)} imageWidth="{width}" imageHeight="{height}">',
        f'<TextRegion id="region_1"><Coords points="{_corners((0, 0, width, height))}"/>',
    ]
    for at, line in enumerate(page, 1):
        outline = _points(line.place.outline, ",") if line.place else _corners(line.box())
        out.append(f'<TextLine id={quoteattr(_line_id(line, 1, at))}><Coords points="{outline}"/>')
        if line.place and line.place.baseline:
            out.append(f'<Baseline points="{_points(line.place.baseline, ",")}"/>')
        for word_at, (text, box, sure) in enumerate(line.words(), 1):
            out.append(
                f'<Word id={quoteattr(f"{_line_id(line, 1, at)}_w{word_at}")}><Coords points="{_corners(box)}"/>'
            )
            out.append(f"{_equivalent(text, sure)}</Word>")
        out.append(f"{_equivalent(line.text, line.confidence)}</TextLine>")
    return "\n".join([*out, "</TextRegion></Page></PcGts>"])


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
                f'<span class="ocrx_word" id="word_{number}_{at}_{n}" title="bbox {_coordinates(box)};'
                f' x_wconf {round(100 * sure)}">{_escaped(text)}</span>'
                for n, (text, box, sure) in enumerate(line.words(), 1)
            ]
            out.append(" ".join(words) + "</span>")
        out.append("</div>")
    return "\n".join([*out, "</body></html>"])


def _image(line: RecognizedLine) -> tuple[str, tuple[int, int]]:
    return (line.place.image, line.place.size) if line.place else (line.name, line.size)


def _source(pages: list[list[RecognizedLine]]) -> str:
    """The image of the page, which ALTO names once a document."""
    if len(pages) != 1:
        return ""
    return f"<sourceImageInformation><fileName>{_escaped(_image(pages[0][0])[0])}</fileName></sourceImageInformation>"


def _line_id(line: RecognizedLine, page: int, at: int) -> str:
    return line.place.id if line.place else f"line_{page}_{at}"


def _equivalent(text: str, confidence: float) -> str:
    return f'<TextEquiv conf="{confidence:.3f}"><Unicode>{_escaped(text)}</Unicode></TextEquiv>'


def _alto_box(box: Box) -> str:
    left, top, right, bottom = box
    return f'HPOS="{left}" VPOS="{top}" WIDTH="{right - left}" HEIGHT="{bottom - top}"'


def _corners(box: Box) -> str:
    left, top, right, bottom = box
    return f"{left},{top} {right},{top} {right},{bottom} {left},{bottom}"


def _points(points: Iterable[tuple[int, int]], separator: str = " ") -> str:
    return " ".join(f"{x}{separator}{y}" for x, y in points)


def _coordinates(box: Box) -> str:
    return " ".join(map(str, box))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
