from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from datamodules.errors import BadInput
from datamodules.line_images.images import line_image
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
    ("content", "sentence"),
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
def test_what_cannot_be_read_is_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        line_image(content, 32, 900)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert "0x" not in str(caught.value)


@given(content=st.binary(max_size=300), start=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"II*\0", b"\xff\xd8\xff"]))
def test_any_bytes_are_read_or_refused_in_a_sentence(content: bytes, start: bytes) -> None:
    try:
        assert line_image(start + content, 32, 4000).shape[0] == 32
    except BadInput as error:
        assert str(error)
