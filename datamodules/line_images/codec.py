"""The text of a line <-> ids of its characters; id 0 is the blank of CTC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from datamodules.text.vocabulary import Vocabulary

REPLACEMENT = "\ufffd"  # what an unknown character is read as


@dataclass(frozen=True)
class LineCodec:
    """The characters that a network knows; texts are as `normalized_text` gives them.

    >>> codec = LineCodec.of(["ab", "a"])
    >>> codec.encode("abz").tolist()
    [2, 3, 1]
    >>> codec.decode([2, 1])
    'a\\ufffd'
    """

    vocabulary: Vocabulary

    @classmethod
    def of(cls, texts: Iterable[str]) -> LineCodec:
        return cls(Vocabulary.of(character for text in texts for character in text))

    @property
    def characters(self) -> tuple[str, ...]:
        return self.vocabulary.symbols

    def extended(self, texts: Iterable[str]) -> LineCodec:
        """This codec with the new characters of these texts at its end: known ones keep their ids."""
        new = sorted({character for text in texts for character in text} - set(self.characters))
        return LineCodec(Vocabulary((*self.characters, *new)))

    def unknown_in(self, text: str) -> list[str]:
        """Characters of a text that are not known, each once."""
        return sorted({character for character in text if character not in self.vocabulary})

    def encode(self, text: str) -> np.ndarray:
        """Ids (L,) int32."""
        return self.vocabulary.encode_characters(text)

    def decode(self, ids: Iterable[int]) -> str:
        first = len(self.vocabulary.reserved)
        return "".join(self.characters[i - first] if i >= first else REPLACEMENT for i in ids if i > 0)

    def to_dict(self) -> dict:
        return {"vocabulary": self.vocabulary.to_dict()}

    @classmethod
    def from_dict(cls, state: dict) -> LineCodec:
        return cls(Vocabulary.from_dict(state["vocabulary"]))


def codepoints(text: str) -> np.ndarray:
    """(L,) int32."""
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.int32)


def text_of(points: Sequence[int]) -> str:
    return "".join(map(chr, points))


def repeats(text: str) -> int:
    """How often a character follows itself: CTC needs a blank between the two.

    >>> repeats("aabbb")
    3
    """
    return sum(first == second for first, second in pairwise(text))
