import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.text.vocabulary import Vocabulary

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(texts, max_size=10), texts)
def test_known_symbols_come_back_and_unknown_ones_are_one_id(training: list[str], text: str) -> None:
    vocabulary = Vocabulary.of("".join(training))
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int32
    assert len(ids) == len(text)
    for symbol, id_ in zip(text, ids):
        if symbol in vocabulary:
            assert vocabulary.decode([id_]) == [symbol]
        else:
            assert id_ == vocabulary.unknown


@given(st.lists(texts, max_size=10))
def test_the_order_of_files_changes_nothing(training: list[str]) -> None:
    assert Vocabulary.of("".join(training)) == Vocabulary.of("".join(reversed(training)))


def test_words_are_symbols_too() -> None:
    vocabulary = Vocabulary.of(["good", "bad", "film"])
    assert vocabulary.encode(["bad", "film", "boring"]).tolist() == [2, 3, 1]
    assert Vocabulary.from_dict(vocabulary.to_dict()) == vocabulary


def test_a_symbol_cannot_stand_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        Vocabulary("abca")


def test_without_an_unknown_symbol_an_unknown_character_is_an_error() -> None:
    with pytest.raises(KeyError):
        Vocabulary("ab", reserved=["<padding>"]).encode("abc")
