"""Which examples train, which choose, which judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Split:
    """Positions of the examples of each part, and what a person should know about how they were made."""

    train: np.ndarray  # (N_train,) int64
    val: np.ndarray
    test: np.ndarray
    notes: list[str] = field(default_factory=list)

    def parts(self) -> dict[str, np.ndarray]:
        return {"train": self.train, "val": self.val, "test": self.test}


def split_groups(
    groups: Sequence[str], labels: Sequence[str], val_fraction: float, test_fraction: float, seed: int
) -> Split:
    """Stratified parts in which a group (a name, a book) never stands on two sides.

    A group that occurs under several labels counts for the rarest of them, so that small classes get their share.
    Fractions are of each label's groups; a label with too few groups for every part keeps all of them in training,
    and a note names it.

    Args:
        groups: the group of each example.
        labels: the label of each example.
    """
    frequency = Counter(labels)
    stratum: dict[str, str] = {}
    for group, label in zip(groups, labels):
        held = stratum.get(group)
        if held is None or (frequency[label], label) < (frequency[held], held):
            stratum[group] = label
    members: dict[str, list[str]] = {label: [] for label in sorted(frequency)}
    for group in sorted(stratum):
        members[stratum[group]].append(group)

    rng = np.random.default_rng(seed)
    part_of: dict[str, int] = {}
    notes = []
    for label, names in members.items():
        counts = _counts(len(names), val_fraction, test_fraction)
        if counts is None:
            counts = 0, 0
            if names:
                notes.append(f"label {label} has {len(names)} of its own: too small to split, all in training")
        order = rng.permutation(len(names))
        num_val, num_test = counts
        for rank, position in enumerate(order):
            part_of[names[position]] = 2 if rank < num_test else 1 if rank < num_test + num_val else 0
    parts = np.array([part_of[group] for group in groups], dtype=np.int64)
    train, val, test = (np.flatnonzero(parts == part) for part in range(3))
    return Split(train, val, test, notes)


def split_examples(labels: Sequence[str], val_fraction: float, test_fraction: float, seed: int) -> Split:
    """Stratified parts of the examples one by one, whatever stands in them: the naive split."""
    return split_groups([str(i) for i in range(len(labels))], labels, val_fraction, test_fraction, seed)


def leaked(keys: Sequence[str], split: Split) -> int:
    """How many test examples also stand, under the same key, in the training part."""
    seen = {keys[i] for i in split.train}
    return sum(keys[i] in seen for i in split.test)


def _counts(n: int, val_fraction: float, test_fraction: float) -> tuple[int, int] | None:
    """Groups of one label for val and test; None where a part that was asked for would have to stay empty."""
    num_val, num_test = (max(1, round(n * f)) if f > 0 else 0 for f in (val_fraction, test_fraction))
    return (num_val, num_test) if n - num_val - num_test >= 1 else None
