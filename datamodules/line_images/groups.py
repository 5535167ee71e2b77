"""Groups of lines (a book, a page), of which none stands on two sides of a split."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from datamodules.errors import BadInput
from datamodules.line_images.records import LineRecord

SplitBy = Literal["auto", "prefix", "folder", "random"]

PREFIX = "[^_]+"  # the default of group_pattern for prefixes
LEAST_GROUPS = 10  # that `auto` takes for books or pages


@dataclass(frozen=True)
class PreferredGroups:
    """How an experiment holds out its own data; other data, which have no such groups, are split by `split_by`.

    Args:
        group_pattern, val_groups, test_groups: see `TextLines`.
    """

    group_pattern: str
    val_groups: str | None = None
    test_groups: str | None = None

    def fits(self, records: Sequence[LineRecord]) -> bool:
        """Whether every pattern that is given matches a group of these lines, and not all of them are held out."""
        expression = re.compile(self.group_pattern)
        found = [expression.match(record.id.rpartition("/")[2]) for record in records]
        groups = {match[0] for match in found if match}
        patterns = [pattern for pattern in (self.val_groups, self.test_groups) if pattern is not None]
        held_out = [{group for group in groups if re.fullmatch(pattern, group)} for pattern in patterns]
        return all(found) and all(held_out) and bool(groups.difference(*held_out))


def groups_of(
    records: Sequence[LineRecord], split_by: SplitBy, pattern: str | None, notes: list[str] | None = None
) -> list[str]:
    """The group of each line; several images of one line are always of one group.

    Args:
        records: the lines.
        split_by: `prefix` (what `pattern` matches at the start of the file name), `folder` (the folder that the image
            is in, as far as `pattern` matches it), `random` (every line for itself), or `auto`: `prefix` where a
            pattern is given, else the coarsest of folders and prefixes that gives ten groups, else `random`.
        pattern: a regular expression; `[^_]+` of a prefix, and the whole folder, when absent.
        notes: takes a sentence about what `auto` found.

    Raises:
        BadInput: not a regular expression, or a name that it does not match.
    """
    if split_by == "auto" and pattern is None:
        return _found_groups(records, [] if notes is None else notes)
    if split_by == "random":
        return [record.key for record in records]
    expression = compiled("group_pattern", pattern or (".*" if split_by == "folder" else PREFIX))
    groups = []
    for record in records:
        folder, _, name = record.id.rpartition("/")
        looked_at = folder if split_by == "folder" else name
        found = expression.match(looked_at)
        if not found:
            raise BadInput(f"datamodule.group_pattern={pattern}: does not match {looked_at!r} (line {record.id})")
        groups.append(found[0])
    return groups


def compiled(key: str, pattern: str) -> re.Pattern:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise BadInput(f"datamodule.{key}={pattern}: not a regular expression ({error})") from None


def _found_groups(records: Sequence[LineRecord], notes: list[str]) -> list[str]:
    lines = len({record.key for record in records})
    most = 0
    for name, groups in _candidates(records):
        count = len(set(groups))
        most = max(most, count if count < lines else 0)
        if LEAST_GROUPS <= count <= lines / 2:
            notes.append(f"split by {name}: {count:,} groups, each on one side (datamodule.split_by)")
            return groups
    notes.append(
        f"split line by line: folders and file names give at most {most:,} groups (datamodule.split_by and"
        " group_pattern name others); neighbouring lines of a page may stand on two sides, which flatters the figures"
    )
    return [record.key for record in records]


def _candidates(records: Sequence[LineRecord]) -> Iterator[tuple[str, list[str]]]:
    """Names and groups, coarse ones first: folders, then more and more of the pieces of the file name."""
    keys = [record.key for record in records]
    folders = [key.rpartition("/")[0] for key in keys]
    for depth in range(1, 1 + max(1 + folder.count("/") for folder in folders)):
        yield "folder", ["/".join(folder.split("/")[:depth]) for folder in folders]
    pieces = [re.split(r"(?<=[_.\- ])", key.rpartition("/")[2]) for key in keys]
    longest = max(map(len, pieces))
    for count in range(1, longest):
        prefixes = ["".join(piece[: max(1, min(count, len(piece) - 1))]) for piece in pieces]
        yield (
            "the start of the file name",
            [f"{folder}/{prefix}".lstrip("/") for folder, prefix in zip(folders, prefixes)],
        )
