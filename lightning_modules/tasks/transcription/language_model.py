"""A character n-gram model, trained on any text in a second: Witten-Bell smoothing (Bell, Cleary, Witten 1990).

P(c | context) = (count(context c) + kinds(context) · P(c | shorter context)) / (count(context) + kinds(context)),
where kinds is the number of different characters seen after the context; below the empty context all are equal.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from datamodules.files.encoding import read_text
from datamodules.line_images.normalization import normalized_text
from datamodules.text.vocabulary import Vocabulary

MOST_STATES = 60_000  # contexts; the rarest of a large text are left to shorter ones


class CharacterModel:
    """Log-probabilities of a character after a context, as tables over all contexts: a state is a context.

    S states (0 is the start of a line), C symbols of the vocabulary.

    Args:
        texts: lines to learn from.
        vocabulary: of the OCR model; characters that are not in it are skipped.
        order: characters of a context and the next one together.
    """

    def __init__(self, texts: Iterable[Sequence[str]], vocabulary: Vocabulary, order: int = 5) -> None:
        self.vocabulary = vocabulary
        self.order = order
        followers = _counts(texts, vocabulary, order)
        contexts = [(), *sorted((c for c in followers if c), key=lambda c: (-sum(followers[c].values()), c))]
        contexts = sorted(contexts[:MOST_STATES], key=len)  # shorter ones first
        self._number = {context: i for i, context in enumerate(contexts)}
        num_symbols, first = len(vocabulary), len(vocabulary.reserved)
        self.table = np.zeros((len(contexts), num_symbols), dtype=np.float32)  # (S, C) log-probabilities
        self.following = np.zeros((len(contexts), num_symbols), dtype=np.int32)  # (S, C) states
        everything = np.full(num_symbols, 1 / max(1, num_symbols - first))
        everything[:first] = 1e-9  # of symbols that no text has
        probabilities: dict[tuple[int, ...], np.ndarray] = {}
        for state, context in enumerate(contexts):
            seen = followers.get(context, Counter())
            shorter = probabilities[self._longest(context[1:])] if context else everything
            kinds, total = len(seen), sum(seen.values())
            share = shorter * kinds
            share[list(seen)] += list(seen.values())
            share = share / (total + kinds) if total else shorter
            probabilities[context] = share
            self.table[state] = np.log(share)
            self.following[state] = self._following(context, followers)

    @classmethod
    def of_file(
        cls, path: Path, vocabulary: Vocabulary, order: int = 5, display: Callable[[str], str] = str
    ) -> CharacterModel:
        """The model of a text file, each line for itself, in display order as CTC decodes.

        Args:
            path: of a text in reading order.
            vocabulary, order: see the class.
            display: the display order of a line.

        Raises:
            BadInput: it cannot be read.
        """
        lines = [normalized_text(line)[0] for line in read_text(path).split("\n")]
        return cls([display(line) for line in lines if line], vocabulary, order)

    def log_probs(self, states: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Natural logarithms; states and symbols are broadcast against one another."""
        return self.table[states, symbols]

    def next_states(self, states: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        return self.following[states, symbols]

    def score(self, text: str) -> float:
        """The log-probability of a line's characters."""
        state, total = 0, 0.0
        for symbol in self.vocabulary.encode(text).tolist():
            total += float(self.table[state, symbol])
            state = int(self.following[state, symbol])
        return total

    def _longest(self, context: tuple[int, ...]) -> tuple[int, ...]:
        """The longest end of a context that is a state."""
        while context not in self._number:
            context = context[1:]
        return context

    def _following(self, context: tuple[int, ...], followers: dict[tuple[int, ...], Counter[int]]) -> np.ndarray:
        """(C,) the state after each symbol: that of the shorter context, but for the longer ones that are known."""
        kept = context[-(self.order - 2) :] if self.order > 2 else ()
        shorter = context[1:] if kept == context else kept
        after = self.following[self._number[self._longest(shorter)]].copy()  # all 0 where that is this state itself
        for symbol in followers.get(kept, ()):
            longer = self._number.get((*kept, symbol))
            if longer is not None:
                after[symbol] = longer
        return after


def _counts(texts: Iterable[Sequence[str]], vocabulary: Vocabulary, order: int) -> dict[tuple[int, ...], Counter[int]]:
    """How often each symbol followed each context of up to `order - 1` symbols."""
    followers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for text in texts:
        ids = tuple(i for i in vocabulary.encode(text).tolist() if i >= len(vocabulary.reserved))
        for at, symbol in enumerate(ids):
            for length in range(min(order - 1, at) + 1):
                followers[ids[at - length : at]][symbol] += 1
    return followers
