"""Tables of image paths (or images) and texts: CSV, TSV, JSON, Parquet, and `path<TAB>text` without a header."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from datamodules.errors import BadInput, did_you_mean
from datamodules.files.encoding import read_text
from datamodules.files.tables import reading
from datamodules.line_images.folders import sibling_with_other_case
from datamodules.line_images.page_files import PageLine, cut_line
from datamodules.line_images.records import (
    DEFAULTS,
    LineRecord,
    LineRecords,
    ReaderSettings,
    is_image,
    nfc,
    suffix_of,
    unused_name,
)

SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet")
COLUMNS = ("path", "text")  # of a written table, and of one without a header
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
    """

    header: list[str] | None
    rows: Iterable[tuple[str, list[Any]]]
    notes: tuple[str, ...] = ()


def read_table(path: Path, settings: ReaderSettings = DEFAULTS) -> LineRecords:
    """Every line of a table.

    Raises:
        BadInput: the table cannot be read, or a path in it leads out of its folder.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        table = _parquet(path, settings)
    elif suffix == ".jsonl":
        table = _json_lines(path, settings)
    elif suffix == ".json":
        table = _json(path, settings)
    else:
        table = _delimited(path, settings)
    read = LineRecords(notes=[f"{path.name}: {note}" for note in table.notes])
    columns = _columns(path, table.header, settings, read)
    backslashes = 0
    for place, cells in table.rows:
        where = f"{path} {place}"
        image, text, *split = (cells[i] for i in columns)
        label = "" if not split or split[0] is None else str(split[0]).strip()
        text = "" if text is None else text if isinstance(text, str) else str(text)
        if isinstance(image, (bytes, dict)):
            encoded, name = _embedded(image, path, place)
            if encoded is not None:
                read.add(LineRecord(name, text, partial(bytes, encoded), where, label or None))
                continue
            image = name
        if not isinstance(image, str) or not image.strip():
            read.left_out[f"{path.name} {place}"] = "no image path"
            continue
        name = image.strip()
        file = resolved(name, path.parent, settings.root, where)
        if "\\" in name and not file.is_file():
            other = resolved(name.replace("\\", "/"), path.parent, settings.root, where)
            if other.is_file():
                file, name, backslashes = other, name.replace("\\", "/"), backslashes + 1
        if not file.is_file():
            read.left_out[name] = f"no such image{sibling_with_other_case(file)}"
        elif text.startswith('[{"transcription"'):
            _add_marked(read, file, _id(file, path.parent, settings.root), text, where)
        else:
            read.add(LineRecord(_id(file, path.parent, settings.root), text, file.read_bytes, where, label or None))
    if backslashes:
        read.notes.append(f"{path.name}: \\ read as / in {backslashes:,} paths")
    return read.finish(path, "line in it")


def _add_marked(read: LineRecords, image: Path, id_: str, marked: str, where: str) -> None:
    """The texts of a whole page with their corners, as PPOCRLabel writes them: each is cut out of the page."""
    entries = _parsed(marked, where)
    for number, entry in enumerate(entries if isinstance(entries, list) else [], 1):
        name = f"{os.path.splitext(id_)[0]}/{number:04d}"
        try:
            corners = [(float(x), float(y)) for x, y in entry["points"]]
            text = str(entry["transcription"])
        except (TypeError, KeyError, ValueError):
            read.left_out[name] = "no transcription with points"
            continue
        if text.strip() == "###":
            read.left_out[name] = "marked as illegible (###)"
            continue
        line = PageLine(str(number), text, corners, corners[3:1:-1] if len(corners) == 4 else [])
        read.add(LineRecord(name, text, partial(cut_line, image, line, (0, 0)), f"{where} entry {number}"))


def resolved(name: str, folder: Path, root: str | None, where: str) -> Path:
    """The file that a table's path means: below the table's folder, or below `root` where that is given.

    Raises:
        BadInput: it lies elsewhere, by `..`, as an absolute path or through a link.
    """
    places = [folder] if root is None else [folder, Path(root).expanduser()]
    allowed = [os.path.realpath(place) for place in places]
    found = None
    if "\0" in name:
        raise BadInput(f"{where}: {name!r} is no path")
    for place in places:
        file = Path(os.path.abspath(place / name))
        real = os.path.realpath(file)
        if any(os.path.commonpath([real, base]) == base for base in allowed):
            found = found or file
            if file.is_file():
                return file
    if found is None:
        likely = os.path.dirname(os.path.realpath(folder / name))
        raise BadInput(
            f"{where}: {name!r} leads out of {folder}; datamodule.root=FOLDER accepts paths below that folder"
            f" (here datamodule.root={likely})"
        )
    return found


def write_table(lines: Iterable[LineRecord], path: Path) -> int:
    """Write a table, and the images that it names into a folder beside it; how many."""
    rows, used = [], set[str]()
    for record in lines:
        encoded = record.read()
        name = f"{IMAGES}/{unused_name(record.id, encoded, used)}"
        image = path.parent / name
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(encoded)
        rows.append((name, record.text))
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        import polars

        polars.DataFrame(rows, schema=list(COLUMNS), orient="row").write_parquet(path)
        return len(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        if suffix == ".jsonl":
            file.writelines(json.dumps(dict(zip(COLUMNS, row)), ensure_ascii=False) + "\n" for row in rows)
        elif suffix == ".csv":
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
        elif any('"' in cell or "\t" in cell or "\r" in cell for row in rows for cell in row):
            csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([COLUMNS, *rows])
        else:
            file.writelines("\t".join(row) + "\n" for row in [COLUMNS, *rows])
    return len(rows)


# ---------------------------------------------------------------- columns


def _columns(path: Path, header: list[str] | None, settings: ReaderSettings, read: LineRecords) -> list[int]:
    """Positions of path, text and, where asked for, split."""
    if header is None:
        if settings.split_column is not None:
            raise BadInput(f"{path}: no header line, so no column '{settings.split_column}' (datamodule.split_column)")
        return [0, 1]
    positions = []
    for kind, asked in (("path", settings.path_column), ("text", settings.text_column)):
        name = asked
        if asked not in header and asked == kind:
            name = next((alias for alias in ALIASES[kind] if alias in header), asked)
        if name not in header:
            raise _no_column(path, name, header, f"datamodule.{kind}_column")
        if name != asked:
            read.notes.append(f"{path.name}: column '{name}' read as the {kind} (datamodule.{kind}_column)")
        positions.append(header.index(name))
    if settings.split_column is not None:
        if settings.split_column not in header:
            raise _no_column(path, settings.split_column, header, "datamodule.split_column")
        positions.append(header.index(settings.split_column))
    return positions


def _no_column(path: Path, name: str, header: Sequence[str], key: str) -> BadInput:
    shown = ", ".join(repr(column)[1:-1][:40] for column in header[:12])
    return BadInput(f"{path}: no column '{name}'{did_you_mean(name, header)}; it has {shown} ({key} names another)")


def _id(file: Path, folder: Path, root: str | None) -> str:
    """A file's path below the table's folder, or below `root`, as the id of its line."""
    bases = [folder] if root is None else [folder, Path(root).expanduser()]
    for base in map(os.path.abspath, bases):
        if os.path.commonpath([file, base]) == base:
            return nfc(os.path.relpath(file, base).replace(os.sep, "/"))
    raise AssertionError(file)


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
        raise _no_column(path, next(name for name in required if name not in cells), cells, "datamodule.path_column")
    header = [cell.strip() for cell in cells] if is_header else None
    if header is None:
        notes.append("no header line: path and text, by position")
    width = len(header) if header else 2
    for place, row in rows:
        if len(row) != width:
            raise BadInput(f"{path} {place}: {len(row)} cells where {width} are expected")
    return Table(header, rows[1:] if header else rows, tuple(notes))


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
    """An object of file names and texts (docTR), or a list of objects."""
    found = _parsed(read_text(path, settings.encoding), str(path))
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


def _of_objects(path: Path, objects: list[tuple[str, dict[str, Any]]]) -> Table:
    if not objects:
        raise BadInput(f"{path}: empty; objects with a path and a text are accepted")
    header = list(dict.fromkeys(name for _, found in objects for name in found))
    return Table(header, [(place, [found.get(name) for name in header]) for place, found in objects])


def _object(line: str, where: str) -> dict[str, Any]:
    return _checked(_parsed(line, where), where)


def _checked(found: Any, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise BadInput(f"{where}: no object; one with a path and a text is accepted")
    return found


def _parsed(text: str, where: str) -> Any:
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
        selected = [name for name in header if name in asked]
        table = polars.read_parquet(path, columns=selected) if selected else polars.DataFrame()
        rows = [(f"row {number}", list(row)) for number, row in enumerate(table.iter_rows(), 1)]
    return Table(selected if selected else header, rows)


def _embedded(image: bytes | dict[str, Any], path: Path, place: str) -> tuple[bytes | None, str]:
    """The bytes of an image that a cell holds, and the name of its line: `file.parquet/row 7`."""
    number = place.rpartition(" ")[2]
    if isinstance(image, bytes):
        encoded, embedded_name = image, None
    else:
        encoded, embedded_name = image.get("bytes"), image.get("path")  # type: ignore[assignment]
    name = embedded_name if isinstance(embedded_name, str) else None
    if not isinstance(encoded, bytes):
        return None, name or ""
    file_name = os.path.basename(name.replace("\\", "/")) if name else suffix_of(encoded)
    return encoded, nfc(f"{path.stem}/{int(number):06d}{'_' if name else ''}{file_name}")


def is_table(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def rows_of_file(path: Path) -> Iterator[str]:
    """Names in a list of files: the first cell of each line."""
    for line in read_text(path).split("\n"):
        name = re.split(r"\t|\s+(?=\d+$)", line.strip(), maxsplit=1)[0].strip()
        if name and not name.startswith("#"):
            yield name
