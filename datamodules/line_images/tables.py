"""Tables of image paths (or images) and texts, of any format that `cells` reads; and tables that are written."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from datamodules.errors import BadInput
from datamodules.files.encoding import read_text
from datamodules.line_images.cells import ALIASES, COLUMNS, IMAGES, no_column, parsed_json, read_cells
from datamodules.line_images.folders import sibling_with_other_case
from datamodules.line_images.page_cutting import cut_line
from datamodules.line_images.page_lines import PageLine
from datamodules.line_images.records import (
    DEFAULTS,
    LineRecord,
    LineRecords,
    ReaderSettings,
    images_by_stem,
    nfc,
    suffix_of,
    unused_name,
)
from datamodules.text.official_splits import SPLIT_COLUMN, SPLIT_WORDS

SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet")


def read_table(path: Path, settings: ReaderSettings = DEFAULTS) -> LineRecords:
    """Every line of a table.

    Raises:
        BadInput: the table cannot be read, or a path in it leads out of its folder.
    """
    table = read_cells(path, settings)
    read = LineRecords(notes=[f"{path.name}: {note}" for note in table.notes])
    columns = _columns(path, table.header, settings, read)
    base = path.parent if settings.root is None else Path(settings.root).expanduser()
    images = images_by_stem(base) if table.by_stem else {}
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
        if name in images:
            name = images[name].relative_to(base).as_posix()
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
    if settings.split_column is None and any(record.split for record in read.records):
        _keep_known_splits(read, path)
    if backslashes:
        read.notes.append(f"{path.name}: \\ read as / in {backslashes:,} paths")
    return read.finish(path, "line in it")


def _keep_known_splits(read: LineRecords, path: Path) -> None:
    """What a column `split` says, where all of it is the name of a split and one is training's."""
    named = {record.split: SPLIT_WORDS.get((record.split or "").lower()) for record in read.records}
    known = None not in named.values() and "train" in named.values() and len(set(named.values())) > 1
    read.records = [replace(record, split=named[record.split] if known else None) for record in read.records]
    if known:
        read.notes.append(
            f"{path.name}: official splits from column '{SPLIT_COLUMN}' (datamodule.split_by=random: not)"
        )


def _add_marked(read: LineRecords, image: Path, id_: str, marked: str, where: str) -> None:
    """The texts of a whole page with their corners, as PPOCRLabel writes them: each is cut out of the page."""
    entries = parsed_json(marked, where)
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
        rows.append((name, record.text, record.split or ""))
    columns: tuple[str, ...] = (*COLUMNS, SPLIT_COLUMN)
    if not any(split for *_, split in rows):
        columns, rows = COLUMNS, [row[:2] for row in rows]  # type: ignore[misc]
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        import polars

        polars.DataFrame(rows, schema=list(columns), orient="row").write_parquet(path)
        return len(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        if suffix == ".jsonl":
            file.writelines(json.dumps(dict(zip(columns, row)), ensure_ascii=False) + "\n" for row in rows)
        elif suffix == ".csv":
            csv.writer(file, lineterminator="\n").writerows([columns, *rows])
        elif any('"' in cell or "\t" in cell or "\r" in cell for row in rows for cell in row):
            csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([columns, *rows])
        else:
            file.writelines("\t".join(row) + "\n" for row in [columns, *rows])
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
            raise no_column(path, name, header, f"datamodule.{kind}_column")
        if name != asked:
            read.notes.append(f"{path.name}: column '{name}' read as the {kind} (datamodule.{kind}_column)")
        positions.append(header.index(name))
    if settings.split_column is not None:
        if settings.split_column not in header:
            raise no_column(path, settings.split_column, header, "datamodule.split_column")
        positions.append(header.index(settings.split_column))
    elif SPLIT_COLUMN in header:
        positions.append(header.index(SPLIT_COLUMN))
    return positions


def _id(file: Path, folder: Path, root: str | None) -> str:
    """A file's path below the table's folder, or below `root`, as the id of its line."""
    bases = [folder] if root is None else [folder, Path(root).expanduser()]
    for base in map(os.path.abspath, bases):
        if os.path.commonpath([file, base]) == base:
            return nfc(os.path.relpath(file, base).replace(os.sep, "/"))
    raise AssertionError(file)


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
