from __future__ import annotations

import random
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from datamodules.errors import BadInput
from datamodules.line_images import rendering
from datamodules.line_images.fonts import HAS_RAQM, FontIndex, bits, font_files
from datamodules.line_images.rendering import Renderer, words_of


def test_a_line_is_the_same_whenever_it_is_written_and_no_two_are_alike() -> None:
    first, again, other = Renderer(seed=1), Renderer(seed=1), Renderer(seed=2)
    for number in (5, 0, -3):
        image, text = first.line(number)
        np.testing.assert_array_equal(again.line(number)[0], image)
        assert again.line(number)[1] == text
        assert image.shape[0] == 32
        assert image.max() > 128
    assert len({first.line(number)[1] for number in range(50)}) > 45
    assert other.line(0)[1] != first.line(0)[1]


def test_words_come_from_a_file_and_only_in_fonts_that_can_draw_them(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("λόγος ἄνθρωπος\nwine 王\n", encoding="utf-8")
    words = words_of(tmp_path / "words.txt")
    renderer = Renderer(words=words)
    seen = {word for number in range(60) for word in renderer.line(number)[1].split()}
    assert seen == {"λόγος", "ἄνθρωπος", "wine"}, "no font here can draw 王"
    assert "王" not in renderer.alphabet()
    assert set("λόγος wine") <= set(renderer.alphabet())


def test_letter_spaced_words_are_wider_and_say_the_same() -> None:
    words = ["Sophokles", "λόγος"]
    plain, spaced = Renderer(words=words, max_words=2), Renderer(words=words, max_words=2, spaced=1.0)
    for number in range(20):
        image, text = spaced.line(number)
        assert plain.line(number)[1] == text
        assert image.shape[0] == 32
        assert set(text.split()) <= set(words)
    widths = [sum(renderer.line(number)[0].shape[1] for number in range(20)) for renderer in (plain, spaced)]
    assert widths[1] > 1.1 * widths[0]


def test_a_thin_space_before_marks_is_in_the_image_alone() -> None:
    for word, has_space in (("three;", True), ("three.", False), (";", False)):
        plain, spaced = (
            Renderer(words=[word], min_words=1, max_words=1, spaced_marks=share, seed=4).line(0) for share in (0.0, 1.0)
        )
        assert plain[1] == spaced[1] == word
        columns = [np.flatnonzero(image.max(0) > 100) for image, _ in (plain, spaced)]
        widest_gap = [int(np.diff(inked).max(initial=1)) for inked in columns]
        assert (widest_gap[1] > widest_gap[0]) is has_space, word


def test_a_tight_line_fills_the_height_and_a_dash_does_not() -> None:
    for word, least, most in (("Ägypten", 28, 32), ("—", 1, 12)):
        renderer = Renderer(words=[word], min_words=1, max_words=1, tight=1.0, seed=2)
        for number in range(12):
            image, text = renderer.line(number)
            assert (text, len(image)) == (word, 32)
            rows = np.flatnonzero(image.max(1) > 60)
            assert least <= rows[-1] - rows[0] + 1 <= most, (word, number)


def test_right_to_left_words_stand_in_display_order() -> None:
    """The first word of a line that is read from the right stands at its right end."""
    for first, second in (("ששששש", "ו"), ("ו", "ששששש")):
        renderer = Renderer(words=[first])
        face_number, size = renderer._faces_of(0)[0]
        renderer.index = FontIndex(renderer.index.files, set(first + second))
        face = renderer._face(face_number, size)
        kept, pieces = renderer._set_whole([first, second], face, size, random.Random(0))
        assert kept == [first, second]
        image = renderer._composed(pieces, random.Random(0))
        right = image[:, image.shape[1] // 2 :]
        assert (right.sum() > 0.5 * image.sum()) == (len(first) > 1)


@pytest.mark.skipif(not HAS_RAQM, reason="Pillow without raqm draws Arabic letters unjoined")
def test_arabic_letters_are_joined() -> None:
    renderer = Renderer(words=["مرحبا"], max_words=1)
    _, text = renderer.line(0)
    assert text == "مرحبا"
    face_number, size = renderer._faces_of(0)[0]
    font = renderer._face(face_number, size).font
    apart = sum(font.getlength(letter) for letter in text)
    assert (
        renderer._set_whole([text], renderer._face(face_number, size), size, random.Random(0))[1][0][1].ink.shape[1]
        < apart
    )


@pytest.mark.parametrize(("word", "lost"), [("سلام", "Arabic letters are not joined"), ("fiſch", "no ligatures")])
def test_what_is_lost_without_raqm_is_said(
    word: str, lost: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Renderer(words=[word])
    assert "raqm" not in caplog.text or not HAS_RAQM
    monkeypatch.setattr(rendering, "HAS_RAQM", False)
    Renderer(words=[word])
    assert "finds no raqm here (it needs libfribidi)" in caplog.text
    assert lost in caplog.text


def test_bits_of_an_index_are_the_fonts_that_have_a_word() -> None:
    files = font_files(None)
    index = FontIndex(files, set("wine王λ"))
    assert bits(index.mask("wine")) == list(range(len(files)))
    assert index.mask("王") == 0
    assert 0 < len(bits(index.mask("λ"))) <= len(files)
    drawable, able = index.drawable(["wine", "王", "wine"])
    assert drawable == ["wine", "wine"]
    assert able == index.every


def test_a_word_that_the_line_s_font_lacks_comes_in_another(tmp_path: Path) -> None:
    for name in ("DejaVuSans", "STIXGeneral"):
        shutil.copy(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", tmp_path)
    renderer = Renderer(words=["wine", "ἄνθρωπος"], fonts=str(tmp_path), min_words=4, max_words=4)
    assert len(renderer.fonts) == 2, "STIXGeneral has no polytonic Greek, but it has wine"
    mixed = [number for number in range(40) if len(set(renderer.line(number)[1].split())) == 2]
    assert len(mixed) > 20
    assert all(np.ptp(renderer.line(number)[0]) > 128 for number in mixed)


def test_bad_fonts_and_words_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such folder"):
        Renderer(fonts=str(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match="no font in it"):
        Renderer(fonts=str(tmp_path))
    (tmp_path / "x.ttf").write_bytes(b"no font")
    with pytest.raises(BadInput, match=r"no font that can be used: x\.ttf \("):
        Renderer(fonts=str(tmp_path))
    with pytest.raises(BadInput, match="none of 16 fonts can draw them"):
        Renderer(words=["王"])
    (tmp_path / "empty.txt").write_text(" \n")
    with pytest.raises(BadInput, match="no words in it"):
        words_of(tmp_path / "empty.txt")
