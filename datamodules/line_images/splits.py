"""Train, validation and test splits of lines: official ones, or whole groups held out."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from datamodules.errors import BadInput, did_you_mean
from datamodules.line_images.groups import compiled
from datamodules.line_images.records import LineRecord
from datamodules.line_images.tables import rows_of_file
from datamodules.text.official_splits import described, split_of_name
from datamodules.text.splits import Split, split_groups

SPLITS = ("train", "val", "test")

#: What a column of splits may say, where `splits` does not say what it says.
NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "eval"),
    "test": ("test", "testing"),
}

Splits = Mapping[str, str | list[str]]


def split_lines(
    groups: Sequence[str],
    val_groups: str | None,
    test_groups: str | None,
    val_fraction: float,
    test_fraction: float,
    seed: int,
) -> Split:
    """Splits of whole groups: those that a pattern names, or else a fraction of the groups that are left.

    Args:
        groups: the group of each line.
        val_groups, test_groups: regular expressions that match the names of whole groups.
        val_fraction, test_fraction: of the groups, where no pattern is given.
        seed: of the choice of groups.

    Raises:
        BadInput: a pattern matches no group, nothing is left to train on, or nothing can be held out.
    """
    split_of: dict[str, str] = {}
    for split, key, pattern in (("test", "test_groups", test_groups), ("val", "val_groups", val_groups)):
        if pattern is None:
            continue
        expression = compiled(key, pattern)
        named = [group for group in dict.fromkeys(groups) if group not in split_of and expression.fullmatch(group)]
        if not named:
            some = ", ".join(sorted(set(groups))[:8])
            raise BadInput(f"datamodule.{key}={pattern}: matches no group; there are {some}")
        split_of.update(dict.fromkeys(named, split))
    free = [position for position, group in enumerate(groups) if group not in split_of]
    val_share = 0.0 if val_groups is not None else val_fraction
    test_share = 0.0 if test_groups is not None else test_fraction
    drawn = split_groups([groups[i] for i in free], ["line"] * len(free), val_share, test_share, seed)
    if drawn.notes and val_share + test_share:
        raise BadInput(_nothing_held_out(sorted(set(groups)), len(groups)))
    number = np.array(free, dtype=np.int64)
    positions = {name: list(number[indices]) for name, indices in zip(SPLITS, (drawn.train, drawn.val, drawn.test))}
    for position, group in enumerate(groups):
        if group in split_of:
            positions[split_of[group]].append(position)
    if not positions["train"]:
        raise BadInput("datamodule.test_groups, val_groups and fractions leave nothing to train on")
    train, val, test = (np.array(sorted(positions[name]), dtype=np.int64) for name in SPLITS)
    return Split(train, val, test)


def with_named_splits(records: Sequence[LineRecord], notes: list[str]) -> Sequence[LineRecord]:
    """The lines with the splits that the tables they are from, or their outermost folders, are called by.

    Nothing of this holds where a line is of neither, or where there is no training split and another.
    """
    if any(record.split for record in records):
        return records
    folders = {folder: split_of_name(folder) for folder in dict.fromkeys(r.id.partition("/")[0] for r in records)}
    if None in folders.values() or "train" not in folders.values() or len(set(folders.values())) < 2:
        return records
    notes.append(described({f"{folder}/": split or "" for folder, split in folders.items()}))
    return [replace(record, split=folders[record.id.partition("/")[0]]) for record in records]


def official_splits(
    records: Sequence[LineRecord],
    data_dir: Path,
    splits: Splits | None,
    by_column: bool,
    val_fraction: float,
    seed: int,
    groups: Sequence[str],
) -> Split:
    """The splits that the data come with.

    Args:
        records: the lines.
        data_dir: where a list of files is looked for, besides the working folder.
        splits: split -> what it is called: values of the column, folders, patterns of ids (`train-*`), or files that
            list ids.
        by_column: whether `record.split` says it.
        val_fraction: of the training groups, where no validation split is named.
        seed: of that choice.
        groups: the group of each line.

    Raises:
        BadInput: a name that nothing is called, a line of two splits, or no training line.
    """
    if splits is not None:
        unknown = next((name for name in splits if name not in SPLITS), None)
        if unknown is not None:
            raise BadInput(f"datamodule.splits: no split {unknown}{did_you_mean(unknown, SPLITS)}; train, val, test")
    named = NAMES if splits is None else splits
    split_of: dict[int, str] = {}
    for split, values in named.items():
        for value in [values] if isinstance(values, str) else values:
            if by_column:
                found = [i for i, record in enumerate(records) if (record.split or "").lower() == value.lower()]
            else:
                found = _matching(records, data_dir, str(value))
            if not found and splits is not None:
                raise BadInput(
                    f"datamodule.splits.{split}={value}: no line is called so; {_called(records, by_column)}"
                )
            for position in found:
                if split_of.setdefault(position, split) != split:
                    raise BadInput(
                        f"datamodule.splits: line {records[position].id} is in {split_of[position]} and in {split}"
                    )
    positions = {name: [i for i in range(len(records)) if split_of.get(i) == name] for name in SPLITS}
    if not positions["train"]:
        key = "split_column" if splits is None else "splits.train"
        raise BadInput(f"datamodule.{key}: names no training line; {_called(records, by_column)}")
    notes: list[str] = []
    if not positions["val"] and val_fraction:
        drawn = split_lines([groups[i] for i in positions["train"]], None, None, val_fraction, 0.0, seed)
        held = [positions["train"][i] for i in drawn.val]
        positions["val"], positions["train"] = held, sorted(set(positions["train"]).difference(held))
        notes.append(f"no validation split among them: {len(held):,} training lines chosen (datamodule.val_fraction)")
    unused = len(records) - len(split_of)
    if unused:
        notes.append(
            f"{unused:,} lines belong to no split, such as"
            f" {next(record.id for i, record in enumerate(records) if i not in split_of)}"
        )
    train, val, test = (np.array(positions[name], dtype=np.int64) for name in SPLITS)
    return Split(train, val, test, notes)


def _matching(records: Sequence[LineRecord], data_dir: Path, value: str) -> list[int]:
    """Positions of the lines in a folder, with an id that a pattern matches, or in a list of files."""
    folder = value.strip("/")
    found = [
        i
        for i, record in enumerate(records)
        if record.id == folder or record.id.startswith(folder + "/") or fnmatch.fnmatchcase(record.id, value)
    ]
    if found:
        return found
    base = data_dir if data_dir.is_dir() else data_dir.parent
    file = next((path for path in (base / value, Path(value).expanduser()) if path.is_file()), None)
    if file is None:
        return []
    names = {name.removeprefix("./").replace("\\", "/") for name in rows_of_file(file)}
    return [i for i, record in enumerate(records) if not names.isdisjoint(_called_by(record))]


def _called_by(record: LineRecord) -> set[str]:
    """What a list may call a line: its id, with and without suffix and folders, or its form (IAM: `a01-000u`)."""
    name = record.id.rpartition("/")[2]
    stem = record.key.rpartition("/")[2]
    return {record.id, record.key, name, stem, stem.rpartition("-")[0] or stem}


def _called(records: Sequence[LineRecord], by_column: bool) -> str:
    counts = Counter(
        (record.split or "nothing") if by_column else record.id.rpartition("/")[0] or record.id for record in records
    )
    shown = ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(8))
    return f"there are {shown}"


def _nothing_held_out(groups: list[str], num_lines: int) -> str:
    some = ", ".join(groups[:8])
    if len(groups) == num_lines:
        return (
            f"datamodule.data_dir: {num_lines} line{'s' if num_lines > 1 else ''} ({some}), too few to hold out any for"
            " validation and test; datamodule.val_fraction=0 datamodule.test_fraction=0 hold out none"
        )
    return (
        f"datamodule.split_by: {len(groups)} group{'s' if len(groups) > 1 else ''} ({some}), of which validation and"
        " test lines cannot be held out; datamodule.split_by=random splits line by line, group_pattern names finer"
        " groups, val_fraction=0 test_fraction=0 hold out nothing"
    )
