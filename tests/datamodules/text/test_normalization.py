import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.text.normalization import ASCII_ALPHABET, ascii_letters, identity, nfc


def obvious(text: str) -> str:
    return "".join(
        c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn" and c in ASCII_ALPHABET
    ).strip()


@given(st.text())
def test_ascii_equals_the_slow_definition(text: str) -> None:
    assert ascii_letters(text) == obvious(text)
    assert ascii_letters(ascii_letters(text)) == ascii_letters(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Ślusàrski", "Slusarski"), ("O'Néàl", "O'Neal"), ("Bei-Bienko", "BeiBienko"), ("Weiß", "Wei"), ("Park ", "Park")],
)
def test_ascii_on_real_names(text: str, expected: str) -> None:
    assert ascii_letters(text) == expected


def test_the_alphabet_has_57_characters() -> None:
    assert len(set(ASCII_ALPHABET)) == len(ASCII_ALPHABET) == 57


def test_other_scripts() -> None:
    assert nfc("Παπαδα\u0301κης ") == "Παπαδάκης"
    assert identity(" Παπαδα\u0301κης") == "Παπαδα\u0301κης"
    assert ascii_letters("王") == ""
