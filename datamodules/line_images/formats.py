"""The forms that a collection of lines can have, and which one a path is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from datamodules.errors import BadInput
from datamodules.files.tables import TABLE_FORMATS
from datamodules.line_images.databases import is_database, read_database, write_database
from datamodules.line_images.folders import read_folder, write_folder
from datamodules.line_images.manifests import read_manifest, write_manifest
from datamodules.line_images.records import LineRecord, LineRecords

ACCEPTED = f"a folder of x.png and x.gt.txt, a table of paths and texts ({', '.join(TABLE_FORMATS)}), or an LMDB"


def read_lines(path: Path, path_column: str = "path", text_column: str = "text") -> LineRecords:
    """Every line at `path`, in order of id.

    Raises:
        BadInput: it is of no form that is known, or broken.
    """
    if not path.exists():
        raise BadInput(f"datamodule.data_dir={path}: there is no such file or folder")
    if is_database(path):
        read = read_database(path)
    elif path.is_dir():
        read = read_folder(path)
    elif path.suffix.lower() in TABLE_FORMATS:
        read = read_manifest(path, path_column, text_column)
    else:
        raise BadInput(f"datamodule.data_dir={path}: not {ACCEPTED}")
    read.records.sort(key=lambda record: record.id)
    return read


def write_lines(lines: Iterable[LineRecord], path: Path) -> int:
    """Write lines in the form that the path's name asks for: .tsv, .csv, .parquet, .lmdb, or else a folder.

    Raises:
        BadInput: there is something at that path already.
    """
    if path.exists() and (path.is_file() or any(path.iterdir())):
        raise BadInput(f"{path}: there is something already; a new file or folder is accepted")
    if path.suffix.lower() in TABLE_FORMATS:
        return write_manifest(lines, path)
    return write_database(lines, path) if is_database(path) else write_folder(lines, path)
