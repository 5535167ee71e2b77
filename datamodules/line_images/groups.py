"""Which lines belong together, so that a book or a page never stands on two sides of a split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np

from datamodules.errors import BadInput
from datamodules.line_images.records import LineRecord
from datamodules.text.splits import Split, split_groups

SplitBy = Literal["prefix", "folder", "random"]


def groups_of(records: Sequence[LineRecord], split_by: SplitBy, pattern: str) -> list[str]:
    """The group of each line.

    Args:
        records: the lines.
        split_by: `prefix` (what `pattern` matches at the start of the file name), `folder` (the folder that the image
            is in, as far as `pattern` matches it) or `random` (every line for itself).
        pattern: a regular expression.

    Raises:
        BadInput: not a regular expression, or a name that it does not match.
    """
    if split_by == "random":
        return [record.id for record in records]
    expression = compiled("group_pattern", pattern)
    groups = []
    for record in records:
        name = record.id.rpartition("/")[0] if split_by == "folder" else record.id.rpartition("/")[2]
        found = expression.match(name)
        if not found:
            raise BadInput(f"datamodule.group_pattern={pattern}: does not match {name!r} (line {record.id})")
        groups.append(found[0])
    return groups


def compiled(key: str, pattern: str) -> re.Pattern:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise BadInput(f"datamodule.{key}={pattern}: not a regular expression ({error})") from None


def split_lines(
    groups: Sequence[str],
    val_groups: str | None,
    test_groups: str | None,
    val_fraction: float,
    test_fraction: float,
    seed: int,
) -> Split:
    """Parts of whole groups: those that a pattern names, or else a fraction of the groups that are left.

    Args:
        groups: the group of each line.
        val_groups, test_groups: regular expressions that match the names of whole groups.
        val_fraction, test_fraction: of the groups, where no pattern is given.
        seed: of the choice of groups.

    Raises:
        BadInput: a pattern matches no group, or nothing is left to train on.
    """
    part_of: dict[str, str] = {}
    for part, key, pattern in (("test", "test_groups", test_groups), ("val", "val_groups", val_groups)):
        if pattern is None:
            continue
        expression = compiled(key, pattern)
        named = [group for group in dict.fromkeys(groups) if group not in part_of and expression.fullmatch(group)]
        if not named:
            some = ", ".join(sorted(set(groups))[:8])
            raise BadInput(f"datamodule.{key}={pattern}: matches no group; there are {some}")
        part_of.update(dict.fromkeys(named, part))
    free = [position for position, group in enumerate(groups) if group not in part_of]
    drawn = split_groups(
        [groups[i] for i in free],
        ["line"] * len(free),
        0.0 if val_groups is not None else val_fraction,
        0.0 if test_groups is not None else test_fraction,
        seed,
    )
    number = np.array(free, dtype=np.int64)
    parts = {name: list(number[positions]) for name, positions in drawn.positions().items()}
    for position, group in enumerate(groups):
        if group in part_of:
            parts[part_of[group]].append(position)
    if not parts["train"]:
        raise BadInput("datamodule.test_groups, val_groups and fractions leave nothing to train on")
    arrays = {name: np.array(sorted(positions), dtype=np.int64) for name, positions in parts.items()}
    notes = [note.replace("label line has", "there are").replace(" of its own", " groups") for note in drawn.notes]
    return Split(arrays["train"], arrays["val"], arrays["test"], notes)
