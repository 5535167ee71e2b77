"""Text normalisation: none, NFC, ASCII; and counts of what ASCII loses."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Normalization = Literal["ascii", "nfc", "none"]

#: The 57 characters that `ascii` keeps.
ASCII_ALPHABET = string.ascii_letters + " .,;'"
#: `ascii` is chosen only where it changes at most this share of all texts, and of the texts of each label.
MAX_CHANGED = 0.01
MAX_CHANGED_OF_LABEL = 0.2

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


def nfc(text: str) -> str:
    """Unicode NFC: a letter and its marks are one character wherever Unicode has one."""
    return unicodedata.normalize("NFC", text).strip()


def identity(text: str) -> str:
    """The text as it stands, without the space around it."""
    return text.strip()


def split_punctuation(text: str) -> str:
    """Punctuation between spaces, so that each mark is a token.

    >>> split_punctuation("Va !  C'est tout.")
    "Va ! C'est tout ."
    """
    return " ".join(_PUNCTUATION.sub(r" \1 ", text).split())


NORMALIZERS: dict[str, Callable[[str], str]] = {"ascii": ascii_letters, "nfc": nfc, "none": identity}


@dataclass
class Loss:
    """Counts of what `ascii` drops from texts; the other normalisations drop nothing.

    Space around a text is not counted.
    """

    texts: int = 0  # that lost a character or a mark
    characters: Counter[str] = field(default_factory=Counter)  # dropped, marks aside
    marks: int = 0  # accents and the like, taken off a letter
    examples: list[tuple[str, str]] = field(default_factory=list)  # before and after, one for each character dropped

    def add(self, text: str, kept: str) -> bool:
        """Count what a text lost when it became `kept`; whether it lost anything."""
        text = text.strip()
        if text == kept or _KEPT.issuperset(text):
            return False
        parts = unicodedata.normalize("NFD", text)
        marks = sum(unicodedata.category(c) == "Mn" for c in parts)
        dropped = [c for c in parts if c not in _KEPT and unicodedata.category(c) != "Mn"]
        if any(c not in self.characters for c in dropped):
            self.examples.append((text, kept))
        self.characters.update(dropped)
        self.marks += marks
        self.texts += 1
        return True

    def describe(self, num_texts: int) -> str:
        """One line: how much of how many texts, which characters, and an example."""
        most = ", ".join(f"'{_shown(c)}' {count:,}" for c, count in self.characters.most_common(6))
        more = len(self.characters) - 6
        parts = [f"{self.characters.total():,} characters ({most}{f' and {more} more' if more > 0 else ''})"]
        if not self.characters:
            parts = []
        if self.marks:
            parts.append(f"{self.marks:,} accents")
        examples = "; ".join(f"'{_cut(before)}' becomes '{_cut(after)}'" for before, after in self.examples[:2])
        return (
            f"normalize=ascii drops {' and '.join(parts)} from {self.texts:,} of {num_texts:,} texts"
            f"{f' ({examples})' if examples else ''}; datamodule.normalize=nfc keeps them"
        )


def loses_little(texts: Sequence[str], labels: Sequence[str]) -> bool:
    """Whether `ascii` changes so few of these texts that what it drops cannot carry their labels.

    At most `MAX_CHANGED` of all texts and `MAX_CHANGED_OF_LABEL` of each label's.
    """
    changed, total = Counter[str](), Counter(labels)
    changed.update(label for text, label in zip(texts, labels) if not _KEPT.issuperset(text))
    few = all(count <= max(1, MAX_CHANGED_OF_LABEL * total[label]) for label, count in changed.items())
    return few and changed.total() <= MAX_CHANGED * len(texts)


def _shown(character: str) -> str:
    return character if character.isprintable() else f"U+{ord(character):04X}"


def _cut(text: str, most: int = 30) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
