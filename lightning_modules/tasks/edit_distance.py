"""How far two texts are apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rapidfuzz.distance import Levenshtein

Fold = Literal["none", "case", "alphanumeric"]


def folded(text: str, fold: Fold) -> str:
    """A text without the differences that do not count.

    >>> folded("Don't!", "alphanumeric")
    'dont'
    """
    if fold == "none":
        return text
    lower = text.casefold()
    return lower if fold == "case" else "".join(c for c in lower if c.isalnum())


def edits(target: str, answer: str, fold: Fold = "none") -> int:
    """Characters to insert, delete or replace."""
    return Levenshtein.distance(folded(target, fold), folded(answer, fold))


def nearest(answer: str, targets: Sequence[str]) -> str:
    """The target that an answer has the fewest edits to."""
    return min(targets, key=lambda target: edits(target, answer))
