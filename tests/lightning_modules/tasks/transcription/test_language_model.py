from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.errors import BadInput
from datamodules.text.vocabulary import Vocabulary
from lightning_modules.tasks.transcription.decoding import Decoding
from lightning_modules.tasks.transcription.language_model import CharacterModel

LETTERS = "abc"


def probability(texts: list[str], context: str, character: str) -> float:
    """Witten-Bell by its definition, from the texts themselves."""
    shorter = probability(texts, context[1:], character) if context else 1 / len(LETTERS)
    after = Counter(
        text[i + len(context)]
        for text in texts
        for i in range(len(text) - len(context))
        if text[i:].startswith(context)
    )
    if not after:
        return shorter
    return (after[character] + len(after) * shorter) / (sum(after.values()) + len(after))


@settings(deadline=None, max_examples=30)
@given(
    texts=st.lists(st.text(LETTERS, min_size=1, max_size=9), min_size=1, max_size=5),
    text=st.text(LETTERS, max_size=7),
    order=st.integers(1, 4),
)
def test_tables_equal_the_definition(texts: list[str], text: str, order: int) -> None:
    model = CharacterModel(texts, Vocabulary(LETTERS), order)
    expected = sum(math.log(probability(texts, text[max(0, i - order + 1) : i], c)) for i, c in enumerate(text))
    assert model.score(text) == pytest.approx(expected, abs=1e-4)


def test_probabilities_of_the_known_characters_sum_to_1() -> None:
    model = CharacterModel(["abcabc", "cab"], Vocabulary(LETTERS), 3)
    assert np.exp(model.table[:, 2:]).sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_language_model_without_a_beam_is_refused() -> None:
    with pytest.raises(BadInput, match=r"best_path has no use for it; decoding\.method=beam_search has"):
        Decoding(language_model="words.txt")
