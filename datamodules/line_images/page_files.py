"""PAGE XML and ALTO as they are read: pages with the outlines and texts of their lines, and which image is theirs."""

from __future__ import annotations

import math
import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element

from datamodules.errors import BadInput
from datamodules.line_images.page_cutting import cut_line
from datamodules.line_images.page_lines import PageFile, PageLine, Points
from datamodules.line_images.records import DEFAULTS, LineRecord, LineRecords, ReaderSettings, is_image, nfc


def is_page_file(path: Path) -> bool:
    """Whether an XML file is PAGE or ALTO, by its first tag."""
    if path.suffix.lower() not in (".xml", ".alto", ".page"):
        return False
    try:
        with path.open("rb") as file:
            return re.search(rb"<(\w+:)?(PcGts|alto)\b", file.read(4096)) is not None
    except OSError:
        return False


def read_page_files(files: list[Path], folder: Path, settings: ReaderSettings = DEFAULTS) -> LineRecords:
    """Every line with a text, of PAGE and ALTO files below a folder; the id keeps the order of each page.

    A page that is one line is its image as it is, by the name of its file.

    Raises:
        BadInput: a file is broken, or no line can be used.
    """
    read = LineRecords()
    for file in files:
        name = file.relative_to(folder).with_suffix("").as_posix()
        pages = list(parse_page_file(file))
        for page in pages:
            image = image_of(file, page)
            if image is None:
                read.left_out[file.relative_to(folder).as_posix()] = f"no image {page.image or 'of its name'}"
                continue
            if len(pages) == 1 and page.is_one_line():
                (line,) = page.lines
                id_ = nfc(name + image.suffix)
                read.add(LineRecord(id_, line.text or "", image.read_bytes, f"{file} line {line.id}"))
                continue
            for number, line in enumerate(page.lines, 1):
                id_ = nfc(f"{name}/{number:04d}_" + re.sub(r"[^\w-]", "_", line.id))
                if len(line.outline) < 2:
                    read.left_out[id_] = "no outline"
                    continue
                cut = partial(cut_line, image, line, page.size)
                read.add(LineRecord(id_, line.text or "", cut, f"{file} line {line.id}"))
    return read.finish(folder, "line with a text in its PAGE or ALTO files")


def parse_page_file(path: Path) -> Iterator[PageFile]:
    """The pages of a PAGE or ALTO file.

    Raises:
        BadInput: not XML, or neither of the two.
    """
    try:
        content = path.read_bytes()
        if b"<!ENTITY" in content:
            raise BadInput(f"{path}: XML with entities of its own, which is not read")
        root = ElementTree.fromstring(content)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BadInput(f"{path}: not XML that can be read ({error})") from None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    if root.tag not in ("PcGts", "alto"):
        raise BadInput(f"{path}: neither PAGE (PcGts) nor ALTO but {root.tag}")
    try:
        yield from (_page_pages if root.tag == "PcGts" else _alto_pages)(root)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{path}: a coordinate that is no number ({error})") from None


# ---------------------------------------------------------------- PAGE


def _page_pages(root: Element) -> Iterator[PageFile]:
    for page in root.iter("Page"):
        lines = []
        for region in _ordered(page):
            for line in sorted(region.iter("TextLine"), key=_custom_index):
                outline, baseline = _page_points(line.find("Coords")), _page_points(line.find("Baseline"))
                lines.append(PageLine(line.get("id") or "line", _page_text(line), outline, baseline))
        yield PageFile(page.get("imageFilename") or "", _size(page, "imageWidth", "imageHeight"), lines)


def _ordered(page: Element) -> list[Element]:
    """The regions of a page in their reading order, those that it does not name last."""
    regions = [child for child in page if child.tag.endswith("Region")]
    order = page.find("ReadingOrder")
    named = [ref.get("regionRef") for ref in order.iter() if ref.get("regionRef")] if order is not None else []
    if not named:
        return sorted(regions, key=_custom_index)
    rank = {name: position for position, name in reversed(list(enumerate(named)))}
    return sorted(regions, key=lambda region: rank.get(region.get("id"), len(rank)))


def _custom_index(element: Element) -> float:
    """Where Transkribus puts a region or line: `custom="readingOrder {index:3;}"`; last where it has no index."""
    found = re.search(r"readingOrder\s*\{[^}]*index:\s*(\d+)", element.get("custom") or "")
    return int(found[1]) if found else math.inf


def _page_points(element: Element | None) -> Points:
    if element is None:
        return []
    if element.get("points"):
        return _points(element.get("points") or "")
    return [(float(point.get("x", "")), float(point.get("y", ""))) for point in element.iter("Point")]  # before 2013


def _page_text(element: Element) -> str | None:
    """The text of a line, of the first of its alternatives; that of its words where the line has none."""
    equivalents = sorted(element.findall("TextEquiv"), key=lambda found: int(found.get("index") or 0))
    for found in equivalents:
        for tag in ("Unicode", "PlainText"):
            text = found.findtext(tag)
            if text and text.strip():
                return text
    words = [_page_text(word) for word in element.findall("Word")]
    return " ".join(word for word in words if word) or None


# ---------------------------------------------------------------- ALTO


def _alto_pages(root: Element) -> Iterator[PageFile]:
    image = root.findtext("Description/sourceImageInformation/fileName") or ""
    for page in root.iter("Page"):
        lines = []
        for line in page.iter("TextLine"):
            outline = _alto_outline(line)
            lines.append(PageLine(line.get("ID") or "line", _alto_text(line), outline, _baseline(line, outline)))
        yield PageFile(image.strip(), _size(page, "WIDTH", "HEIGHT"), lines)


def _alto_outline(line: Element) -> Points:
    polygon = line.find("Shape/Polygon")
    if polygon is not None and polygon.get("POINTS"):
        return _points(polygon.get("POINTS") or "")
    if line.get("HPOS") is None or line.get("VPOS") is None:
        return []
    x, y, width, height = (float(line.get(name) or 0) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _baseline(line: Element, outline: Points) -> Points:
    """Points, or in ALTO 2 and 3 one height for the whole line, which is level."""
    given = line.get("BASELINE") or ""
    return _points(given) if " " in given.strip() or "," in given else []


def _alto_text(line: Element) -> str | None:
    """Strings with the spaces that the file has, or a space between any two where it has none."""
    parts: list[str] = []
    spaced = line.find("SP") is not None
    for child in line:
        if child.tag == "String":
            if parts and not spaced:
                parts.append(" ")
            parts.append(child.get("CONTENT") or "")
        elif child.tag == "SP":
            parts.append(" ")
        elif child.tag == "HYP":
            parts.append((child.get("CONTENT") or "-").replace("\u00ad", "-"))  # a hyphen is printed there
    return "".join(parts) or None


# ---------------------------------------------------------------- images of pages


def image_of(file: Path, page: PageFile) -> Path | None:
    """The page's image: the file that it names, or one of its own name; beside it or in the folder above.

    A name with folders (`../images/x.png` of eScriptorium, `OCR-D-IMG/x.png` of OCR-D) counts where it leads below the
    folder above; else its last part alone.
    """
    whole = page.image.replace("\\", "/").removeprefix("file:")
    named = whole.rpartition("/")[2]
    above = os.path.abspath(file.parent.parent)
    for folder in (file.parent, file.parent.parent):
        found = Path(os.path.abspath(folder / whole))
        if "/" in whole and os.path.commonpath([found, above]) == above and found.is_file():
            return found
        if named and (folder / named).is_file():
            return folder / named
        near = sorted(path for path in folder.glob(f"{_escaped(file.stem)}.*") if is_image(path.name))
        if near:
            return near[0]
    return None


def _escaped(name: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", name)


def _points(text: str) -> Points:
    """`0,0 10,0` or `0 0 10 0`."""
    numbers = [float(number) for number in re.split(r"[\s,]+", text.strip()) if number]
    return list(zip(numbers[::2], numbers[1::2]))


def _size(page: Element, width: str, height: str) -> tuple[float, float]:
    return float(page.get(width) or 0), float(page.get(height) or 0)


def page_files_below(files: list[Path]) -> list[Path]:
    """Those that are PAGE or ALTO."""
    return [path for path in files if os.path.splitext(path.name)[1].lower() == ".xml" and is_page_file(path)]
