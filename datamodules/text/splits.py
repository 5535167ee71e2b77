"""Train, validation and test splits of texts: drawn here, or official ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from datamodules.batching.splits import SPLITS


@dataclass
class Split:
    """Positions of the examples of each split, and notes about how they were made."""

    train: np.ndarray  # (N_train,) int64
    val: np.ndarray
    test: np.ndarray
    notes: list[str] = field(default_factory=list)

    def positions(self) -> dict[str, np.ndarray]:
        return {"train": self.train, "val": self.val, "test": self.test}


def split_groups(
    groups: Sequence[str], labels: Sequence[str], val_fraction: float, test_fraction: float, seed: int
) -> Split:
    """Stratified splits in which a group (a name, a book) never stands on two sides.

    A group that occurs under several labels counts for the rarest of them, so that small classes get their share.
    Fractions are of each label's groups; a label with too few groups for every split keeps all of them in training,
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
    split_of: dict[str, int] = {}
    too_small: list[str] = []
    for label, names in members.items():
        counts = _counts(len(names), val_fraction, test_fraction)
        if counts is None:
            counts = 0, 0
            if names:
                too_small.append(f"{label} ({len(names)})" if label else str(len(names)))
        order = rng.permutation(len(names))
        num_val, num_test = counts
        for rank, position in enumerate(order):
            split_of[names[position]] = 2 if rank < num_test else 1 if rank < num_test + num_val else 0
    split_numbers = np.array([split_of[group] for group in groups], dtype=np.int64)
    train, val, test = (np.flatnonzero(split_numbers == number) for number in range(3))
    return Split(train, val, test, [_too_small(too_small)] if too_small else [])


def split_examples(labels: Sequence[str], val_fraction: float, test_fraction: float, seed: int) -> Split:
    """Stratified splits of the examples one by one, whatever stands in them: the naive split."""
    return split_groups([str(i) for i in range(len(labels))], labels, val_fraction, test_fraction, seed)


def official_split(
    splits: Sequence[str],
    groups: Sequence[str],
    labels: Sequence[str],
    val_fraction: float,
    test_fraction: float,
    seed: int,
) -> Split:
    """The splits that a data set came with; one that it lacks is drawn from its training examples.

    Args:
        splits: "train", "val" or "test" of each example.
        groups, labels, val_fraction, test_fraction, seed: see `split_groups`.
    """
    official = np.array(splits)
    train = np.flatnonzero(official == "train")
    held_out = {name: np.flatnonzero(official == name) for name in SPLITS[1:]}
    fractions = {"val": val_fraction, "test": test_fraction}
    missing = [name for name, positions in held_out.items() if not len(positions) and fractions[name] > 0]
    notes = []
    if missing:
        drawn = split_groups(
            [groups[i] for i in train.tolist()],
            [labels[i] for i in train.tolist()],
            val_fraction if "val" in missing else 0.0,
            test_fraction if "test" in missing else 0.0,
            seed,
        )
        for name in missing:
            held_out[name] = train[drawn.positions()[name]]
            notes.append(f"no official {name} split: {fractions[name]:.0%} of the training texts are held out for it")
        train = train[drawn.train]
        notes += drawn.notes
    split = Split(train, held_out["val"], held_out["test"], notes)
    for name in SPLITS[1:]:
        shared = leaked(groups, split, name)
        if shared:
            notes.append(f"{shared:,} of {len(held_out[name]):,} {name} texts also stand in the training split")
    return split


def leaked(keys: Sequence[str], split: Split, name: str = "test") -> int:
    """How many examples of a split also stand, under the same key, in the training split."""
    seen = {keys[i] for i in split.train}
    return sum(keys[i] in seen for i in split.positions()[name])


def _counts(n: int, val_fraction: float, test_fraction: float) -> tuple[int, int] | None:
    """Groups of one label for val and test; None where a split that was asked for would have to stay empty."""
    num_val, num_test = (max(1, round(n * f)) if f > 0 else 0 for f in (val_fraction, test_fraction))
    return (num_val, num_test) if n - num_val - num_test >= 1 else None


def _too_small(labels: list[str], most: int = 8) -> str:
    more = f" and {len(labels) - most:,} more" if len(labels) > most else ""
    return f"too few texts to split, all in training: {', '.join(labels[:most])}{more}"
