"""TextCodec: normalise, tokenize and encode texts; stored with the run, so that later uses encode alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from datamodules.errors import BadInput
from datamodules.text.normalization import NORMALIZERS, Normalization, split_punctuation
from datamodules.text.vocabulary import Vocabulary

#: `characters`; `words` between spaces, each punctuation mark a token; `symbols` between spaces, as they stand.
Tokens = Literal["characters", "words", "symbols"]
TooLong = Literal["refuse", "cut"]

RARE = 2  # a word that stands fewer times in the training split is unknown, so that the unknown token is trained


@dataclass(frozen=True)
class TextCodec:
    """How a text is normalised and cut into tokens, and which id each token has.

    Args:
        normalize: which characters are kept.
        tokens: what a token is.
        vocabulary: of the tokens that the training split has.
        max_length: tokens of a text.
        split_punctuation: whether punctuation marks are tokens; only with `tokens=words`.
        too_long: what happens to a text of more than `max_length` tokens: it is refused, or cut.
    """

    normalize: Normalization
    tokens: Tokens
    vocabulary: Vocabulary
    max_length: int
    split_punctuation: bool = False
    too_long: TooLong = "refuse"

    @classmethod
    def fit(
        cls,
        normalized_texts: Iterable[str],
        normalize: Normalization,
        tokens: Tokens,
        max_length: int,
        alphabet: str | None = None,
        min_count: int | None = 1,
        too_long: TooLong = "refuse",
    ) -> TextCodec:
        """The vocabulary of these texts (give those of the training split only), or the alphabet given.

        Tokens that the texts have fewer than `min_count` times are not in it; when None, `RARE` for words, else 1.
        """
        if min_count is None:
            min_count = RARE if tokens == "words" else 1
        if alphabet is not None:
            vocabulary = Vocabulary(dict.fromkeys(alphabet))
        else:
            counts = Counter(token for text in normalized_texts for token in tokenize(text, tokens))
            vocabulary = Vocabulary.of(token for token, count in counts.items() if count >= min_count)
        return cls(normalize, tokens, vocabulary, max_length, tokens == "words", too_long)

    def clean(self, text: str) -> str:
        """The text normalised, punctuation apart where it is; it may be empty or too long."""
        return cleaned(text, self.normalize, self.split_punctuation)

    def normalized(self, text: str) -> str:
        """The text as the network sees it.

        Raises:
            BadInput: nothing is left of it, or it has more than `max_length` tokens and is not to be cut.
        """
        kept = self.clean(text)
        if not kept:
            raise BadInput("it is empty" if not text.strip() else nothing_left(text, self.normalize))
        length = len(tokenize(kept, self.tokens))
        if length <= self.max_length:
            return kept
        if self.too_long == "cut":
            return cut(kept, self.tokens, self.max_length)
        raise BadInput(f"it has {length:,} {self.tokens}; at most {self.max_length:,} are accepted")

    def encode(self, normalized_texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Token ids (N, T) int32, 0 after each text's end, and lengths (N,) int64."""
        if self.tokens == "characters":
            lengths = np.fromiter(map(len, normalized_texts), dtype=np.int64, count=len(normalized_texts))
            flat = self.vocabulary.encode_characters("".join(normalized_texts))
        else:
            pieces = [text.split() for text in normalized_texts]
            lengths = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
            flat = self.vocabulary.encode([token for piece in pieces for token in piece])
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
            "split_punctuation": self.split_punctuation,
            "too_long": self.too_long,
        }

    @classmethod
    def from_dict(cls, state: dict) -> TextCodec:
        return cls(**{**state, "vocabulary": Vocabulary.from_dict(state["vocabulary"])})


def cleaned(text: str, normalize: Normalization, punctuation: bool = False) -> str:
    """A text normalised, and with its punctuation between spaces where `punctuation` says so."""
    kept = NORMALIZERS[normalize](text)
    return split_punctuation(kept) if punctuation else kept


def tokenize(text: str, tokens: Tokens) -> Sequence[str]:
    """A normalised text's tokens: its characters, or what stands between spaces."""
    return text if tokens == "characters" else text.split()


def cut(text: str, tokens: Tokens, length: int) -> str:
    """The first `length` tokens of a normalised text."""
    return text[:length] if tokens == "characters" else " ".join(text.split()[:length])


def nothing_left(text: str, normalize: Normalization) -> str:
    """Why normalisation emptied a text that had characters."""
    return f"no character of {text.strip()!r} is kept by normalize={normalize}; normalize=nfc keeps every script"
