"""Edit distance of texts (Levenshtein), and the per-example columns of error rates."""

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


def edits(target: str, prediction: str, fold: Fold = "none") -> int:
    """Characters to insert, delete or replace."""
    return Levenshtein.distance(folded(target, fold), folded(prediction, fold))


def edit_columns(targets: Sequence[str], predictions: Sequence[str], fold: Fold = "none") -> dict[str, list]:
    """Per-example columns that error rates of characters and words are ratios of: edits and lengths of the targets.

    Words stand between spaces.
    """
    pairs = [(folded(target, fold), folded(prediction, fold)) for target, prediction in zip(targets, predictions)]
    return {
        "edits": [Levenshtein.distance(target, prediction) for target, prediction in pairs],
        "target_length": [len(target) for target, _ in pairs],
        "word_edits": [Levenshtein.distance(target.split(), prediction.split()) for target, prediction in pairs],
        "target_words": [len(target.split()) for target, _ in pairs],
        "exact": [float(target == prediction) for target, prediction in pairs],
    }


def nearest(prediction: str, targets: Sequence[str]) -> str:
    """The target that a prediction has the fewest edits to."""
    return min(targets, key=lambda target: edits(target, prediction))
