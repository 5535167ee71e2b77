"""Reading pairs of texts: one CSV, TSV or Parquet table, or lines with a tab between the two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from anyascii import anyascii

from datamodules.errors import BadInput
from datamodules.text.labelled_files import TABLE_FORMATS, parquet_columns, read_text, table_rows
from datamodules.text.surnames import bundled_surnames


@dataclass
class ReadPairs:
    """Columns of equal length: sources, targets, and where each pair stands (`file:line`)."""

    sources: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    def add(self, source: str, target: str, place: str) -> None:
        self.sources.append(source)
        self.targets.append(target)
        self.places.append(place)

    def __len__(self) -> int:
        return len(self.sources)


def read_pairs(path: Path, source_column: str, target_column: str, encoding: str) -> ReadPairs:
    """Every pair of a file, as it stands there.

    A column is named by the header, or is a number (from 1) in a `.txt` or table without one.

    Raises:
        BadInput: the file, a line or a column cannot be used; the sentence names it.
    """
    if not path.is_file():
        raise BadInput(f"datamodule.data_dir={path}: there is no such file")
    suffix = path.suffix.lower()
    if suffix not in (*TABLE_FORMATS, ".txt"):
        raise BadInput(f"datamodule.data_dir={path}: no table of pairs; {', '.join([*TABLE_FORMATS, '.txt'])} are read")
    read = ReadPairs()
    numbered = source_column.isdecimal() and target_column.isdecimal()
    if suffix == ".txt" or (numbered and suffix == ".tsv"):
        for number, cells in _tabbed(path, encoding):
            found = [_cell(cells, column, path, number) for column in (source_column, target_column)]
            read.add(found[0], found[1], f"{path.name}:{number}")
    elif suffix == ".parquet":
        columns = parquet_columns(path, [source_column, target_column])
        for number, (source, target) in enumerate(zip(*columns), 1):
            read.add(source or "", target or "", f"{path.name}:{number}")
    else:
        for number, (source, target) in table_rows(path, [source_column, target_column], encoding):
            read.add(source, target, f"{path.name}:{number}")
    if not len(read):
        raise BadInput(f"datamodule.data_dir={path}: no pair in it")
    return read


def transliterations() -> ReadPairs:
    """Surnames in their own scripts and in Latin letters, which need no download (packages Faker and anyascii)."""
    read = ReadPairs()
    surnames = bundled_surnames("nfc")
    for text, label, place in zip(surnames.texts, surnames.labels, surnames.places):
        if label in ("Greek", "Russian", "Ukrainian", "Arabic") and not text.isascii():
            read.add(text, anyascii(text), place)
    return read


def _tabbed(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(read_text(path, encoding).split("\n"), 1):
        if line.strip():
            yield number, line.split("\t")


def _cell(cells: list[str], column: str, path: Path, number: int) -> str:
    if not column.isdecimal():
        raise BadInput(f"{path}: it has no header, so columns are numbers: datamodule.source_column=1 is the first")
    if not 1 <= int(column) <= len(cells):
        raise BadInput(f"{path} line {number}: {len(cells)} columns, and no column {column} (they count from 1)")
    return cells[int(column) - 1]
