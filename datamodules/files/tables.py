"""Tables with named columns: CSV and TSV with a header, and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datamodules.errors import BadInput, did_you_mean
from datamodules.files.encoding import read_text

TABLE_FORMATS = {".csv": ",", ".tsv": "\t", ".parquet": None}


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn polars' errors about a file into BadInput; of a torn Parquet file polars panics.

    Rust's own line about that has come before on standard error.  Where a torn size asks for more memory than there is,
    that line is all: Rust then ends the process.

    Args:
        path: the file.
        kind: what it should be.

    Raises:
        BadInput: it cannot be read.
    """
    import polars

    failures = (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError, ValueError)
    try:
        yield
    except failures as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise BadInput(f"{path}: not {kind} that can be read ({reason})") from None


def table_rows(path: Path, columns: list[str], encoding: str = "utf-8") -> Iterator[tuple[int, list[str]]]:
    """(line number, the cells of `columns`) of each row of a CSV or TSV file with a header line.

    Raises:
        BadInput: no header, a column that is not there, a row with more or fewer cells than the header.
    """
    delimiter = TABLE_FORMATS[path.suffix.lower()]
    assert delimiter is not None
    text = io.StringIO(read_text(path, encoding), newline="")
    quotes = delimiter == ","  # in a TSV a quotation mark is a character
    rows = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE)
    try:
        header = next(rows, None)
        if header is None:
            raise BadInput(f"{path}: empty; the first line names the columns")
        positions = [_position(path, header, column) for column in columns]
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise BadInput(f"{path} line {rows.line_num}: {len(row)} cells where the header has {len(header)}")
            yield rows.line_num, [row[p] for p in positions]
    except csv.Error as error:
        raise BadInput(f"{path} line {rows.line_num}: {error}") from None


def _position(path: Path, header: list[str], column: str) -> int:
    if column not in header:
        raise BadInput(
            f"{path}: no column '{column}'{did_you_mean(column, header)}; it has {', '.join(header)}"
            " (the keys datamodule.*_column name those to read)"
        )
    return header.index(column)


def parquet_columns(path: Path, columns: list[str]) -> list[list[str | None]]:
    """The cells of `columns` of a Parquet table, as text.

    Raises:
        BadInput: it cannot be read, or has no such column.
    """
    import polars

    with reading(path, "a Parquet file"):
        header = list(polars.read_parquet_schema(path))
        table = polars.read_parquet(path, columns=[header[_position(path, header, column)] for column in columns])
        return [table[column].cast(polars.String, strict=False).to_list() for column in columns]
