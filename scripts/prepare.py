"""Fetch a public data set and verify every file; run it again to go on after a broken transfer.  Or convert lines.

python scripts/prepare.py names                  # 18 languages, into data/names
python scripts/prepare.py names --to elsewhere
python scripts/prepare.py text_lines IN OUT      # a folder, .tsv, .csv, .parquet or .lmdb to another of them
"""

from __future__ import annotations

import sys
from pathlib import Path

from datamodules.files import download
from scripts.console import errors, logs
from scripts.console.parser import Parser


def main() -> None:
    if sys.argv[1:2] == ["text_lines"]:
        _convert_lines(sys.argv[2:])
        return
    known = ", ".join(download.datasets())
    parser = Parser(prog="prepare.py", description=__doc__)
    parser.add_argument("dataset", metavar="DATASET", help=f"one of {known}")
    parser.add_argument("--to", metavar="FOLDER", help="where it is kept (data/DATASET)")
    parser.add_argument("--base", metavar="URL", help="fetch the files from below this address")
    options = parser.parse_args()
    files = download.files_of(options.dataset)
    folder = Path(options.to or f"data/{options.dataset}")
    fetched = _fetch_all(files, folder, options.base)
    print(f"{options.dataset}: {len(files)} files, {fetched} of them fetched now, all verified", file=sys.stderr)
    print(folder)


def _convert_lines(words: list[str]) -> None:
    """Lines of text from one form into another, the pictures' bytes as they are."""
    from datamodules.line_images.formats import ACCEPTED, read_lines, write_lines

    parser = Parser(prog="prepare.py text_lines", description=__doc__)
    parser.add_argument("source", metavar="IN", help=ACCEPTED)
    parser.add_argument("target", metavar="OUT", help="its name says which: .tsv, .csv, .parquet, .lmdb, or a folder")
    options = parser.parse_args(words)
    read = read_lines(Path(options.source).expanduser())
    for name, reason in read.left_out.items():
        print(f"{name}: left out, {reason}", file=sys.stderr)
    count = write_lines(read.records, Path(options.target).expanduser())
    print(f"text_lines: {count:,} lines written, {len(read.left_out):,} left out", file=sys.stderr)
    print(options.target)


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
