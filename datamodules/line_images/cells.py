"""Cells of tables, of whatever format: CSV, TSV, `path<TAB>text` without a header, JSON, JSON lines, Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datamodules.errors import BadInput, did_you_mean
from datamodules.files.encoding import read_text
from datamodules.files.tables import reading
from datamodules.line_images.records import ReaderSettings, is_image
from datamodules.text.official_splits import SPLIT_COLUMN

COLUMNS = ("path", "text")  # of a written table, and of one without a header
PYLAIA_SPACE = "<space>"  # in PyLaia's tables, where symbols are separated by spaces
IMAGES = "images"  # the folder that a written table's images are put into

#: What other programs call the two columns, where `path_column` and `text_column` are not in the table.
ALIASES = {
    "path": ("file_name", "filename", "image", "image_path", "img", "img_path", "file"),
    "text": ("words", "label", "transcription", "ground_truth", "sentence", "transcript", "word"),
}

csv.field_size_limit(1 << 30)


@dataclass(frozen=True)
class Table:
    """Cells by row, and notes about how they were read.

    Args:
        header: names of the columns; None where the first row is a line already.
        rows: place (`line 3`) and cells.
        notes: how the table was read, where that is not plain.
        by_stem: whether images are named without folder and suffix.
    """

    header: list[str] | None
    rows: Iterable[tuple[str, list[Any]]]
    notes: tuple[str, ...] = ()
    by_stem: bool = False


def read_cells(path: Path, settings: ReaderSettings) -> Table:
    """The cells of a table; its suffix decides the format.

    Raises:
        BadInput: the file cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path, settings)
    if suffix == ".jsonl":
        return _json_lines(path, settings)
    return _json(path, settings) if suffix == ".json" else _delimited(path, settings)


def no_column(path: Path, name: str, header: Sequence[str], key: str) -> BadInput:
    """The error about a column that a table lacks."""
    shown = ", ".join(repr(column)[1:-1][:40] for column in header[:12])
    return BadInput(f"{path}: no column '{name}'{did_you_mean(name, header)}; it has {shown} ({key} names another)")


# ---------------------------------------------------------------- text formats


def _delimited(path: Path, settings: ReaderSettings) -> Table:
    """CSV, TSV, or lines of `path<TAB>text`, with or without a header, quoted or not."""
    text = read_text(path, settings.encoding)
    first = text.partition("\n")[0]
    if not text.strip():
        raise BadInput(f"datamodule.data_dir={path}: no line in it; lines of a path and a text are accepted")
    notes: list[str] = []
    spaced = re.match(r'\S+, "', first)  # ICDAR: word_1.png, "Tiredness"
    if path.suffix.lower() == ".csv" or ("\t" not in first and spaced):
        delimiter = ";" if ";" in first and "," not in first else ","
    else:
        delimiter = "\t"
    if delimiter not in first:
        separated = _separated_by_spaces(text) if delimiter == "\t" else None
        if separated is not None:
            return separated
        raise BadInput(
            f"{path} line 1: no {'tab' if delimiter == chr(9) else 'comma'} in it; a path and a text are accepted"
        )
    if delimiter == "," and re.fullmatch(r"(filename|path|file_name|image),(words|text|label)\s*", first):
        two_cells = _unquoted_commas(path, text)
        if two_cells is not None:
            return Table(
                first.strip().split(","),
                two_cells,
                ("commas inside texts without quotation marks, read as part of the text",),
            )
    if delimiter != "\t":
        rows = _csv_rows(path, text, delimiter, quotes=True, spaced=bool(spaced))
    else:
        plain = _csv_rows(path, text, delimiter, quotes=False)
        quoted = _is_quoted(plain)
        rows = _csv_rows(path, text, delimiter, quotes=True) if quoted else plain
        if quoted and rows[0][1] != [f'"{name}"' for name in COLUMNS]:
            notes.append("quotation marks around cells read as CSV has them")
    cells = rows[0][1]
    known = {settings.path_column, settings.text_column, *ALIASES["path"], *ALIASES["text"]}
    is_header = not is_image(cells[0].strip().replace("\\", "/")) and bool(known.intersection(c.strip() for c in cells))
    if not is_header and not is_image(cells[0].strip()):
        required = [settings.path_column, settings.text_column]
        raise no_column(path, next(name for name in required if name not in cells), cells, "datamodule.path_column")
    header = [cell.strip() for cell in cells] if is_header else None
    if header is None:
        notes.append("no header line: path and text, by position")
    width = len(header) if header else 2
    for place, row in rows:
        if len(row) != width:
            raise BadInput(f"{path} {place}: {len(row)} cells where {width} are expected")
    return Table(header, rows[1:] if header else rows, tuple(notes))


def _separated_by_spaces(text: str) -> Table | None:
    """`0.jpg the text`, or PyLaia's `page-01 t h e <space> t e x t`; None for other lines."""
    lines = [(f"line {number}", line.split()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if any(len(words) < 2 for _, words in lines):
        return None
    if all(is_image(words[0].replace("\\", "/")) for _, words in lines):
        rows = [(place, [words[0], " ".join(words[1:])]) for place, words in lines]
        return Table(None, rows, ("no header line: path and text, separated by a space",))
    symbols = [symbol for _, words in lines for symbol in words[1:]]
    if PYLAIA_SPACE not in symbols or sum(len(s) == 1 or s == PYLAIA_SPACE for s in symbols) < 0.95 * len(symbols):
        return None
    joined = ["".join(" " if symbol == PYLAIA_SPACE else symbol for symbol in words[1:]) for _, words in lines]
    rows = [(place, [words[0], one]) for (place, words), one in zip(lines, joined)]
    return Table(None, rows, ("symbols separated by spaces, as PyLaia has them",), by_stem=True)


def _csv_rows(path: Path, text: str, delimiter: str, quotes: bool, spaced: bool = False) -> list[tuple[str, list[str]]]:
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        skipinitialspace=spaced,
    )
    try:
        return [(f"line {reader.line_num}", row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadInput(f"{path} line {reader.line_num}: {error}") from None


def _is_quoted(rows: list[tuple[str, list[str]]]) -> bool:
    """Whether every cell with a quotation mark is one that CSV would quote, and one of them is surely."""
    if rows and all(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in rows[0][1]):
        return True
    sure = False
    for _, row in rows:
        for cell in row:
            if '"' not in cell:
                continue
            inner = cell[1:-1]
            if len(cell) < 2 or cell[0] != '"' or cell[-1] != '"' or '"' in inner.replace('""', ""):
                return False
            sure = sure or '""' in inner
    return sure


def _unquoted_commas(path: Path, text: str) -> list[tuple[str, list[str]]] | None:
    """Rows cut at the first comma, where the texts have bare commas (EasyOCR's labels.csv); None for proper CSV."""
    lines = text.split("\n")
    if '"' in text or not any(line.count(",") > 1 for line in lines):
        return None
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            name, comma, words = line.partition(",")
            if not comma:
                raise BadInput(f"{path} line {number}: no comma in it; a file name and words are accepted")
            rows.append((f"line {number}", [name, words]))
    return rows


def _json_lines(path: Path, settings: ReaderSettings) -> Table:
    """One object a line."""
    objects = []
    for number, line in enumerate(read_text(path, settings.encoding).split("\n"), 1):
        if line.strip():
            objects.append((f"line {number}", _object(line, f"{path} line {number}")))
    return _of_objects(path, objects)


def _json(path: Path, settings: ReaderSettings) -> Table:
    """An object of file names and texts (docTR), or a list of objects, or such a list as MMOCR wraps it."""
    found = parsed_json(read_text(path, settings.encoding), str(path))
    if isinstance(found, dict) and isinstance(found.get("data_list"), list):
        found = [_of_mmocr(entry) for entry in found["data_list"]]
    if isinstance(found, list):
        return _of_objects(path, [(f"entry {n}", _checked(o, f"{path} entry {n}")) for n, o in enumerate(found, 1)])
    if not isinstance(found, dict) or not found:
        raise BadInput(f"{path}: neither an object of file names and texts nor a list of objects")
    folder = path.parent / IMAGES
    rows = []
    for number, (name, text) in enumerate(found.items(), 1):
        if not isinstance(text, str):
            raise BadInput(
                f"{path} entry {number} ({name[:40]}): no text but {type(text).__name__}; a text is accepted"
            )
        inside = f"{IMAGES}/{name}" if not (path.parent / name).is_file() and (folder / name).is_file() else name
        rows.append((f"entry {number}", [inside, text]))
    return Table(None, rows)


def _of_mmocr(entry: Any) -> Any:
    """`{img_path, instances: [{text}]}` of one line as an object with its text; anything else as it is."""
    instances = entry.get("instances") if isinstance(entry, dict) else None
    if isinstance(instances, list) and len(instances) == 1 and isinstance(instances[0], dict):
        return {**instances[0], **entry}
    return entry


def _of_objects(path: Path, objects: list[tuple[str, dict[str, Any]]]) -> Table:
    if not objects:
        raise BadInput(f"{path}: empty; objects with a path and a text are accepted")
    header = list(dict.fromkeys(name for _, found in objects for name in found))
    return Table(header, [(place, [found.get(name) for name in header]) for place, found in objects])


def _object(line: str, where: str) -> dict[str, Any]:
    return _checked(parsed_json(line, where), where)


def _checked(found: Any, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise BadInput(f"{where}: no object; one with a path and a text is accepted")
    return found


def parsed_json(text: str, where: str) -> Any:
    """Raises: BadInput: the text is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where}: not JSON ({str(error)[:80]})") from None


# ---------------------------------------------------------------- Parquet


def _parquet(path: Path, settings: ReaderSettings) -> Table:
    """Columns of paths, of bytes, or of `{bytes, path}` as Hugging Face's data sets have them."""
    import polars

    with reading(path, "a Parquet file"):
        header = list(polars.read_parquet_schema(path))
        asked = {settings.path_column, settings.text_column, settings.split_column, *ALIASES["path"], *ALIASES["text"]}
        asked.add(SPLIT_COLUMN)
        selected = [name for name in header if name in asked]
        table = polars.read_parquet(path, columns=selected) if selected else polars.DataFrame()
        rows = [(f"row {number}", list(row)) for number, row in enumerate(table.iter_rows(), 1)]
    return Table(selected if selected else header, rows)
