"""Text normalisation of ground truth: Unicode NFC, one kind of space, no invisible characters."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Literal

Whitespace = Literal["normalize", "keep"]

#: Dropped by `normalize`: characters without a glyph (zero width, direction marks, byte-order mark, controls).
_INVISIBLE = re.compile(
    "[\u200b\u200e\u200f\u061c\u2060\u202a-\u202e\u2066-\u2069\ufeff\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)
_JOINERS = re.compile("[\u200c\u200d]")
_SOFT_HYPHEN = "\u00ad"
_SPACES = re.compile(r"\s+")


def normalized_text(text: str, whitespace: Whitespace = "normalize") -> tuple[str, Counter[str]]:
    """A text as a network learns it, and how often each invisible character was dropped.

    With `normalize` every run of white space (no-break, thin, tab, line separator, ...) is one space, and zero-width
    characters, direction marks and control characters are dropped.  Joiners (U+200C, U+200D) stay beside letters whose
    script they shape (Arabic, Indic, emoji); a soft hyphen stays at the end of a line, where it is visible.  With
    `keep` only white space at the ends is dropped.  Both compose (NFC).

    >>> normalized_text("a\u00a0\u200bb ")
    ('a b', Counter({'\\u200b': 1}))
    """
    dropped: Counter[str] = Counter()
    if whitespace == "normalize":
        if not text.isascii() or not text.isprintable():
            dropped.update(_INVISIBLE.findall(text))
            text = _INVISIBLE.sub("", text)
            text = _without_joiners(text, dropped)
            stripped = text.rstrip()
            soft = stripped[:-1].count(_SOFT_HYPHEN)
            if soft:
                dropped[_SOFT_HYPHEN] += soft
                text = stripped[:-1].replace(_SOFT_HYPHEN, "") + stripped[-1:]
        text = _SPACES.sub(" ", text)
    return unicodedata.normalize("NFC", text).strip(), dropped


def _without_joiners(text: str, dropped: Counter[str]) -> str:
    if not _JOINERS.search(text):
        return text
    kept = []
    for i, character in enumerate(text):
        if _JOINERS.match(character) and not any(map(_is_joined, (text[i - 1 : i], text[i + 1 : i + 2]))):
            dropped[character] += 1
        else:
            kept.append(character)
    return "".join(kept)


def _is_joined(character: str) -> bool:
    """Whether a neighbour of a joiner is of a script that it shapes."""
    return bool(character) and ord(character) >= 0x0600 and unicodedata.category(character)[0] in "LMS"


def visible(character: str) -> str:
    """A character as a log or table shows it: a plain space and what has no glyph by code point.

    >>> visible("a"), visible("\u00a0"), visible(" "), visible("\u0301")
    ('a', 'U+00A0', 'space', '\u25cc\u0301')
    """
    if character == " ":
        return "space"
    if unicodedata.combining(character):
        return "\u25cc" + character
    if not character.isprintable() or character.isspace() or unicodedata.category(character)[0] in "CZ":
        return " ".join(f"U+{ord(c):04X}" for c in character)
    return character


def without_invisible(text: str) -> str:
    """A text as a log or table shows it: plain spaces as they are, other characters without a glyph by code point.

    >>> without_invisible("a\u00a0b c")
    'a<U+00A0>b c'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c == " " or (shown := visible(c)) == c or unicodedata.combining(c) else f"<{shown}>" for c in text
    )
