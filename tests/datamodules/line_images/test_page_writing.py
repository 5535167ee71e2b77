"""Ground truth as PAGE XML and ALTO: what stands in the files, and what our own reader makes of them."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules.errors import BadInput
from datamodules.line_images.formats import read_lines, write_lines
from datamodules.line_images.images import single_page
from datamodules.line_images.page_lines import PageFile, PageLine
from datamodules.line_images.page_writing import PageForm, as_alto, as_page
from datamodules.line_images.records import LineRecord
from tests.datamodules.line_images.pictures import encoded, written

FORMS = pytest.mark.parametrize("form", ["page", "alto"])
SPACES = {
    "p": "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15",
    "a": "http://www.loc.gov/standards/alto/ns-v4#",
}


def record(id_: str, text: str, content: bytes | None = None) -> LineRecord:
    return LineRecord(id_, text, partial(bytes, encoded(written()) if content is None else content), "")


def turned(form: str, orientation: int = 6, mode: str = "L") -> bytes:
    """A line that lies on its side in the file, and whose EXIF says so."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(np.rot90(written()))).convert(mode).save(file, form, exif=exif)
    return file.getvalue()


def test_page_xml_says_that_the_whole_image_is_one_line(tmp_path: Path) -> None:
    grey = written()
    write_lines([record("b/x.png", " a <b>", encoded(grey))], tmp_path, form="page")
    right, bottom = grey.shape[1] - 1, grey.shape[0] - 1
    root = ElementTree.parse(tmp_path / "b" / "x.xml").getroot()
    assert root.tag == f"{{{SPACES['p']}}}PcGts"
    assert [child.tag.rpartition("}")[2] for child in root] == ["Metadata", "Page"], "the schema asks for both"
    page = root.find("p:Page", SPACES)
    size = {"imageWidth": str(right + 1), "imageHeight": str(bottom + 1)}
    assert page.attrib == {"imageFilename": "x.png", **size}
    (line,) = page.findall("p:TextRegion/p:TextLine", SPACES)
    assert [child.tag.rpartition("}")[2] for child in line] == ["Coords", "Baseline", "TextEquiv"]
    outline = f"0,0 {right},0 {right},{bottom} 0,{bottom}"
    assert line.find("p:Coords", SPACES).get("points") == outline
    assert page.find("p:TextRegion/p:Coords", SPACES).get("points") == outline
    height = round(0.75 * bottom)
    assert line.find("p:Baseline", SPACES).get("points") == f"0,{height} {right},{height}"
    assert line.findtext("p:TextEquiv/p:Unicode", None, SPACES) == " a <b>"


def test_alto_says_that_the_whole_image_is_one_line(tmp_path: Path) -> None:
    grey = written()
    write_lines([record("b/x&y.png", " a <b>", encoded(grey))], tmp_path, form="alto")
    right, bottom = grey.shape[1] - 1, grey.shape[0] - 1
    root = ElementTree.parse(tmp_path / "b" / "x&y.xml").getroot()
    assert root.tag == f"{{{SPACES['a']}}}alto"
    assert root.findtext("a:Description/a:MeasurementUnit", None, SPACES) == "pixel"
    assert root.findtext("a:Description/a:sourceImageInformation/a:fileName", None, SPACES) == "x&y.png"
    page = root.find("a:Layout/a:Page", SPACES)
    size = {"WIDTH": str(right + 1), "HEIGHT": str(bottom + 1)}
    assert page.attrib == {"ID": "page_1", "PHYSICAL_IMG_NR": "1", **size}
    (line,) = page.findall("a:PrintSpace/a:TextBlock/a:TextLine", SPACES)
    height = round(0.75 * bottom)
    box = {"HPOS": "0", "VPOS": "0", **size}
    assert line.attrib == {"ID": "line_1", "BASELINE": f"0 {height} {right} {height}", **box}
    assert line.find("a:Shape/a:Polygon", SPACES).get("POINTS") == f"0 0 {right} 0 {right} {bottom} 0 {bottom}"
    assert [string.attrib for string in line.findall("a:String", SPACES)] == [{"CONTENT": " a <b>", **box}]


@FORMS
def test_texts_names_and_bytes_are_kept(form: PageForm, tmp_path: Path) -> None:
    """The ids are the same again, so that books stay together; of two that differ in their suffix one has a number."""
    grey = written()
    lines = [
        record("a/x.jpg", "  two  spaces\u00a0 ", encoded(grey, "JPEG")),
        record("a/x.png", "<tag> & \"quoted\" 'so' ]]>", encoded(grey)),
        record("b 1/c/y.1.tif", "שלום (abc)", encoded(grey, "TIFF")),
        record("b 1/c/y.2.tif", "a\tb\u0085c\u2028d"),
        record("image-000000001", "𝔘𠀀", encoded(grey, "WEBP")),
        record("''\"&<.png", "é e\u0301 ſ"),
    ]
    left_out: dict[str, str] = {}
    assert write_lines(lines, tmp_path, left_out, form) == len(lines)
    read = read_lines(tmp_path)
    assert not left_out
    assert not read.left_out
    expected = ["a/x.jpg", "a/x_2.png", "b 1/c/y.1.tif", "b 1/c/y.2.tif", "image-000000001.webp", "''\"&<.png"]
    found = {line.id: (line.text, line.read()) for line in read.records}
    assert found == {id_: (line.text, line.read()) for id_, line in zip(expected, lines)}
    write_lines(read.records, tmp_path / "again" / "folder")
    assert {line.id for line in read_lines(tmp_path / "again" / "folder").records} == set(expected)


@FORMS
def test_lines_that_xml_cannot_hold_are_left_out_by_name(form: PageForm, tmp_path: Path) -> None:
    left_out: dict[str, str] = {}
    texts = {"a.png": "one\x01", "b.png": "\ufffe", "c.png": "\ud800", "d.png": "\ufffd", "e\x01.png": "fine"}
    assert write_lines([record(*line) for line in texts.items()], tmp_path, left_out, form) == 2
    assert left_out == {
        f"{name}.png": f"its text has U+{code}, which XML cannot hold"
        for name, code in (("a", "0001"), ("b", "FFFE"), ("c", "D800"))
    }
    assert {line.id: line.text for line in read_lines(tmp_path).records} == {"d.png": "\ufffd", "e_.png": "fine"}


@FORMS
def test_a_line_without_text_is_left_out_where_it_is_read(form: PageForm, tmp_path: Path) -> None:
    assert write_lines([record("a.png", ""), record("b.png", " "), record("c.png", "x")], tmp_path, form=form) == 3
    assert read_lines(tmp_path).left_out == {"a.png": "no text", "b.png": "no text"}


@FORMS
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.jpg", turned("JPEG", mode="RGB")),
        ("x.jpg", turned("JPEG", 7, "CMYK")),
        ("x.png", turned("PNG", 8)),
        ("x.tif", turned("TIFF", 3)),
        ("x", turned("WEBP", 5)),
    ],
)
def test_images_that_their_exif_turns_are_written_upright(
    form: PageForm, name: str, content: bytes, tmp_path: Path
) -> None:
    before, notes = single_page(content).grey, list[str]()
    write_lines([record(name, "one", content)], tmp_path, {}, form, notes)
    assert notes == ["1 images, which not every program turns as their EXIF says, are upright PNGs now"]
    image = Image.open(tmp_path / "x.png")
    assert (image.format, image.size, image.getexif().get(0x0112)) == ("PNG", before.size, None)
    root = ElementTree.parse(tmp_path / "x.xml").getroot()
    page = next(element for element in root.iter() if element.tag.endswith("}Page"))
    keys = ("imageWidth", "imageHeight") if form == "page" else ("WIDTH", "HEIGHT")
    assert tuple(int(page.get(key)) for key in keys) == before.size
    (line,) = read_lines(tmp_path).records
    np.testing.assert_array_equal(np.asarray(single_page(line.read()).grey), np.asarray(before))


def test_colours_of_a_turned_image_are_kept(tmp_path: Path) -> None:
    write_lines([record("x.jpg", "one", turned("JPEG", mode="RGB"))], tmp_path, form="page")
    assert Image.open(tmp_path / "x.png").mode == "RGB"


@FORMS
def test_several_pages_are_copied_and_what_is_no_image_is_left_out(form: PageForm, tmp_path: Path) -> None:
    """As in a folder, the reader refuses several pages where it reads the image."""
    page, exif, file = Image.fromarray(written()), Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    page.save(file, "TIFF", save_all=True, append_images=[page], exif=exif)
    left_out: dict[str, str] = {}
    lines = [record("two.tif", "one", file.getvalue()), record("bad.png", "two", b"nothing")]
    assert write_lines(lines, tmp_path, left_out, form) == 1
    assert left_out == {"bad.png": "not an image that can be read (cannot identify image file)"}
    (line,) = read_lines(tmp_path).records
    assert line.read() == file.getvalue()
    with pytest.raises(BadInput, match="several pages in one file"):
        single_page(line.read())


@pytest.mark.parametrize(
    ("outline", "baseline", "whole"),
    [
        ([(0, 0), (99, 0), (99, 29), (0, 29)], [], True),
        ([(0, 0), (0, 30), (100, 30), (100, 0)], [(0, 20), (99, 20)], True),  # other programs count the last edge
        ([(0, 0), (99, 0), (99, 29), (0, 29), (0, 0)], [(0, 20), (99, 20)], True),
        ([(0, 0), (98, 0), (98, 29), (0, 29)], [], False),
        ([(0, 0), (99, 0), (99, 15), (99, 29), (0, 29)], [], False),
        ([(0, 0), (99, 0), (99, 29), (0, 29)], [(0, 10), (99, 20)], False),  # turned level
        ([(0, 0), (99, 0), (99, 29), (99, 29)], [], False),
    ],
)
def test_an_image_is_read_as_it_is_only_where_its_line_fills_it(outline, baseline, whole: bool, tmp_path: Path) -> None:
    content = encoded(np.tile(np.arange(100, dtype=np.uint8), (30, 1)))
    (tmp_path / "x.png").write_bytes(content)
    page = PageFile("x.png", (100, 30), [PageLine("l", "one", outline, baseline)])
    (tmp_path / "x.xml").write_text(as_page(page))
    (line,) = read_lines(tmp_path).records
    assert (line.id, line.read() == content) == (("x.png", True) if whole else ("x/0001_l", False))
    page.lines.append(PageLine("m", "two", outline, baseline))
    (tmp_path / "x.xml").write_text(as_page(page))
    assert [line.id for line in read_lines(tmp_path).records] == ["x/0001_l", "x/0002_m"]


def test_several_pages_in_one_alto_file_are_named_in_comments() -> None:
    outline = [(0, 0), (9, 0), (9, 9), (0, 9)]
    pages = [PageFile(name, (10, 10), [PageLine("l", "one", outline, [])]) for name in ("a---b.png", "c.png")]
    content = as_alto(pages)
    assert len(ElementTree.fromstring(content).findall("a:Layout/a:Page", SPACES)) == 2
    assert "<!-- a- - -b.png -->" in content
