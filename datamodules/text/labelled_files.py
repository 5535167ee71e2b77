"""Reading labelled texts: a folder of `<Label>.txt`, or one CSV, TSV or Parquet table."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.errors import BadInput, did_you_mean
from datamodules.files.tables import reading

TABLE_FORMATS = {".csv": ",", ".tsv": "\t", ".parquet": None}


@dataclass
class LabelledTexts:
    """Columns of equal length: the texts as read, their labels, and where each stands (`file:line`)."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    blank: int = 0  # lines without text, which were left out

    def add(self, text: str, label: str, place: str) -> None:
        if text.strip():
            self.texts.append(text)
            self.labels.append(label)
            self.places.append(place)
        else:
            self.blank += 1

    def __len__(self) -> int:
        return len(self.texts)


def read_labelled(path: Path, text_column: str, label_column: str, encoding: str = "utf-8") -> LabelledTexts:
    """Everything that a folder of `<Label>.txt` or a table holds, in the order of file names and lines.

    Raises:
        BadInput: the path, a file, a line or a column cannot be used; the sentence names it.
    """
    check_encoding(encoding)
    if path.is_dir():
        read = _read_folder(path, encoding)
    elif not path.exists():
        raise BadInput(f"datamodule.data_dir={path}: there is no such file or folder")
    elif path.suffix.lower() == ".parquet":
        read = _read_parquet(path, text_column, label_column)
    elif path.suffix.lower() in TABLE_FORMATS:
        read = _read_table(path, text_column, label_column, encoding)
    else:
        formats = ", ".join(TABLE_FORMATS)
        raise BadInput(f"datamodule.data_dir={path}: neither a folder of <Label>.txt nor a table ({formats})")
    if not len(read):
        raise BadInput(f"datamodule.data_dir={path}: no labelled text in it")
    return read


def check_encoding(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise BadInput(f"datamodule.encoding={encoding}: no such encoding (utf-8, latin-1, cp1252, ...)") from None


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """A file's text without byte-order mark, with `\\n` line ends.

    Raises:
        BadInput: bytes that are not of this encoding, with their line.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        byte = raw[error.start]
        raise BadInput(
            f"{path} line {line}: byte 0x{byte:02x} is not {encoding}; name the file's encoding,"
            " for example datamodule.encoding=latin-1"
        ) from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _read_folder(folder: Path, encoding: str) -> LabelledTexts:
    files = sorted(p for p in folder.iterdir() if p.suffix == ".txt" and p.is_file())
    if not files:
        tables = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in TABLE_FORMATS)
        hint = f"; it holds {tables[0]}: give that file's path" if tables else ""
        raise BadInput(f"datamodule.data_dir={folder}: no <Label>.txt in this folder{hint}")
    read = LabelledTexts()
    for file in files:
        before = len(read)
        for number, line in enumerate(read_text(file, encoding).removesuffix("\n").split("\n"), 1):
            read.add(line, file.stem, f"{file.name}:{number}")
        if len(read) == before:
            raise BadInput(f"{file}: empty; a label's file holds one text a line")
    return read


def _read_table(path: Path, text_column: str, label_column: str, encoding: str) -> LabelledTexts:
    read = LabelledTexts()
    for line, row in table_rows(path, [text_column, label_column], encoding):
        text, label = row
        if not label.strip():
            raise BadInput(f"{path} line {line}: no label in column '{label_column}'")
        read.add(text, label.strip(), f"{path.name}:{line}")
    return read


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


def _read_parquet(path: Path, text_column: str, label_column: str) -> LabelledTexts:
    read = LabelledTexts()
    texts, labels = parquet_columns(path, [text_column, label_column])
    for number, (text, label) in enumerate(zip(texts, labels), 1):
        if label is None or not label.strip():
            raise BadInput(f"{path} row {number}: no label in column '{label_column}'")
        read.add(text or "", label.strip(), f"{path.name}:{number}")
    return read


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
