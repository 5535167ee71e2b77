"""Fetch a public data set and verify every file; run it again to resume a broken transfer.  Or convert lines.

python scripts/prepare.py names                  # 18 languages, into data/names
python scripts/prepare.py names --to elsewhere
python scripts/prepare.py text_lines IN OUT      # ground truth of any form that is read to another that is written
python scripts/prepare.py text_lines IN OUT text_column=label encoding=latin-1
python scripts/prepare.py text_lines IN FOLDER --format page    # PAGE XML (or alto) beside each image
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, get_args

from datamodules.errors import BadInput, did_you_mean
from datamodules.files import download
from scripts.config.override import Override
from scripts.console import errors, logs
from scripts.console.parser import Parser


def main() -> None:
    if sys.argv[1:2] == ["text_lines"]:
        _convert_lines(sys.argv[2:])
        return
    names = ", ".join(download.datasets())
    parser = Parser(prog="prepare.py", description=__doc__)
    parser.add_argument("dataset", metavar="DATASET", help=f"one of {names}")
    parser.add_argument("--to", metavar="FOLDER", help="where it is kept (data/DATASET)")
    parser.add_argument("--base", metavar="URL", help="fetch the files from below this address")
    options = parser.parse_args()
    files = download.files_of(options.dataset)
    folder = Path(options.to or f"data/{options.dataset}")
    fetched = _fetch_all(files, folder, options.base)
    print(f"{options.dataset}: {len(files)} files, {fetched} of them fetched now, all verified", file=sys.stderr)
    print(folder)


def _convert_lines(arguments: list[str]) -> None:
    """Lines of text from one form into another; the images' bytes as they are, but for what is said."""
    from datamodules.line_images.formats import ACCEPTED, WRITTEN_TABLES, WrittenFolder, read_lines, write_lines
    from datamodules.line_images.records import ReaderSettings

    parser = Parser(prog="prepare.py text_lines", description=__doc__)
    parser.add_argument("source", metavar="IN", help=ACCEPTED)
    parser.add_argument(
        "target", metavar="OUT", help="its name says which: .tsv .csv .jsonl .parquet .lmdb, or a folder"
    )
    parser.add_argument(
        "settings",
        nargs="*",
        metavar="KEY=VALUE",
        help="how IN is read: path_column, text_column, encoding, root, images, text_suffix or text_pattern",
    )
    parser.add_argument(
        "--format",
        choices=get_args(WrittenFolder),
        help="of a folder: texts beside the images (folder), or PAGE XML or ALTO, each image a page of one line",
    )
    options = parser.parse_args(arguments)
    read = read_lines(Path(options.source).expanduser(), _reader_settings(ReaderSettings, options.settings))
    for note in read.notes:
        print(note, file=sys.stderr)
    left_out, notes = dict(read.left_out), list[str]()
    count = write_lines(read.records, Path(options.target).expanduser(), left_out, options.format, notes)
    for note in notes:
        print(f"text_lines: {note}", file=sys.stderr)
    if any(record.split for record in read.records) and Path(options.target).suffix.lower() not in WRITTEN_TABLES:
        print("text_lines: official splits are kept in tables only (.tsv, .csv, .jsonl, .parquet)", file=sys.stderr)
    for name, reason in left_out.items():
        print(f"{name}: left out, {reason}", file=sys.stderr)
    print(f"text_lines: {count:,} lines written, {len(left_out):,} left out", file=sys.stderr)
    print(options.target)


def _reader_settings(kind: type, arguments: list[str]) -> Any:
    """Settings from `KEY=VALUE`, with or without `datamodule.` before the key."""
    names = [field.name for field in dataclasses.fields(kind) if field.name != "split_column"]
    settings = {}
    for setting in arguments:
        override = Override.parse(setting)
        key = override.key.removeprefix("datamodule.")
        if override.value is None or key not in names:
            raise BadInput(f"{setting}: no such setting{did_you_mean(key, names)}; there are {', '.join(names)}")
        settings[key] = override.value
    return kind(**settings)


def _fetch_all(files: list[download.RemoteFile], folder: Path, base: str | None) -> int:
    """Fetch the files with a progress bar on standard error; how many were not there before."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=sum(file.num_bytes for file in files))
        fetched = 0
        for file in files:
            bar.update(task, description=file.name)
            fetched += download.fetch(file, folder, base, lambda count: bar.advance(task, count))
        return fetched


if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main)
