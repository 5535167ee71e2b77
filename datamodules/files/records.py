"""Tables of text cells from one file: CSV and its kin, Parquet, Arrow, JSON lines or a JSON array.

table = read_table(Path("reviews.csv"), TableFormat())
table.columns   # ["text", "label"], or None where the file names none
table.rows      # cells of each row
table.places    # "reviews.csv:2", ...
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datamodules.errors import BadInput, did_you_mean
from datamodules.files.delimited import read_delimited
from datamodules.files.encoding import read_text, without_compression
from datamodules.files.foreign import HEAD, refuse_foreign
from datamodules.files.tables import reading

DELIMITED_SUFFIXES = (".csv", ".tsv", ".tab")
JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
COLUMNAR_SUFFIXES = (".parquet", ".arrow", ".feather")
TABLE_SUFFIXES = (*DELIMITED_SUFFIXES, *JSON_SUFFIXES, *COLUMNAR_SUFFIXES)


class MissingColumn(BadInput):
    """A table has no column of the name that a key gives."""

    def __init__(self, message: str, key: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True)
class TableFormat:
    """Settings for reading a delimited file; None: detected."""

    encoding: str | None = None
    separator: str | None = None
    quoted: bool | None = None
    header: bool | None = None


@dataclass
class Table:
    """N rows of text cells, and where each stands (`file:line`)."""

    path: Path
    columns: list[str] | None  # None where the file has no names for them
    rows: list[list[str]]
    places: list[str]
    notes: list[str] = field(default_factory=list)  # about how it was read
    nested: dict[int, str] = field(default_factory=dict)  # columns with lists or objects -> place of the first

    @property
    def width(self) -> int:
        return len(self.columns) if self.columns is not None else max(map(len, self.rows), default=0)

    def cells(self, position: int) -> list[str]:
        """The cells of a column."""
        return [row[position] for row in self.rows]

    def position(self, column: str, key: str) -> int:
        """Index of a column that is given by name or by number (from 1).

        Raises:
            BadInput: there is none; the sentence names `key`, the configuration key that it came from.
        """
        if self.columns is not None and column in self.columns:
            return self.columns.index(column)
        if column.isdecimal():
            if 1 <= int(column) <= self.width:
                return int(column) - 1
            raise BadInput(f"datamodule.{key}={column}: {self.path} has {self.width} columns (they count from 1)")
        if self.columns is None:
            raise BadInput(
                f"datamodule.{key}={column}: {self.path} has no header, so columns are numbers:"
                f" datamodule.{key}=1 is the first{self.preview()}"
            )
        raise MissingColumn(
            f"datamodule.{key}={column}: {self.path} has no column '{column}'{did_you_mean(column, self.columns)};"
            f" it has {', '.join(self.columns)}",
            key,
        )

    def refuse_nested(self, position: int, key: str) -> None:
        """Raises: BadInput: a column that `key` names holds lists or objects where texts belong."""
        if position in self.nested:
            name = self.columns[position] if self.columns is not None else position + 1
            raise BadInput(
                f"{self.path.parent / self.nested[position]}: column '{name}' holds a list or an object, not one text;"
                f" datamodule.{key} names a column of texts"
            )

    def preview(self) -> str:
        """The first row, for sentences."""
        if not self.rows:
            return ""
        shown = ", ".join(
            f"{number}: '{cell[:30]}{'...' if len(cell) > 30 else ''}'" for number, cell in enumerate(self.rows[0], 1)
        )
        return f" (first row: {shown})"


def read_table(path: Path, form: TableFormat, names: Sequence[str] = ()) -> Table:
    """Every row of a file as text; its suffix decides its format, `.gz`, `.bz2` and `.xz` aside.

    Args:
        path: the file.
        form: of a delimited one.
        names: column names that are expected.

    Raises:
        BadInput: it cannot be read, or a row has more or fewer cells than the others.
    """
    suffix = Path(without_compression(path.name)).suffix.lower()
    if suffix in COLUMNAR_SUFFIXES:
        return _read_columnar(path, suffix)
    if suffix in JSON_SUFFIXES:
        return _read_json(path, form.encoding, lines=suffix != ".json")
    return _read_delimited(path, form, names)


def _read_delimited(path: Path, form: TableFormat, names: Sequence[str]) -> Table:
    is_table = Path(without_compression(path.name)).suffix.lower() in DELIMITED_SUFFIXES
    read = read_delimited(
        path,
        encoding=form.encoding,
        separator=form.separator,
        quoted=form.quoted,
        header=form.header,
        names=names,
        undecided=is_table,  # lines of a .txt have no header
    )
    width = read.width
    for line, row in zip(read.lines, read.rows):
        extra = row[width:]
        if len(row) < width or any(cell.strip() for cell in extra):
            expected = "the header has" if read.header is not None else "most rows have"
            raise BadInput(
                f"{path} line {line}: {len(row)} cells where {expected} {width} ({read.dialect.describe()});"
                ' a cell that holds the separator stands in quotation marks: "..."'
            )
    notes = [f"{path.name}: {read.dialect.describe()}"] if not read.dialect.is_plain(path) else []
    kept = [i for i in range(width) if (read.header or [""] * width)[i] or any(row[i].strip() for row in read.rows)]
    if len(kept) < width:
        notes.append(f"{path.name}: {width - len(kept)} columns without name and cells left out")
    header = None if read.header is None else [read.header[i] for i in kept]
    rows = [[row[i] for i in kept] for row in read.rows]
    return Table(path, header, rows, [f"{path.name}:{line}" for line in read.lines], notes)


def _read_columnar(path: Path, suffix: str) -> Table:
    """Parquet, or Arrow (of Hugging Face's `save_to_disk`, Feather)."""
    import polars

    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head.startswith((b"PAR1", b"ARROW1")):
        refuse_foreign(head, path)
    with reading(path, "a Parquet file" if suffix == ".parquet" else "an Arrow file"):
        if suffix == ".parquet":
            frame = polars.read_parquet(path)
        else:
            frame = polars.read_ipc(path) if head.startswith(b"ARROW1") else polars.read_ipc_stream(path)
        frame = frame.with_columns(polars.selectors.float().fill_nan(None))
        columns = {name: frame[name] for name in frame.columns}
        plain = [name for name in columns if not columns[name].dtype.is_nested()]
        cells = [
            columns[name].cast(polars.String, strict=False) if name in plain else columns[name] for name in columns
        ]
        rows = list(zip(*(column.to_list() for column in cells)))
    if len(plain) < len(columns):
        return _table_of_objects(path, [(number, dict(zip(columns, row))) for number, row in enumerate(rows, 1)])
    places = [f"{path.name}:{number}" for number in range(1, len(rows) + 1)]
    return Table(path, list(columns), [[cell or "" for cell in row] for row in rows], places)


def _read_json(path: Path, encoding: str | None, lines: bool) -> Table:
    text = read_text(path, encoding)
    numbered = list(enumerate(text.split("\n"), 1)) if lines else []
    objects: list[tuple[int, Any]] = []
    try:
        if lines:
            for number, line in numbered:
                if line.strip():
                    objects.append((number, json.loads(line)))
        else:
            objects = list(enumerate(_only_list(json.loads(text), path), 1))
    except json.JSONDecodeError as error:
        if not lines and error.msg == "Extra data":  # one object a line under the name .json
            return _read_json(path, encoding, lines=True)
        place = number if lines else error.lineno
        raise BadInput(f"{path} line {place}: no JSON ({error.msg})") from None
    if objects and all(isinstance(entry, list) and len(entry) > 1 for _, entry in objects):  # [["text", "label"], ...]
        objects = [(number, {str(i): cell for i, cell in enumerate(entry, 1)}) for number, entry in objects]
    return _table_of_objects(path, objects)


def _only_list(loaded: Any, path: Path) -> list[Any]:
    """The entries of a JSON file: an array, or the only one in its object, at any depth (`{"data": [...]}`)."""
    while isinstance(loaded, dict):
        lists = {name: value for name, value in loaded.items() if isinstance(value, list) and value}
        if len(lists) > 1:
            raise BadInput(
                f"{path}: an object of several lists ({', '.join(lists)}); one list a file is accepted, and a folder of"
                " train.json, val.json and test.json as official splits"
            )
        inner = [value for value in loaded.values() if isinstance(value, dict)]
        loaded = next(iter(lists.values())) if lists else inner[0] if len(inner) == 1 else None
    if not isinstance(loaded, list):
        raise BadInput(f"{path}: a JSON array of objects is accepted, or one object a line in a .jsonl file")
    return loaded


def _table_of_objects(path: Path, objects: list[tuple[int, Any]]) -> Table:
    """A row for each (number, object), a column for each key."""
    columns: dict[str, None] = {}
    for number, entry in objects:
        if not isinstance(entry, dict):
            raise BadInput(f"{path} entry {number}: a JSON object with keys is accepted, not {type(entry).__name__}")
        columns.update(dict.fromkeys(entry))
        if isinstance(entry.get("cats"), dict):  # spaCy's: {"sports": 1.0, "politics": 0.0}
            entry["cats"] = [name for name, value in entry["cats"].items() if value]
    objects, columns = _flattened(objects, columns)
    table = Table(path, list(columns), [], [f"{path.name}:{number}" for number, _ in objects])
    for (_, entry), place in zip(objects, table.places):
        values = [_without_brackets(entry.get(name)) for name in columns]
        table.rows.append([_cell(value) for value in values])
        for position, value in enumerate(values):
            if isinstance(value, (dict, list)):
                table.nested.setdefault(position, place)
    return table


def _flattened(
    objects: list[tuple[int, Any]], columns: dict[str, None]
) -> tuple[list[tuple[int, Any]], dict[str, None]]:
    """Objects in a column as columns of their own, by the inner names: `{"translation": {"en": ..., "fr": ...}}`."""
    flat = dict(columns)
    for name in columns:
        if not isinstance(next((e[name] for _, e in objects if e.get(name) is not None), None), dict):
            continue
        values = [entry[name] for _, entry in objects if entry.get(name) is not None]
        inner = dict.fromkeys(key for value in values if isinstance(value, dict) for key in value)
        if inner and all(isinstance(value, dict) for value in values) and not set(inner) & set(flat):
            objects = [(number, {**entry, **(entry.get(name) or {})}) for number, entry in objects]
            flat = {key: None for old in flat for key in (inner if old == name else [old])}
    return objects, flat


def _without_brackets(value: Any) -> Any:
    """The only entry of a list, None for an empty one."""
    return (value[0] if value else None) if isinstance(value, list) and len(value) < 2 else value


def _cell(value: Any) -> str:
    if value is None or value != value:  # NaN is what pandas writes for a missing cell
        return ""
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list)) else str(value)
