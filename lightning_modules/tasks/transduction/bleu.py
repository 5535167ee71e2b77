"""BLEU (Papineni et al. 2002) of a whole set of texts, as sacrebleu has it by default (Post 2018), without smoothing.

Counted on the CPU in Python's numbers; counts of several batches or processes add up.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections import Counter
from collections.abc import Callable, Sequence

LONGEST = 4  # words of an n-gram
NUM_COUNTS = 2 * LONGEST + 2  # matched and predicted n-grams of each length, words of predictions and of references


def ngram_counts(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> list[int]:
    """What `bleu` is computed from, over some texts, each with all references that it may equal.

    A prediction's n-gram is matched as often as it stands in the reference that has most of it; the length counted is
    that of the reference nearest in length, the shorter one of two.
    """
    words_of = _tokenizer()
    matched, predicted = [0] * LONGEST, [0] * LONGEST
    length = reference_length = 0
    for prediction, texts in zip(predictions, references):
        words, alternatives = words_of(prediction), [words_of(text) for text in texts]
        length += len(words)
        reference_length += min((abs(len(other) - len(words)), len(other)) for other in alternatives)[1]
        for size in range(1, LONGEST + 1):
            found = _ngrams(words, size)
            most: Counter[tuple[str, ...]] = Counter()
            for other in alternatives:
                most |= _ngrams(other, size)
            predicted[size - 1] += found.total()
            matched[size - 1] += (found & most).total()
    return [*matched, *predicted, length, reference_length]


def bleu(counts: Sequence[float]) -> float:
    """0 to 100; 0 where no n-gram of some length was matched."""
    matched, predicted, (length, reference_length) = counts[:LONGEST], counts[LONGEST:-2], counts[-2:]
    if not min(matched):
        return 0.0
    precision = math.exp(sum(math.log(hit / all_) for hit, all_ in zip(matched, predicted)) / LONGEST)
    return 100 * precision * (1.0 if length > reference_length else math.exp(1 - reference_length / length))


def _ngrams(words: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + size]) for i in range(len(words) - size + 1))


@functools.cache
def _tokenizer() -> Callable[[str], Sequence[str]]:
    """sacrebleu's 13a."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it would take from packages that are not here
        from torchmetrics.text import SacreBLEUScore

    return SacreBLEUScore().tokenizer
