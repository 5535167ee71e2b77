"""Texts -> token ids, the same way in training and in every later use of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from datamodules.errors import BadInput
from datamodules.text.normalization import NORMALIZERS, Normalization
from datamodules.text.vocabulary import Vocabulary

Tokens = Literal["characters", "words"]


@dataclass(frozen=True)
class TextCodec:
    """How a text is normalised and cut into tokens, and which id each token has."""

    normalize: Normalization
    tokens: Tokens
    vocabulary: Vocabulary
    max_length: int  # tokens

    @classmethod
    def fit(
        cls,
        normalized_texts: Iterable[str],
        normalize: Normalization,
        tokens: Tokens,
        max_length: int,
        alphabet: str | None = None,
        min_count: int = 1,
    ) -> TextCodec:
        """The vocabulary of these texts (give those of the training part only), or the alphabet given.

        Tokens that the texts have fewer than `min_count` times are not in it.
        """
        if alphabet is not None:
            vocabulary = Vocabulary(dict.fromkeys(alphabet))
        else:
            counts = Counter(token for text in normalized_texts for token in cut(text, tokens))
            vocabulary = Vocabulary.of(token for token, count in counts.items() if count >= min_count)
        return cls(normalize, tokens, vocabulary, max_length)

    def normalized(self, text: str) -> str:
        """The text as the network sees it.

        Raises:
            BadInput: nothing is left of it, or it has more than `max_length` tokens.
        """
        kept = NORMALIZERS[self.normalize](text)
        if not kept:
            raise BadInput("it is empty" if not text.strip() else nothing_left(text, self.normalize))
        length = len(cut(kept, self.tokens))
        if length > self.max_length:
            raise BadInput(f"it has {length:,} {self.tokens}; at most {self.max_length:,} are accepted")
        return kept

    def encode(self, normalized_texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Token ids (N, T) int32, 0 after each text's end, and lengths (N,) int64."""
        if self.tokens == "characters":
            lengths = np.fromiter(map(len, normalized_texts), dtype=np.int64, count=len(normalized_texts))
            flat = self.vocabulary.encode_characters("".join(normalized_texts))
        else:
            pieces = [text.split() for text in normalized_texts]
            lengths = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
            flat = self.vocabulary.encode([word for piece in pieces for word in piece])
        ids = np.zeros((len(normalized_texts), int(lengths.max(initial=0))), dtype=np.int32)
        ids[np.arange(ids.shape[1]) < lengths[:, None]] = flat
        return ids, lengths

    def decode(self, ids: Iterable[int]) -> str:
        return ("" if self.tokens == "characters" else " ").join(self.vocabulary.decode(ids))

    def to_dict(self) -> dict:
        return {
            "normalize": self.normalize,
            "tokens": self.tokens,
            "vocabulary": self.vocabulary.to_dict(),
            "max_length": self.max_length,
        }

    @classmethod
    def from_dict(cls, state: dict) -> TextCodec:
        return cls(**{**state, "vocabulary": Vocabulary.from_dict(state["vocabulary"])})


def cut(text: str, tokens: Tokens) -> Sequence[str]:
    """A normalised text's tokens: its characters, or its words between spaces."""
    return text if tokens == "characters" else text.split()


def nothing_left(text: str, normalize: Normalization) -> str:
    """Why normalisation emptied a text that had characters."""
    return f"no character of {text.strip()!r} is kept by normalize={normalize}; normalize=nfc keeps every script"
