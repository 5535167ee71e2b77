"""Names that data sets give their official splits, in columns, files and folders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from datamodules.errors import BadInput
from datamodules.files.records import Table

SPLIT_WORDS = {
    "train": "train", "training": "train", "trn": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val", "devel": "val", "development": "val",
    "eval": "val",
    "test": "test", "testing": "test", "tst": "test",
}  # fmt: skip
NO_COLUMN = "none"  # as a column's name: there is none
SPLIT_COLUMN = "split"  # the name under which a column of splits is found by itself


def split_of_name(name: str) -> str | None:
    """The split that a file or folder is for: its name is a split word, or begins or ends with one.

    >>> split_of_name("train-00000-of-00001.parquet"), split_of_name("sst.dev.tsv"), split_of_name("trained.csv")
    ('train', 'val', None)
    """
    words = [word for word in re.split(r"[-_. ]+", Path(name).name.lower()) if word]
    found = {SPLIT_WORDS[word] for word in (words[0], *words[-3:]) if word in SPLIT_WORDS} if words else set()
    return found.pop() if len(found) == 1 else None


def described(split_of: Mapping[str, str]) -> str:
    """The line about official splits that were found by names: name -> split."""
    return f"official splits: {', '.join(f'{name} is {split}' for name, split in split_of.items())}"


def split_of_cell(cell: str, place: str, column: str) -> str:
    """The split that a cell names.

    Raises:
        BadInput: it is no split word.
    """
    word = cell.strip().lower()
    if word not in SPLIT_WORDS:
        accepted = "train, val (valid, validation, dev) and test are accepted"
        raise BadInput(f"{place}: '{cell}' in column '{column}' (datamodule.split_column) is no split; {accepted}")
    return SPLIT_WORDS[word]


def is_split_column(cells: list[str]) -> bool:
    """Whether every cell names a split, and training is among them."""
    words = {cell.strip().lower() for cell in cells}
    return bool(words) and words <= SPLIT_WORDS.keys() and "train" in {SPLIT_WORDS[word] for word in words}


def split_position(table: Table, split_column: str | None, taken: set[int]) -> int | None:
    """The position of the column of official splits, or None where there is none.

    Args:
        table: which table.
        split_column: name or number as given; "none" for no such column; None to find it by its name and cells.
        taken: positions that hold something else.
    """
    if split_column == NO_COLUMN:
        return None
    if split_column is not None:
        return table.position(split_column, "split_column")
    lower = [name.strip().lower() for name in table.columns or ()]
    if SPLIT_COLUMN not in lower or lower.index(SPLIT_COLUMN) in taken:
        return None
    position = lower.index(SPLIT_COLUMN)
    return position if is_split_column(table.cells(position)) else None
