from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datamodules.errors import BadInput
from datamodules.lines.rendering import Renderer, words_of


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


def test_bad_fonts_and_words_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such folder"):
        Renderer(fonts=str(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match="no font in it"):
        Renderer(fonts=str(tmp_path))
    (tmp_path / "x.ttf").write_bytes(b"no font")
    with pytest.raises(BadInput, match=r"x\.ttf: not a font that can be read"):
        Renderer(fonts=str(tmp_path))
    with pytest.raises(BadInput, match="none of 16 fonts can draw them"):
        Renderer(words=["王"])
    (tmp_path / "empty.txt").write_text(" \n")
    with pytest.raises(BadInput, match="no words in it"):
        words_of(tmp_path / "empty.txt")
