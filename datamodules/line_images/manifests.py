"""A TSV, CSV or Parquet table of image paths and texts; paths are below the table's folder."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from datamodules.errors import BadInput
from datamodules.files.tables import TABLE_FORMATS, parquet_columns, table_rows
from datamodules.line_images.folders import suffix_of
from datamodules.line_images.images import SUFFIXES
from datamodules.line_images.records import LineRecord, LineRecords, inside

COLUMNS = ("path", "text")  # of a written manifest
IMAGES = "images"  # the folder that a written manifest's images are put into


def read_manifest(path: Path, path_column: str = "path", text_column: str = "text") -> LineRecords:
    """Every line of a table.

    Raises:
        BadInput: the table cannot be read, or a path in it leads out of its folder.
    """
    read = LineRecords()
    for place, name, text in _rows(path, path_column, text_column):
        file = inside(path.parent, name, place)
        read.add(LineRecord(Path(name).as_posix(), text.strip("\r\n"), file.read_bytes, place))
    if not len(read):
        raise BadInput(f"datamodule.data_dir={path}: no line in it")
    return read


def write_manifest(
    lines: Iterable[LineRecord], path: Path, path_column: str = "path", text_column: str = "text"
) -> int:
    """Write a table, and the images that it names into a folder beside it; how many."""
    rows = []
    for record in lines:
        encoded = record.read()
        name = f"{IMAGES}/{record.id}"
        name = name if name.lower().endswith(SUFFIXES) else name + suffix_of(encoded)
        image = path.parent / name
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(encoded)
        rows.append((name, record.text))
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".parquet":
        import polars

        polars.DataFrame(rows, schema=list(COLUMNS), orient="row").write_parquet(path)
        return len(rows)
    delimiter = TABLE_FORMATS[path.suffix.lower()]
    assert delimiter is not None
    with path.open("w", encoding="utf-8", newline="") as file:
        if delimiter == ",":
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
        else:  # as it is read: a quotation mark is a character
            file.writelines("\t".join(row) + "\n" for row in [COLUMNS, *_without_tabs(rows)])
    return len(rows)


def _rows(path: Path, path_column: str, text_column: str) -> Iterator[tuple[str, str, str]]:
    """Place, path and text of each row."""
    columns = [path_column, text_column]
    if path.suffix.lower() == ".parquet":
        for number, (name, text) in enumerate(zip(*parquet_columns(path, columns)), 1):
            if not name:
                raise BadInput(f"{path} row {number}: no path in column '{path_column}'")
            yield f"{path} row {number}", name, text or ""
        return
    for number, (name, text) in table_rows(path, columns):
        if not name.strip():
            raise BadInput(f"{path} line {number}: no path in column '{path_column}'")
        yield f"{path} line {number}", name.strip(), text


def _without_tabs(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, text in rows:
        if "\t" in name or "\t" in text:
            raise BadInput(f"{name}: a tab in it, which a TSV cannot hold; .csv or .parquet can")
        yield name, text
