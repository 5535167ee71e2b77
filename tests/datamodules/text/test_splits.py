from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datamodules.text.splits import leaked, split_examples, split_groups

examples = st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from(["x", "y", "z"])), max_size=60)


@given(examples, st.floats(0, 0.4), st.floats(0, 0.4), st.integers(0, 5))
def test_parts_hold_every_example_once_and_share_no_group(pairs, val_fraction, test_fraction, seed) -> None:
    groups, labels = [g for g, _ in pairs], [c for _, c in pairs]
    split = split_groups(groups, labels, val_fraction, test_fraction, seed)
    everything = np.concatenate(list(split.positions().values()))
    assert sorted(everything.tolist()) == list(range(len(pairs)))
    sides = [{groups[i] for i in part} for part in split.positions().values()]
    assert not (sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2])
    assert leaked(groups, split) == 0


def test_parts_are_stratified_and_seeded() -> None:
    labels = ["big"] * 800 + ["small"] * 40
    groups = [f"g{i}" for i in range(840)]
    split = split_groups(groups, labels, 0.1, 0.2, seed=0)
    counts = {part: Counter(labels[i] for i in at) for part, at in split.positions().items()}
    assert counts["test"] == {"big": 160, "small": 8}
    assert counts["val"] == {"big": 80, "small": 4}
    again = split_groups(groups, labels, 0.1, 0.2, seed=0)
    assert (split.test == again.test).all()
    assert set(split.test) != set(split_groups(groups, labels, 0.1, 0.2, seed=1).test)


def test_a_name_under_two_labels_counts_for_the_rarer() -> None:
    labels = ["English"] * 100 + ["Scottish"] * 10
    groups = [f"e{i}" for i in range(90)] + [f"s{i}" for i in range(10)] + [f"s{i}" for i in range(10)]
    split = split_groups(groups, labels, 0.0, 0.2, seed=0)
    assert Counter(labels[i] for i in split.test)["Scottish"] == 2


def test_a_label_too_small_to_split_is_named_and_trains() -> None:
    split = split_groups(["a", "b", *"cdefghijkl"], ["tiny"] * 2 + ["big"] * 10, 0.1, 0.2, seed=0)
    assert {0, 1} <= set(split.train.tolist())
    assert any("tiny" in note for note in split.notes)


def test_the_naive_split_leaks_and_says_how_much() -> None:
    names = ["Khoury"] * 50 + [f"n{i}" for i in range(50)]
    split = split_examples(["x"] * 100, 0.0, 0.5, seed=0)
    assert leaked(names, split) == sum(names[i] == "Khoury" for i in split.test) > 0
