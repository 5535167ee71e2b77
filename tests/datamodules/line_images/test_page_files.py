"""PAGE XML and ALTO: lines cut out of a page whose every line is known."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules.errors import BadInput
from datamodules.line_images.formats import read_lines
from tests.datamodules.line_images.pictures import written

TEXTS = ("first", "second & third", "fourth")


def write_page(folder: Path) -> list[tuple[int, int, int, int]]:
    """A page of three lines, `scan.png`; the boxes of its lines."""
    page, boxes = Image.new("L", (900, 300), 255), []
    for number in range(3):
        line = Image.fromarray(written(number))
        page.paste(line, (20, 20 + 80 * number))
        boxes.append((20, 20 + 80 * number, 20 + line.width - 1, 20 + 80 * number + line.height - 1))
    page.save(folder / "scan.png")
    return boxes


def page_xml(boxes, order: str = "", width: int = 900) -> str:
    lines = [
        f'<TextRegion id="r{n}"><TextLine id="l{n}"><Coords points="{x},{t} {r},{t} {r},{b} {x},{b}"/>'
        f'<Baseline points="{x},{b} {r},{b}"/><TextEquiv index="1"><Unicode>other</Unicode></TextEquiv>'
        f"<TextEquiv index='0'><Unicode>{text.replace('&', '&amp;')}</Unicode></TextEquiv></TextLine></TextRegion>"
        for n, ((x, t, r, b), text) in enumerate(zip(boxes, TEXTS))
    ]
    return (
        '<?xml version="1.0"?><PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
        f'<Page imageFilename="scan.png" imageWidth="{width}" imageHeight="{width // 3}">{order}{"".join(lines)}</Page>'
        "</PcGts>"
    )


def alto(boxes) -> str:
    lines = [
        f'<TextLine ID="l{n}" HPOS="{x}" VPOS="{t}" WIDTH="{r - x}" HEIGHT="{b - t}" BASELINE="{b}">'
        + "<SP/>".join(f'<String CONTENT="{word.replace("&", "&amp;")}"/>' for word in text.split())
        + "</TextLine>"
        for n, ((x, t, r, b), text) in enumerate(zip(boxes, TEXTS))
    ]
    return (
        '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description><sourceImageInformation>'
        "<fileName>scan.png</fileName></sourceImageInformation></Description><Layout>"
        f'<Page WIDTH="900" HEIGHT="300"><PrintSpace><TextBlock>{"".join(lines)}</TextBlock></PrintSpace></Page>'
        "</Layout></alto>"
    )


def pixels(encoded: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(encoded)))


@pytest.mark.parametrize("form", ["page", "alto"])
@pytest.mark.parametrize("place", [".", "page"])
def test_lines_are_cut_out_in_their_order(form: str, place: str, tmp_path: Path) -> None:
    boxes = write_page(tmp_path)
    (tmp_path / place).mkdir(exist_ok=True)
    file = tmp_path / place / "0001.xml"
    file.write_text(page_xml(boxes) if form == "page" else alto(boxes), encoding="utf-8")
    for path in (tmp_path, file):
        read = read_lines(path)
        assert [record.text for record in read.records] == list(TEXTS)
        for number, record in enumerate(read.records):
            np.testing.assert_array_equal(pixels(record.read()), written(number))


@pytest.mark.parametrize(
    ("named", "place", "found"),
    [
        ("../images/scan.png", "images", True),  # eScriptorium
        ("images/scan.png", "images", True),  # OCR-D, from the folder above
        ("C:\\scans\\images\\scan.png", ".", True),  # of another machine: its last part, in the folder above
        ("../../scan.png", "..", False),  # outside what the person named
    ],
)
def test_images_in_the_folder_that_a_page_names(named: str, place: str, found: bool, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    (lines / "xml").mkdir(parents=True)
    (lines / place).mkdir(exist_ok=True)
    boxes = write_page(lines / place)
    (lines / "xml" / "0001.xml").write_text(page_xml(boxes).replace("scan.png", named), encoding="utf-8")
    if found:
        read = read_lines(lines)
        assert [record.text for record in read.records] == list(TEXTS)
        np.testing.assert_array_equal(pixels(read.records[0].read()), written(0))
    else:
        with pytest.raises(BadInput, match=r"no image \.\./\.\./scan\.png"):
            read_lines(lines)


def test_the_hyphen_that_alto_keeps_apart_is_a_hyphen(tmp_path: Path) -> None:
    """Chronicling America and Kitodo write it with or without content, docWorks as a soft hyphen."""
    boxes = write_page(tmp_path)
    for content, text in (("-", "first-"), ("", "first-"), ("&#xAD;", "first-"), ("⸗", "first⸗")):
        marked = alto(boxes).replace('"first"/>', f'"first" SUBS_TYPE="HypPart1"/><HYP CONTENT="{content}"/>')
        (tmp_path / "0001.xml").write_text(marked, encoding="utf-8")
        assert read_lines(tmp_path).records[0].text == text


def test_the_reading_order_and_the_scale_of_a_page(tmp_path: Path) -> None:
    boxes = write_page(tmp_path)
    refs = "".join(f'<RegionRefIndexed index="{i}" regionRef="r{n}"/>' for i, n in enumerate((2, 0, 1)))
    order = f'<ReadingOrder><OrderedGroup id="g">{refs}</OrderedGroup></ReadingOrder>'
    half = [tuple(value / 2 for value in box) for box in boxes]
    (tmp_path / "0001.xml").write_text(page_xml(half, order, width=450), encoding="utf-8")
    read = read_lines(tmp_path)
    assert [record.text for record in read.records] == [TEXTS[2], TEXTS[0], TEXTS[1]]
    assert abs(pixels(read.records[1].read()).shape[1] - written(0).shape[1]) <= 2


def test_a_slanted_line_is_turned_level(tmp_path: Path) -> None:
    line = Image.fromarray(written())
    page = Image.new("L", (700, 500), 255)
    page.paste(line, (100, 230))
    page = page.rotate(-8, Image.Resampling.BICUBIC, fillcolor=255)
    page.save(tmp_path / "scan.png")
    angle, middle = np.radians(8), np.array([350, 250])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    w, h = line.size
    corners = [
        middle + turn @ (np.array(c) - middle) for c in ((100, 230), (100 + w, 230), (100 + w, 230 + h), (100, 230 + h))
    ]
    points = " ".join(f"{x:.0f},{y:.0f}" for x, y in corners)
    base = " ".join(f"{x:.0f},{y:.0f}" for x, y in (corners[3], corners[2]))
    (tmp_path / "scan.xml").write_text(
        f'<PcGts><Page imageFilename="scan.png" imageWidth="700" imageHeight="500"><TextRegion><TextLine id="a">'
        f'<Coords points="{points}"/><Baseline points="{base}"/><TextEquiv><Unicode>x</Unicode></TextEquiv></TextLine>'
        "</TextRegion></Page></PcGts>"
    )
    cut = pixels(read_lines(tmp_path).records[0].read())
    assert abs(cut.shape[0] - h) <= 4
    assert abs(cut.shape[1] - w) <= 6


def test_what_is_missing_on_a_page_is_named(tmp_path: Path) -> None:
    boxes = write_page(tmp_path)
    text = (
        page_xml(boxes)
        .replace("<Unicode>first</Unicode>", "<Unicode/>")
        .replace("<Unicode>other</Unicode>", "<Unicode/>", 1)
    )
    text = text.replace('<TextLine id="l2"><Coords', '<TextLine id="l2"><Other')
    (tmp_path / "0001.xml").write_text(text, encoding="utf-8")
    (tmp_path / "0002.xml").write_text(page_xml(boxes).replace("scan.png", "gone.png"), encoding="utf-8")
    read = read_lines(tmp_path)
    assert [record.text for record in read.records] == ["second & third"]
    assert read.left_out == {
        "0001/0001_l0": "no text",
        "0001/0003_l2": "no outline",
        "0002.xml": "no image gone.png",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<PcGts><Page>", "not XML that can be read"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><PcGts/>', "XML with entities of its own"),
        ('<PcGts><Page imageWidth="wide"/></PcGts>', "a coordinate that is no number"),
    ],
)
def test_broken_page_files_are_a_sentence(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "0001.xml").write_text(content)
    with pytest.raises(BadInput, match=rf"0001\.xml: {message}"):
        read_lines(tmp_path / "0001.xml")


def test_the_order_that_transkribus_writes(tmp_path: Path) -> None:
    text = page_xml(write_page(tmp_path))
    for number, index in enumerate((2, 0, 1)):
        text = text.replace(f'id="r{number}"', f'id="r{number}" custom="readingOrder {{index:{index};}}"')
    (tmp_path / "0001.xml").write_text(text, encoding="utf-8")
    assert [record.text for record in read_lines(tmp_path).records] == [TEXTS[1], TEXTS[2], TEXTS[0]]


def test_pages_with_corners_as_ppocrlabel_writes_them(tmp_path: Path) -> None:
    boxes = write_page(tmp_path)
    entries = [
        {"transcription": text, "points": [[x, t], [r, t], [r, b], [x, b]], "difficult": False}
        for text, (x, t, r, b) in zip((TEXTS[0], "###", TEXTS[2]), boxes)
    ]
    (tmp_path / "Label.txt").write_text(f"scan.png\t{json.dumps(entries)}\n")
    read = read_lines(tmp_path / "Label.txt")
    assert [(record.id, record.text) for record in read.records] == [("scan/0001", TEXTS[0]), ("scan/0003", TEXTS[2])]
    assert read.left_out == {"scan/0002": "marked as illegible (###)"}
    np.testing.assert_array_equal(pixels(read.records[0].read()), written(0))
