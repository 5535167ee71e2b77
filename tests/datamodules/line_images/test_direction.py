"""Display order against an independent implementation, and back."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.line_images.direction import (
    base_direction,
    collection_direction,
    display_indices,
    display_order,
    mirrored,
    reading_order,
)

#: Worked by hand: reading order, base direction, display order.
CASES = [
    ("abc", "ltr", "abc"),
    ("אבג", "rtl", "גבא"),
    ("אבג 12", "rtl", "12 גבא"),
    ("אב (גד)", "rtl", "(דג) בא"),
    ("אב iPhone 12 גד", "rtl", "דג iPhone 12 בא"),
    ("the אב end", "ltr", "the בא end"),
    ("12.5% אב", "rtl", "בא 12.5%"),
    ("12 אב.", "rtl", ".בא 12"),
    ("مرحبا ١٢", "rtl", "١٢ ابحرم"),
    ("", "rtl", ""),
]


@pytest.mark.parametrize(("text", "base", "shown"), CASES)
def test_display_order_and_back(text: str, base, shown: str) -> None:
    assert display_order(text, base) == shown
    assert reading_order(shown, base) == text
    assert "".join(mirrored(text[i]) if text[i] in "()" else text[i] for i in display_indices(text, base)).replace(
        ")", "("
    ) == shown.replace(")", "(")


def test_marks_follow_their_letter_in_both_orders() -> None:
    pointed = "שָׁלוֹם"
    shown = display_order(pointed, "rtl")
    assert shown[0] == "ם"
    assert shown.endswith("ש" + pointed[1:3]), "the letter first, then its two marks in their order"
    assert reading_order(shown, "rtl") == pointed


mixed = st.text("אבגדabcd0123 .,-()[]:/%\"'مرحب٠١٢+", max_size=16)


@settings(max_examples=400, deadline=None)
@given(text=mixed, base=st.sampled_from(["ltr", "rtl"]))
def test_display_order_is_that_of_python_bidi(text: str, base) -> None:
    """Apart from mirrored signs, which that package replaces in brackets only."""
    bidi = pytest.importorskip("bidi", reason="python-bidi is not installed")
    reference = bidi.get_display(text.strip(), base_dir="L" if base == "ltr" else "R")
    plain = str.maketrans(")]", "([")
    assert display_order(text.strip(), base).translate(plain) == reference.translate(plain)


@settings(max_examples=200, deadline=None)
@given(text=mixed, base=st.sampled_from(["ltr", "rtl"]))
def test_every_display_order_that_a_text_has_is_given_back(text: str, base) -> None:
    shown = display_order(text.strip(), base)
    assert display_order(reading_order(shown, base), base) == shown


def test_lines_of_a_hebrew_book_come_back() -> None:
    """Words, Latin names, numbers and brackets in random order: nearly all have one reading order alone."""
    rng = random.Random(3)
    hebrew, others = (
        ["שלום", "עולם", "ספר", "ילד", "הודיעה", "חברת", "מחיר"],
        ["IBM", "(1948)", "3.5", "12-15", "Paris", "10%"],
    )
    same = 0
    for _ in range(400):
        words = [rng.choice(hebrew) if rng.random() < 0.75 else rng.choice(others) for _ in range(rng.randint(1, 9))]
        text = " ".join(words)
        same += reading_order(display_order(text, "rtl"), "rtl") == text
    assert same >= 360


def test_the_base_direction_follows_from_the_letters_and_from_the_collection() -> None:
    assert collection_direction(["hello", "שלום IBM עולם"]) == "rtl"
    assert collection_direction(["שלום", "the word שלום means peace"]) == "ltr", "mixed lines alone decide"
    assert collection_direction(["hello"]) == "ltr"
    assert base_direction("hello", "auto", "rtl") == "ltr"
    assert base_direction("שלום", "auto", "ltr") == "rtl"
    assert base_direction("IBM שלום", "auto", "rtl") == "rtl"
    assert base_direction("12.", "auto", "rtl") == "rtl"
    assert base_direction("hello", "rtl", "ltr") == "rtl"
