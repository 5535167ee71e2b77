from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from datamodules.errors import BadInput
from datamodules.line_images.images import (
    TURNS,
    collection_ground,
    count_text_lines,
    line_image,
    line_ink,
    pages,
    refuse_several_lines,
    single_page,
)
from tests.datamodules.line_images.pictures import encoded, written


def test_height_is_made_32_and_the_width_follows() -> None:
    ink = line_image(encoded(written(height=40)), 32, 4000)
    assert ink.dtype == np.uint8
    assert ink.shape == (32, round(written(height=40).shape[1] * 32 / 40))
    assert ink.min() == 0
    assert ink.max() == 255
    assert ink.mean() < 100, "most of it is paper"


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_every_format_and_mode_shows_the_same_ink(form: str) -> None:
    grey = written()
    expected = line_image(encoded(grey), 32, 4000).astype(int)
    settings = {"lossless": True} if form == "WEBP" else {"quality": 98} if form == "JPEG" else {}
    assert np.abs(line_image(encoded(grey, form, **settings), 32, 4000) - expected).mean() < 3


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16", "I", "F", "CMYK"])
def test_every_mode_shows_the_same_ink(mode: str) -> None:
    grey = written()
    expected = line_image(encoded(grey), 32, 4000).astype(int)
    picture = Image.fromarray(grey)
    if mode in ("I;16", "I", "F"):
        picture = Image.fromarray(grey.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]) * 200)
    else:
        picture = picture.convert("RGB").convert(mode) if mode in ("P", "CMYK") else picture.convert(mode)
    file = io.BytesIO()
    picture.save(file, "TIFF")
    assert np.abs(line_image(file.getvalue(), 32, 4000) - expected).mean() < (20 if mode == "1" else 3)


def test_what_is_transparent_is_paper() -> None:
    grey = written()
    transparent = np.zeros((*grey.shape, 4), dtype=np.uint8)  # black everywhere, seen only where the ink is
    transparent[..., 3] = 255 - grey
    np.testing.assert_allclose(line_image(encoded(transparent), 32, 4000), line_image(encoded(grey), 32, 4000), atol=2)


def test_light_on_dark_is_read_as_dark_on_light_unless_told() -> None:
    expected = line_image(encoded(written()), 32, 4000)
    inverted = encoded(255 - written())
    np.testing.assert_allclose(line_image(inverted, 32, 4000), expected, atol=1)
    np.testing.assert_allclose(line_image(inverted, 32, 4000, "light_on_dark"), expected, atol=1)
    np.testing.assert_allclose(line_image(inverted, 32, 4000, "dark_on_light"), 255 - expected, atol=1)


def test_faint_ink_is_as_dark_as_any() -> None:
    faint = encoded((190 + written() * 0.2).astype(np.uint8))
    np.testing.assert_allclose(line_image(faint, 32, 4000), line_image(encoded(written()), 32, 4000), atol=12)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an image that can be read"),
        (b"\x89PNG\r\n\x1a\n and no more", "not an image that can be read"),
        (encoded(written())[:200], "not an image that can be read"),
        (encoded(np.full((40, 300), 255, np.uint8)), "empty: nothing is written on it"),
        (encoded(np.full((40, 300), 7, np.uint8)), "empty: nothing is written on it"),
        (
            encoded(np.tile(written(), (1, 200))[:, :2000]),
            "1,600 pixels wide at height 32; at most datamodule.max_width=900 are accepted",
        ),
    ],
)
def test_what_cannot_be_read_is_a_sentence(content: bytes, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        line_image(content, 32, 900)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert "0x" not in str(caught.value)


@given(content=st.binary(max_size=300), start=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"II*\0", b"\xff\xd8\xff"]))
def test_any_bytes_are_read_or_refused_in_a_sentence(content: bytes, start: bytes) -> None:
    try:
        assert line_image(start + content, 32, 4000).shape[0] == 32
    except BadInput as error:
        assert str(error)


def stored(picture: Image.Image, form: str = "PNG", **settings) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **settings)
    return file.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_orientation_is_turned_upright(orientation: int, form: str) -> None:
    grey = Image.fromarray(written())
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    turned = grey if orientation == 1 else grey.transpose(back.get(orientation) or TURNS[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    settings = {"lossless": True} if form == "WEBP" else {"quality": 98} if form == "JPEG" else {}
    ink = line_image(stored(turned, form, exif=exif, **settings), 32, 4000)
    assert np.abs(ink.astype(int) - line_image(encoded(written()), 32, 4000)).mean() < 3


@pytest.mark.parametrize("form", ["TIFF", "GIF", "WEBP"])
def test_every_page_of_a_file_is_one(form: str) -> None:
    width = max(written(number).shape[1] for number in range(3))
    lines = [np.pad(written(n), ((0, 0), (0, width - written(n).shape[1])), constant_values=255) for n in range(3)]
    first, *others = map(Image.fromarray, lines)
    found = [page.grey for page in pages(stored(first, form, save_all=True, append_images=others))]
    assert len(found) == 3
    for number, grey in enumerate(found):
        assert np.abs(np.asarray(grey).astype(int) - lines[number]).mean() < 6
    with pytest.raises(BadInput, match="several pages in one file"):
        line_image(stored(first, form, save_all=True, append_images=others), 32, 4000)


def bold() -> np.ndarray:
    """Black letters that fill most of a tight crop."""
    page = np.full((40, 200), 255, np.uint8)
    page[:, 5:95] = page[:, 105:160] = 0
    page[12:20, 20:80] = 255
    return page


def test_bold_type_is_not_inverted_and_a_dark_ground_is() -> None:
    ink = line_ink(single_page(encoded(bold())), 32, 4000)
    assert ink.mean > 0.5
    assert ink.evidence is None
    assert ink.of_polarity("auto", "dark_on_light").mean() > 127
    assert ink.of_polarity("auto", "light_on_dark").mean() < 128
    inverted = line_ink(single_page(encoded(255 - written())), 32, 4000)
    assert inverted.evidence == "light_on_dark"
    assert inverted.of_polarity("auto", "dark_on_light").mean() < 127, "it shows its own polarity"
    assert inverted.of_polarity("dark_on_light").mean() > 127, "a person says so"


def test_the_polarity_of_a_collection_is_what_its_lines_show() -> None:
    dark, light = (line_ink(single_page(encoded(grey)), 32, 4000) for grey in (written(), 255 - written()))
    unsure = line_ink(single_page(encoded(bold())), 32, 4000)
    assert collection_ground([dark, unsure, unsure]) == "dark_on_light"
    assert collection_ground([light] * 40 + [dark, unsure]) == "light_on_dark"
    assert collection_ground([light, dark]) == "mixed"
    assert collection_ground([unsure]) == "dark_on_light"


@pytest.mark.parametrize("ink", [0, 255])
def test_transparency_is_paper_whatever_the_ink(ink: int) -> None:
    grey = written()
    picture = np.full((*grey.shape, 4), ink, dtype=np.uint8)
    picture[..., 3] = 255 - grey
    for polarity in ("auto", "light_on_dark"):
        found = line_image(encoded(picture), 32, 4000, polarity)
        np.testing.assert_allclose(found, line_image(encoded(grey), 32, 4000), atol=2)


def test_several_lines_and_columns_are_sentences() -> None:
    line = written()
    gap = np.full((12, line.shape[1]), 255, np.uint8)
    page = np.concatenate([line, gap] * 5)
    assert count_text_lines(Image.fromarray(line)) == 1
    assert count_text_lines(Image.fromarray(page)) == 5
    with pytest.raises(BadInput, match=r"looks like 5 lines of text \(.*\); this reads single lines"):
        refuse_several_lines(single_page(encoded(page)))
    cut = np.concatenate([line[-12:], gap, line])
    assert count_text_lines(Image.fromarray(cut)) == 1, "strokes of the line above"
    column = encoded(np.ascontiguousarray(np.rot90(line, -1)))
    with pytest.raises(BadInput, match=r"much taller than wide; .*datamodule\.vertical=turn turns columns"):
        line_image(column, 32, 4000)
    np.testing.assert_array_equal(line_image(column, 32, 4000, vertical="turn"), line_image(encoded(line), 32, 4000))
