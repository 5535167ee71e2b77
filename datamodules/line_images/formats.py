"""The forms of ground truth, and which one a path is.

A form more is one function `(path, ReaderSettings) -> LineRecords` and one line of `read_lines`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from datamodules.errors import BadInput
from datamodules.files.listing import files_below
from datamodules.line_images.databases import is_database, read_database, write_database
from datamodules.line_images.folders import read_folder, write_folder
from datamodules.line_images.iam import is_iam, read_iam
from datamodules.line_images.page_files import is_page_file, page_files_below, read_page_files
from datamodules.line_images.page_writing import write_pages
from datamodules.line_images.records import DEFAULTS, LineRecord, LineRecords, ReaderSettings
from datamodules.line_images.tables import is_table, read_table, write_table
from datamodules.text.official_splits import described, split_of_name

ACCEPTED = (
    "a folder of x.png and x.gt.txt, a table of paths and texts (.csv, .tsv, .txt, .jsonl, .json, .parquet), PAGE XML"
    " or ALTO files with their images, IAM's lines.txt, or an LMDB"
)

#: Tables that say what a folder's images say, by the names that programs give them; the first one found is read.
KNOWN_TABLES = (
    "metadata.csv",
    "metadata.jsonl",
    "metadata.parquet",
    "labels.json",
    "labels.csv",
    "labels.txt",
    "gt.txt",
    "rec_gt.txt",
    "lines.txt",
    "ascii/lines.txt",
)
PYLAIA_SPLITS = {"tr": "train", "va": "val", "te": "test"}
WRITTEN_TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
WrittenFolder = Literal["folder", "page", "alto"]  # x.png with x.gt.txt, or with x.xml, PAGE or ALTO


def read_lines(path: Path, settings: ReaderSettings = DEFAULTS) -> LineRecords:
    """Every line at `path`, in order of id.

    Raises:
        BadInput: it is of no form that is known, or broken.
    """
    if not path.exists():
        raise BadInput(f"datamodule.data_dir={path}: there is no such file or folder")
    if is_database(path):
        return read_database(path)
    if path.is_dir():
        return _read_folder(path, settings)
    if is_page_file(path):
        return read_page_files([path], path.parent, settings)
    if path.suffix.lower() == ".txt" and is_iam(path):
        return read_iam(path, settings)
    if is_table(path):
        return read_table(path, settings)
    raise BadInput(f"datamodule.data_dir={path}: not {ACCEPTED}")


def _read_folder(folder: Path, settings: ReaderSettings) -> LineRecords:
    """Texts beside images; or else page files, a table of a known name, or the Parquet files of a data set."""
    files = list(files_below(folder))
    beside = [path for path in files if path.name.endswith(settings.text_suffix)]
    named_pattern = settings.text_pattern is not None or settings.text_suffix != ReaderSettings.text_suffix
    if named_pattern or any(path.name != settings.text_suffix.lstrip(".") for path in beside):
        return read_folder(folder, settings)
    pages = page_files_below(files)
    if pages:
        return read_page_files(pages, folder, settings)
    table = next((folder / name for name in KNOWN_TABLES if (folder / name).is_file()), None)
    if table is not None:
        read = read_lines(table, settings)
        read.notes.insert(0, f"{folder.name} read by its {table.name}")
        return read
    databases = [path.parent for path in files if path.name == "data.mdb"]
    shards = [path for path in files if path.suffix.lower() == ".parquet"]
    if databases or shards:
        return _several(folder, databases or shards, settings, _official({p: p for p in databases or shards}))
    split_of = _official_tables(files)
    if split_of:
        return _several(folder, list(split_of), settings, split_of)
    known = [path for path in files if path.name in KNOWN_TABLES]
    if len(known) == 1:
        return read_lines(known[0], settings)
    tables = [path for path in files if is_table(path) and path.suffix.lower() != ".txt"]
    hint = f"; it holds {tables[0].relative_to(folder)}: give that file's path" if tables else ""
    texts = [path for path in files if path.suffix.lower() == ".txt"]
    if not hint and texts:
        hint = f"; it holds {texts[0].relative_to(folder)}: give that file's path, or datamodule.text_suffix=.txt"
    if hint:
        raise BadInput(f"datamodule.data_dir={folder}: no image with its x{settings.text_suffix} in this folder{hint}")
    return read_folder(folder, settings)


def _official_tables(files: list[Path]) -> dict[Path, str]:
    """Tables that are called by their split, such as `rec_gt_train.txt` or `train/metadata.csv` -> split; none where a
    training table has no other beside it."""
    tables = [path for path in files if is_table(path)]
    for folder in dict.fromkeys(path.parent for path in tables):
        found = _official({path: path for path in tables if path.parent == folder})
        if found:
            return found
    return _official({path: path.parent for path in tables if path.name in KNOWN_TABLES})


def _official(named: dict[Path, Path]) -> dict[Path, str]:
    """Paths -> `train`, `val` or `test`, by the name given for each; none of them without a training split."""
    found = {path: split_of_name(name.name) or PYLAIA_SPLITS.get(name.stem) for path, name in named.items()}
    split_of = {path: split for path, split in found.items() if split is not None}
    return split_of if "train" in split_of.values() and len(set(split_of.values())) > 1 else {}


def _several(folder: Path, paths: list[Path], settings: ReaderSettings, split_of: dict[Path, str]) -> LineRecords:
    """Several databases or tables as one collection; the name of one that holds images is the folder of its lines."""
    read = LineRecords()
    for path in sorted(paths):
        shard = read_lines(path, settings)
        holds_images = path.is_dir() or path.suffix.lower() == ".parquet"
        name = (path.with_suffix("") if holds_images else path.parent).relative_to(folder).as_posix()
        if name != "." and not all(record.id.startswith(f"{path.stem}/") for record in shard.records):
            shard.records = [dataclasses.replace(record, id=f"{name}/{record.id}") for record in shard.records]
        if path in split_of and settings.split_column is None:
            shard.records = [dataclasses.replace(record, split=split_of[path]) for record in shard.records]
        read.extend(shard)
    if split_of:
        read.notes.append(described({str(path.relative_to(folder)): split for path, split in split_of.items()}))
    return read.finish(folder, "line in it")


def write_lines(
    lines: Iterable[LineRecord],
    path: Path,
    left_out: dict[str, str] | None = None,
    form: WrittenFolder | None = None,
    notes: list[str] | None = None,
) -> int:
    """Write lines in the form that the path's name asks for: .tsv, .csv, .jsonl, .parquet, .lmdb, or else a folder.

    Args:
        lines: to write.
        path: a new file or folder.
        left_out: takes the lines whose image cannot be read, or whose text XML cannot hold, by name and reason.
        form: of a folder; `folder` when absent.
        notes: takes sentences about what was changed.

    Raises:
        BadInput: there is something at that path already, or a path whose name asks for another form.
    """
    is_table_name = path.suffix.lower() in WRITTEN_TABLES
    if form is not None and (is_table_name or is_database(path)):
        kind = "table" if is_table_name else "database"
        raise BadInput(f"{path}: a {kind} by its name; --format {form} writes a folder")
    if path.exists() and (path.is_file() or any(path.iterdir())):
        raise BadInput(f"{path}: there is something already; a new file or folder is accepted")
    left_out = {} if left_out is None else left_out
    readable = _readable(lines, left_out)
    if is_table_name:
        return write_table(readable, path)
    if path.suffix.lower() in (".txt", ".json", ".xml"):
        raise BadInput(f"{path}: {', '.join(WRITTEN_TABLES)}, .lmdb or a folder is written")
    if is_database(path):
        return write_database(readable, path)
    if form == "page" or form == "alto":
        return write_pages(readable, path, form, left_out, [] if notes is None else notes)
    return write_folder(readable, path)


def _readable(lines: Iterable[LineRecord], left_out: dict[str, str]) -> Iterator[LineRecord]:
    """The lines with their images read; the others are named."""
    for record in lines:
        try:
            encoded = record.read()
        except BadInput as error:
            left_out[record.id] = str(error)
        except OSError as error:
            left_out[record.id] = f"cannot be read ({error.strerror})"
        else:
            yield dataclasses.replace(record, read=partial(bytes, encoded))
