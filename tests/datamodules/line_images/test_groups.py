from __future__ import annotations

import pytest

from datamodules.errors import BadInput
from datamodules.line_images.groups import groups_of
from datamodules.line_images.records import LineRecord
from datamodules.line_images.splits import split_lines

RECORDS = [
    LineRecord(f"{folder}/{book}{page:02d}_{line}.png", "x", bytes, "")
    for folder, book in (("old", "a"), ("old", "b"), ("new", "c"), ("new", "d"))
    for page in range(5)
    for line in range(3)
]


@pytest.mark.parametrize(
    ("split_by", "pattern", "count"),
    [("prefix", ".", 4), ("prefix", "[^_]+", 20), ("folder", ".+", 2), ("random", "never read", 60)],
)
def test_a_group_is_what_the_pattern_matches(split_by, pattern: str, count: int) -> None:
    assert len(set(groups_of(RECORDS, split_by, pattern))) == count


def test_a_group_never_stands_on_two_sides() -> None:
    groups = groups_of(RECORDS, "prefix", "[^_]+")
    split = split_lines(groups, None, None, 0.1, 0.2, seed=4)
    sides = [{groups[i] for i in part} for part in split.positions().values()]
    assert [len(side) for side in sides] == [14, 2, 4]
    assert len(set.union(*sides)) == 20


def test_groups_can_be_named() -> None:
    groups = groups_of(RECORDS, "prefix", ".")
    split = split_lines(groups, "a", "c|d", 0.5, 0.5, seed=4)
    assert {groups[i] for i in split.test} == {"c", "d"}
    assert {groups[i] for i in split.val} == {"a"}
    assert {groups[i] for i in split.train} == {"b"}


@pytest.mark.parametrize(
    ("val", "test", "message"),
    [
        ("e", None, r"datamodule\.val_groups=e: matches no group; there are a, b, c, d"),
        (None, "(", r"datamodule\.test_groups=\(: not a regular expression"),
        ("a|b", "c|d", "leave nothing to train on"),
    ],
)
def test_bad_patterns_are_sentences(val, test, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        split_lines(groups_of(RECORDS, "prefix", "."), val, test, 0.0, 0.0, seed=0)


def test_a_name_without_a_group_is_told() -> None:
    with pytest.raises(BadInput, match=r"group_pattern=\\d: does not match 'a00_0\.png' \(line old/a00_0\.png\)"):
        groups_of(RECORDS, "prefix", r"\d")
