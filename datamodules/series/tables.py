"""Files -> tables: cells of text or numbers, with the file's lines."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars

from datamodules.errors import BadInput
from datamodules.files.tables import reading
from datamodules.series.dialect import (
    ANY_NUMBER,
    MARK,
    MISSING,
    PLAIN_NUMBER,
    SAMPLE_BYTES,
    Dialect,
    detect_dialect,
    detect_encoding,
    is_in_columns,
    number_marks,
)
from datamodules.series.tsf import read_tsf

#: First bytes of files that are no text -> what to do about them.
MAGIC = {
    b"PK\x03\x04": "a workbook or a zip archive, no text; save the sheet as CSV or unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook, no text; save the sheet as CSV",
    b"\x1f\x8b": "compressed with gzip; unpack it (gunzip)",
    b"PAR1": "a Parquet file by another name; call it .parquet",
}
INFINITE = ("inf", "-inf", "+inf", "infinity")
FOOTER_LINES = 20  # at most
SENTENCE = re.compile(r"[^\W\d_]{2,}\W+[^\W\d_]{2,}\W+[^\W\d_]{2,}|^\W*(?:source|note|©|\(c\))", re.IGNORECASE)
TOTAL = re.compile(r"(grand )?total|sum|summe|somme|suma|average|avg|mean|mittelwert|moyenne|min|max", re.IGNORECASE)
NUMERIC_SHARE = 0.5  # of a column's cells that are numbers, from which on the others are mistakes


@dataclass
class Table:
    """A file's rows; columns are text (String) or what Parquet says they are."""

    path: Path
    frame: polars.DataFrame
    dialect: Dialect | None = None  # None: Parquet
    rows: np.ndarray | None = None  # (N,) int64 which row of the file each row was; None: all, in order
    lines: list[str] = field(default_factory=list)  # what was detected, for the data line
    _line_numbers: np.ndarray | None = field(default=None, repr=False)

    def place(self, row: int) -> str:
        """`file:line` of a row, for sentences."""
        if self.rows is not None:
            row = int(self.rows[row])
        if self.dialect is None:
            return f"{self.path}, row {row + 1}"
        return f"{self.path}:{self._line_of(row)}"

    def _line_of(self, row: int) -> int:
        assert self.dialect is not None
        if self._line_numbers is None:
            if self.dialect.comment is None:
                return self.dialect.first_line + row
            text = self.path.read_bytes().decode(self.dialect.encoding, "replace")
            skipped = self.dialect.comment
            lines = enumerate(text.splitlines(), 1)
            numbers = [n for n, line in lines if n >= self.dialect.first_line and not line.startswith(skipped)]
            self._line_numbers = np.array(numbers)
        return int(self._line_numbers[row])

    def numbers(self, name: str, missing_key: bool = True) -> np.ndarray:
        """(N,) float64 of a column, NaN where a cell is missing.

        Raises:
            BadInput: a cell is neither a number nor missing; naming file, line and key.
        """
        column = self.frame[name]
        values, wrong = as_numbers(column, self.dialect)
        if wrong is not None:
            row = int(wrong)
            cell = str(column[row]).strip()
            advice = f"; datamodule.missing_values=[{cell}] takes it for missing" if not cell.isdigit() else ""
            raise BadInput(f"{self.place(row)}: '{cell}' in column '{name}' is no number{advice}")
        return values

    def is_numeric(self, name: str) -> bool:
        """Whether most cells of a column that are not missing are numbers."""
        column = self.frame[name]
        if column.dtype.is_numeric():
            return True
        if column.dtype != polars.String:
            return False
        cells = column.drop_nulls()
        if not len(cells):
            return False
        sample = cells if len(cells) <= 2000 else cells.gather_every(len(cells) // 1000)
        numbers = sum(bool(ANY_NUMBER.fullmatch(cell.strip())) or cell.strip().lower() in INFINITE for cell in sample)
        return numbers >= NUMERIC_SHARE * len(sample)

    def follows_from(self, name: str, other: str) -> bool:
        """Whether a column has one value beside each value of another one, as a code has beside a name."""
        for frame in (self.frame.head(1000), self.frame):  # a value of the series differs in the first rows
            if frame.select(other, name).n_unique() > frame[other].n_unique():
                return False
        return True

    def text(self, name: str) -> polars.Series:
        """A column as text as it stands in the file, such as an id `007`."""
        column = self.frame[name]
        if column.dtype == polars.String or self.dialect is None:
            return column.cast(polars.String)
        again = _frame(self.path, None, self.dialect, dict.fromkeys(self.dialect.names, polars.String), [name])[name]
        rows = self.rows if self.rows is not None else np.arange(len(column))
        return again[rows]


def as_numbers(column: polars.Series, dialect: Dialect | None) -> tuple[np.ndarray, int | None]:
    """(N,) float64 of a column, NaN where a cell is missing; and the first row that is no number, if any."""
    if column.dtype == polars.String:
        text = column.str.strip_chars()
        if dialect is not None:
            if dialect.thousands:
                text = text.str.replace_all(dialect.thousands, "", literal=True)
            if dialect.decimal == ",":
                text = text.str.replace_all(",", ".", literal=True)
        values = text.cast(polars.Float64, strict=False)
        wrong = values.is_null() & text.is_not_null() & (text != "")
        if wrong.any():
            marks = text.filter(wrong).unique()
            missing = MISSING if dialect is None else [mark.strip() for mark in dialect.missing]
            good = [cell for cell in marks.to_list() if MARK.fullmatch(cell) or cell in missing]
            wrong = wrong & ~text.is_in(good) if good else wrong
    elif column.dtype.is_numeric() or column.dtype == polars.Boolean:
        values = column.cast(polars.Float64)
        wrong = polars.Series([False]).new_from_index(0, len(column))
    else:
        return np.full(len(column), np.nan), 0
    wrong = wrong | values.is_infinite().fill_null(False)
    first = int(wrong.arg_true()[0]) if wrong.any() else None
    return values.fill_null(np.nan).to_numpy(), first


def read_table(path: Path, settings: dict) -> Table:
    """A CSV, TSV, Parquet or TSF file.

    Args:
        path: `.parquet` or a text table.
        settings: `separator`, `decimal`, `thousands`, `encoding`, `skip_rows`, `missing_values`; None: detected.

    Raises:
        BadInput: it cannot be read.
    """
    if path.suffix.lower() == ".parquet":
        with reading(path, "a table"):
            frame = polars.read_parquet(path)
        if not frame.width or not frame.height:
            raise BadInput(f"{path}: no rows; a row for each stamp is needed")
        return Table(path, frame)
    if path.suffix.lower() == ".tsf":
        return Table(path, read_tsf(path))
    with reading(path, "a table"), path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    for magic, kind in MAGIC.items():
        if head.startswith(magic):
            raise BadInput(f"{path}: {kind}")
    if not head.strip():
        raise BadInput(f"{path}: empty; a header and a row for each stamp are needed")
    encoding = detect_encoding(path, head, settings["encoding"])
    data: bytes | None = None
    if encoding not in ("utf-8", "utf-8-sig"):
        data, sample = _transcoded(path, encoding)
    else:
        sample = head.decode("utf-8", "replace")
        whole = len(head) < SAMPLE_BYTES
        sample = sample if whole else sample[: sample.rfind("\n") + 1]
        if "\n" not in sample and "\r" in sample:  # lines of an old Mac
            data, sample = _transcoded(path, encoding)
    asked = {key: settings[key] for key in ("separator", "decimal", "thousands", "skip_rows")}
    in_columns = asked["separator"] in (None, " ") and is_in_columns(sample)
    if in_columns:
        data, sample = _transcoded(path, encoding, in_columns)
        asked["separator"] = "\t"
    missing = tuple(str(mark) for mark in settings["missing_values"] or ())
    dialect, body = detect_dialect(path, sample, encoding, **asked, missing_values=missing)
    dialect = replace(dialect, in_columns=in_columns)
    types = {
        name: _sample_type([row[i] if i < len(row) else "" for row in body], dialect)
        for i, name in enumerate(dialect.names)
    }
    try:
        frame = _frame(path, data, dialect, types)
    except polars.exceptions.ComputeError as error:
        if "utf-8" in str(error):
            dialect = replace(dialect, encoding="cp1252")
            data, _ = _transcoded(path, "cp1252", in_columns)
        frame = _as_text(path, data, dialect)
    if not frame.height:
        raise BadInput(f"{path}: no rows; a header and a row for each stamp are needed")
    table = Table(path, frame, dialect, lines=dialect.summary())
    _drop_empty_rows(table)
    _drop_footer(table)
    _recheck_marks(table, settings)
    return table


def _transcoded(path: Path, encoding: str, in_columns: bool = False) -> tuple[bytes, str]:
    """A file's text as UTF-8 with plain line ends, and its first lines; `in_columns`: tabs in place of spaces."""
    raw = path.read_bytes()
    try:
        text = raw.decode(encoding)
    except UnicodeError as error:
        if encoding != "cp1252":
            raise BadInput(f"{path}: not {encoding} ({error}); datamodule.encoding names another") from None
        text = raw.decode("latin-1")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if in_columns:
        text = re.sub(r"(?<=\S)[ \t]+(?=\S)", "\t", re.sub(r"(?m)^[ \t]+|[ \t]+$", "", text))
    sample = text[:SAMPLE_BYTES]
    return text.encode(), sample if len(text) <= SAMPLE_BYTES else sample[: sample.rfind("\n") + 1]


def _sample_type(cells: list[str], dialect: Dialect) -> type[polars.DataType]:
    """Float64 where the first cells of a column are numbers that polars reads, else String."""
    if dialect.thousands:
        return polars.String
    mark = dialect.decimal
    present = [cell.strip() for cell in cells]
    present = [cell for cell in present if cell not in dialect.missing]
    numbers = all(PLAIN_NUMBER.fullmatch(cell.replace(mark, ".", 1) if mark == "," else cell) for cell in present)
    return polars.Float64 if present and numbers else polars.String


def _frame(
    path: Path, data: bytes | None, dialect: Dialect, types: dict, columns: list[str] | None = None
) -> polars.DataFrame:
    """The rows of a text table.

    Raises:
        BadInput: a row has more cells than the header.
    """
    if data is None and (dialect.in_columns or dialect.encoding not in ("utf-8", "utf-8-sig")):
        data, _ = _transcoded(path, dialect.encoding, dialect.in_columns)
    source = path if data is None else io.BytesIO(data)
    try:
        frame = polars.read_csv(
            source,
            has_header=False,
            skip_lines=dialect.first_line - 1,
            separator=dialect.separator,
            decimal_comma=dialect.decimal == "," and dialect.separator != ",",
            comment_prefix=dialect.comment,
            null_values=list(dialect.missing) if columns is None else None,
            schema=types,
            missing_columns="insert",
        )
    except polars.exceptions.SchemaError as error:
        raise _ragged(path, dialect, str(error)) from None
    return frame if columns is None else frame.select(columns)


def _as_text(path: Path, data: bytes | None, dialect: Dialect) -> polars.DataFrame:
    """All cells as text: what the first lines promised did not hold further down."""
    with reading(path, "a table"):
        try:
            return _frame(path, data, dialect, dict.fromkeys(dialect.names, polars.String))
        except polars.exceptions.ComputeError as error:
            raise _ragged(path, dialect, str(error)) from None


def _ragged(path: Path, dialect: Dialect, reason: str) -> BadInput:
    """The sentence about the first row with more cells than the header."""
    import csv

    width = len(dialect.names)
    with path.open(encoding=dialect.encoding, errors="replace", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter=dialect.separator), 1):
            if number >= dialect.first_line and len(row) > width:
                return BadInput(f"{path}:{number}: {len(row)} cells, the header has {width}; is one unquoted?")
    return BadInput(f"{path}: not a table that can be read ({reason.splitlines()[0]})")


def _drop_empty_rows(table: Table) -> None:
    """Blank lines are no rows."""
    frame = table.frame
    first = frame.to_series(0)
    if not first.null_count():
        return
    empty = frame.select(polars.all_horizontal(polars.all().is_null())).to_series()
    if empty.any():
        table.rows = (~empty).arg_true().to_numpy()
        table.frame = frame.filter(~empty)


def _drop_footer(table: Table) -> None:
    """Lines below the rows: a sentence such as a disclaimer, in one cell, or totals."""
    frame = table.frame
    if frame.width < 2:
        return
    height = frame.height
    while height > 1 and frame.height - height < FOOTER_LINES:
        cells = [cell for cell in frame.row(height - 1) if cell is not None and str(cell).strip()]
        is_sentence = len(cells) == 1 and SENTENCE.search(str(cells[0]))
        is_total = cells and TOTAL.fullmatch(str(cells[0]).strip()) and (frame.to_series(0) == cells[0]).sum() == 1
        if not is_sentence and not is_total:
            break
        height -= 1
    if height < frame.height:
        count = frame.height - height
        at = f"line {table.place(height).rpartition(':')[2]}"
        table.lines.append(f"{count} line{'s' * (count > 1)} below the rows left out, from {at}")
        rows = np.arange(frame.height) if table.rows is None else table.rows
        table.rows, table.frame = rows[:height], frame.head(height)


def _recheck_marks(table: Table, settings: dict) -> None:
    """Thousands marks that stand only below the first lines: found in the cells that are no plain numbers."""
    dialect = table.dialect
    assert dialect is not None
    marks: dict[str, int] = {}
    for name in table.frame.columns:
        if table.frame[name].dtype == polars.String and table.is_numeric(name):
            cells = table.frame[name].str.strip_chars()
            strange = cells.filter(cells.str.contains(r"^[^\w\s]{1,4}$").fill_null(False)).value_counts()
            for mark, count in strange.rows():
                marks[mark] = marks.get(mark, 0) + count
    if marks:
        table.lines.append(", ".join(f"{mark!r} taken for missing ({count:,} cells)" for mark, count in marks.items()))
    if dialect.thousands or settings["thousands"] is not None or settings["decimal"] is not None:
        return
    for name in table.frame.columns:
        column = table.frame[name]
        if column.dtype != polars.String:
            continue
        cells = column.drop_nulls()
        odd = cells.filter(~cells.str.contains(r"^\s*[+-]?\d*\.?\d*([eE][+-]?\d+)?\s*$"))
        if not len(odd) or len(odd) > len(cells) / 2:
            continue
        odd = odd.head(1000)
        numbers = [cell.strip() for cell in odd if ANY_NUMBER.fullmatch(cell.strip())]
        if len(numbers) == len(odd):
            decimal, thousands = number_marks([*numbers, "1"], dialect.separator)
            if thousands and decimal == dialect.decimal:
                table.dialect = replace(dialect, thousands=thousands)
                table.lines = [*table.dialect.summary(), *table.lines[len(dialect.summary()) :]]
                return
