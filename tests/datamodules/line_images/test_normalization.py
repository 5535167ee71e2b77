from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.line_images.normalization import normalized_text, visible, without_invisible


@pytest.mark.parametrize(
    ("text", "normal", "dropped"),
    [
        ("no\u00a0break\u2009thin", "no break thin", {}),
        ("two  spaces\tand a tab ", "two spaces and a tab", {}),
        ("line\u2028separator", "line separator", {}),
        ("from tesseract\n\f", "from tesseract", {}),
        ("zero\u200bwidth\ufeff", "zerowidth", {"\u200b": 1, "\ufeff": 1}),
        ("\u200fשלום\u200f", "שלום", {"\u200f": 2}),
        ("soft\u00adhyphen", "softhyphen", {"\u00ad": 1}),
        ("soft-\u00ad", "soft-\u00ad", {}),
        ("a\u200db", "ab", {"\u200d": 1}),
        ("می\u200cخواهم", "می\u200cخواهم", {}),  # Persian: the joiner shapes the letters
        ("A\u0308hren e\u0301", "Ähren é", {}),
        ("ﬁne ſtraße", "ﬁne ſtraße", {}),
    ],
)
def test_white_space_and_invisible_characters(text: str, normal: str, dropped: dict[str, int]) -> None:
    assert normalized_text(text) == (normal, dropped)


def test_kept_white_space_is_composed_and_stripped_alone() -> None:
    assert normalized_text(" e\u0301\u00a0\u00a0x\u200b ", "keep") == ("é\u00a0\u00a0x\u200b", {})


@given(st.text(max_size=30))
def test_a_normal_text_is_normal(text: str) -> None:
    once, _ = normalized_text(text)
    assert normalized_text(once) == (once, {})
    assert unicodedata.is_normalized("NFC", once)
    assert "  " not in once
    assert once == once.strip()


def test_what_has_no_glyph_is_shown_by_code_point() -> None:
    assert [visible(c) for c in ("a", " ", "\u00a0", "\u200f", "\t", "\u0364")] == [
        "a", "space", "U+00A0", "U+200F", "U+0009", "\u25cc\u0364",
    ]  # fmt: skip
    assert without_invisible("a\u200b b") == "a<U+200B> b"
