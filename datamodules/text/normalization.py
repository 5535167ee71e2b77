"""Which characters of a text are kept, and in what form."""

import re
import string
import unicodedata
from collections.abc import Callable
from typing import Literal

Normalization = Literal["ascii", "nfc", "none"]

#: The 57 characters that `ascii` keeps.
ASCII_ALPHABET = string.ascii_letters + " .,;'"

_KEPT = frozenset(ASCII_ALPHABET)
_PUNCTUATION = re.compile(r"([^\w\s'’-]|_)")


def ascii_letters(text: str) -> str:
    """Unicode NFD without its marks (category Mn), then only the characters of `ASCII_ALPHABET`.

    >>> ascii_letters("Ślusàrski-O'Néàl ")
    "SlusarskiO'Neal"
    """
    if _KEPT.issuperset(text):  # most texts, a million of which may be asked for
        return text.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFD", text)
    return "".join([c for c in text if c in _KEPT]).strip()


def composed(text: str) -> str:
    """Unicode NFC: a letter and its marks are one character wherever Unicode has one."""
    return unicodedata.normalize("NFC", text).strip()


def untouched(text: str) -> str:
    """The text as it stands, without the space around it."""
    return text.strip()


def apart(text: str) -> str:
    """Punctuation between spaces, so that it makes words of its own.

    >>> apart("Va !  C'est tout.")
    "Va ! C'est tout ."
    """
    return " ".join(_PUNCTUATION.sub(r" \1 ", text).split())


NORMALIZERS: dict[str, Callable[[str], str]] = {"ascii": ascii_letters, "nfc": composed, "none": untouched}
