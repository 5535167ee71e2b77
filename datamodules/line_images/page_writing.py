"""PAGE XML and ALTO as they are written: pages with their lines; and ground truth, each line a page of its own."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from PIL import Image, ImageOps

from datamodules.errors import BadInput
from datamodules.line_images.images import TURNS, pages
from datamodules.line_images.page_lines import Box, PageFile, PageLine, Points
from datamodules.line_images.records import LineRecord, is_image, unused_name

PageForm = Literal["page", "alto"]

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2 (Char)
BASELINE = 0.75  # of a line image's height; the rest is for descenders
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")  # of Pillow, which a PNG keeps as they are


def whole_image(size: tuple[int, int]) -> tuple[Points, Points]:
    """Outline and baseline of a line that fills its image.

    They go through the outermost pixels, since kraken refuses points outside the image.
    """
    right, bottom = size[0] - 1, size[1] - 1
    height = round(BASELINE * bottom)
    return [(0, 0), (right, 0), (right, bottom), (0, bottom)], [(0, height), (right, height)]


def as_page(page: PageFile) -> str:
    """PAGE XML (2019-07-15) of one page."""
    width, height = page.size
    now = datetime.now(UTC).isoformat(timespec="seconds")
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">',
        f"<Metadata><Creator>sequence-lab</Creator><Created>{now}</Created><LastChange>{now}</LastChange></Metadata>",
        f'<Page imageFilename={quoteattr(page.image)} imageWidth="{width}" imageHeight="{height}">',
        f'<TextRegion id="region_1"><Coords points="{_corners((0, 0, width, height))}"/>',
    ]
    for line in page.lines:
        out.append(f'<TextLine id={quoteattr(line.id)}><Coords points="{_points(line.outline, ",")}"/>')
        if line.baseline:
            out.append(f'<Baseline points="{_points(line.baseline, ",")}"/>')
        for number, word in enumerate(line.words or (), 1):
            out.append(f'<Word id={quoteattr(f"{line.id}_w{number}")}><Coords points="{_corners(word.box)}"/>')
            out.append(f"{_equivalent(word.text, word.confidence)}</Word>")
        out.append(f"{_equivalent(line.text or '', line.confidence)}</TextLine>")
    return "\n".join([*out, "</TextRegion></Page></PcGts>"])


def as_alto(files: list[PageFile]) -> str:
    """ALTO 4, a `Page` for each page; a document names one image, so those of several pages stand in comments."""
    source = ""
    if len(files) == 1:
        source = f"<sourceImageInformation><fileName>{escape(files[0].image)}</fileName></sourceImageInformation>"
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#">',
        f"<Description><MeasurementUnit>pixel</MeasurementUnit>{source}</Description>",
        "<Layout>",
    ]
    for number, page in enumerate(files, 1):
        width, height = page.size
        out.append(f'<Page ID="page_{number}" PHYSICAL_IMG_NR="{number}" WIDTH="{width}" HEIGHT="{height}">')
        if not source:
            out.append(f"<!-- {re.sub('-(?=-)', '- ', page.image)} -->")
        out.append(f"<PrintSpace {_alto_box((0, 0, width, height))}>")
        out.append(f'<TextBlock ID="block_{number}" {_alto_box((0, 0, width, height))}>')
        for line in page.lines:
            baseline = f' BASELINE="{_points(line.baseline)}"' if line.baseline else ""
            out.append(f"<TextLine ID={quoteattr(line.id)} {_alto_box(line.box())}{baseline}>")
            out.append(f'<Shape><Polygon POINTS="{_points(line.outline)}"/></Shape>')
            out.append("<SP/>".join(_strings(line)) + "</TextLine>")
        out.append("</TextBlock></PrintSpace></Page>")
    return "\n".join([*out, "</Layout></alto>"])


def write_pages(
    lines: Iterable[LineRecord], folder: Path, form: PageForm, left_out: dict[str, str], notes: list[str]
) -> int:
    """Write `x.png` of each line and `x.xml`, which says that the whole image is one line; how many.

    Images keep their bytes. Those that their EXIF turns become upright PNGs: programs differ in whether they follow it,
    so that either size would be wrong for some.

    Args:
        lines: to write.
        folder: a new one.
        form: of the XML.
        left_out: takes the lines that XML cannot hold or whose image has no size, by name and reason.
        notes: takes a sentence about the images that were turned.
    """
    count, num_turned, used = 0, 0, set[str]()
    for record in lines:
        found = FORBIDDEN.search(record.text)
        if found:
            left_out[record.id] = f"its text has U+{ord(found[0]):04X}, which XML cannot hold"
            continue
        try:
            encoded, size, turned = _upright(record.read())
        except BadInput as error:
            left_out[record.id] = str(error)
            continue
        name = os.path.splitext(record.id)[0] + ".png" if turned and is_image(record.id) else record.id
        image = folder / unused_name(FORBIDDEN.sub("_", name), encoded, used)
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(encoded)
        page = PageFile(image.name, size, [PageLine("line_1", record.text, *whole_image(size))])
        content = as_page(page) if form == "page" else as_alto([page])
        image.with_suffix(".xml").write_text(content + "\n", encoding="utf-8", newline="")
        count, num_turned = count + 1, num_turned + turned
    if num_turned:
        notes.append(f"{num_turned:,} images, which not every program turns as their EXIF says, are upright PNGs now")
    return count


def _upright(encoded: bytes) -> tuple[bytes, tuple[int, int], bool]:
    """An image that every program reads alike, its size, and whether it was turned: a PNG then, else its own bytes.

    Raises:
        BadInput: it cannot be decoded.
    """
    found = [page.grey for page in islice(pages(encoded), 2)]
    picture = Image.open(io.BytesIO(encoded))
    if len(found) > 1 or picture.getexif().get(0x0112) not in TURNS:
        return encoded, found[0].size, False
    upright = ImageOps.exif_transpose(picture)
    file = io.BytesIO()
    (upright if upright.mode in PNG_MODES else found[0]).save(file, "PNG")
    return file.getvalue(), found[0].size, True


def _strings(line: PageLine) -> list[str]:
    """A `String` for each word, or one for all of a line whose words have no place of their own."""
    if line.words is None:
        return [f"<String CONTENT={quoteattr(line.text or '')} {_alto_box(line.box())}/>"]
    return [
        f"<String CONTENT={quoteattr(word.text)} {_alto_box(word.box)} WC={quoteattr(f'{word.confidence:.3f}')}/>"
        for word in line.words
    ]


def _equivalent(text: str, confidence: float | None) -> str:
    sure = "" if confidence is None else f' conf="{confidence:.3f}"'
    return f"<TextEquiv{sure}><Unicode>{escape(text)}</Unicode></TextEquiv>"


def _alto_box(box: Box) -> str:
    left, top, right, bottom = box
    return f'HPOS="{left}" VPOS="{top}" WIDTH="{right - left}" HEIGHT="{bottom - top}"'


def _corners(box: Box) -> str:
    """The outermost pixels of a box."""
    left, top, right, bottom = box[0], box[1], max(box[0], box[2] - 1), max(box[1], box[3] - 1)
    return f"{left},{top} {right},{top} {right},{bottom} {left},{bottom}"


def _points(points: Points, separator: str = " ") -> str:
    return " ".join(f"{x}{separator}{y}" for x, y in points)
