"""Symbols (characters or words) and the ids that networks see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

PADDING = "<padding>"  # also the blank of CTC; always id 0
UNKNOWN = "<unknown>"  # stands for every symbol that the training split does not have


class Vocabulary:
    """A fixed, ordered set of symbols; the reserved ones come first and have no text.

    >>> letters = Vocabulary("ab")
    >>> letters.encode("abz").tolist()
    [2, 3, 1]
    >>> letters.decode([2, 3, 0])
    ['a', 'b']
    """

    def __init__(self, symbols: Iterable[str], reserved: Sequence[str] = (PADDING, UNKNOWN)) -> None:
        self.reserved = tuple(reserved)
        self.symbols = tuple(symbols)
        if not self.reserved or self.reserved[0] != PADDING:
            raise ValueError(f"the first reserved symbol is {PADDING}, as padded steps have id 0")
        self._ids = {symbol: id_ for id_, symbol in enumerate(self.reserved + self.symbols)}
        if len(self._ids) != len(self):
            raise ValueError("a symbol stands twice in the vocabulary")
        self._codepoints: np.ndarray | None = None

    @classmethod
    def of(cls, tokens: Iterable[str], reserved: Sequence[str] = (PADDING, UNKNOWN)) -> Vocabulary:
        """The symbols that occur in `tokens`, in code point order, so that the order of files changes nothing."""
        return cls(sorted(set(tokens)), reserved)

    def __len__(self) -> int:
        return len(self.reserved) + len(self.symbols)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._ids and symbol not in self.reserved

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and (self.reserved, self.symbols) == (other.reserved, other.symbols)

    __hash__ = None  # type: ignore[assignment]

    @property
    def unknown(self) -> int:
        """The id of symbols that are not in the vocabulary; KeyError where it has none."""
        return self._ids[UNKNOWN]

    def id_of(self, symbol: str) -> int:
        return self._ids[symbol]

    def encode(self, tokens: Sequence[str]) -> np.ndarray:
        """Ids of the tokens, int32, same length.  A string counts as a sequence of characters."""
        if isinstance(tokens, str):
            return self.encode_characters(tokens)
        unknown = self._ids.get(UNKNOWN)
        if unknown is None:
            return np.array([self._ids[token] for token in tokens], dtype=np.int32)
        return np.array([self._ids.get(token, unknown) for token in tokens], dtype=np.int32)

    def encode_characters(self, text: str) -> np.ndarray:
        """Ids of a text's code points, int32; one table look-up for a text of any length."""
        if self._codepoints is None:
            single = {ord(s): self._ids[s] for s in self.symbols if len(s) == 1}
            table = np.full(max(single, default=0) + 2, self._ids.get(UNKNOWN, -1), dtype=np.int32)
            table[list(single)] = list(single.values())
            self._codepoints = table  # its last entry serves every code point beyond the known ones
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        ids = self._codepoints[np.minimum(codes, len(self._codepoints) - 1)]
        if ids.size and ids.min() < 0:
            raise KeyError(text[int(np.argmin(ids))])
        return ids

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Symbols of the ids, without the reserved ones."""
        first = len(self.reserved)
        return [self.symbols[id_ - first] for id_ in ids if id_ >= first]

    def to_dict(self) -> dict:
        return {"reserved": list(self.reserved), "symbols": list(self.symbols)}

    @classmethod
    def from_dict(cls, state: dict) -> Vocabulary:
        return cls(state["symbols"], state["reserved"])
