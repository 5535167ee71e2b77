"""`lines.txt` of the IAM handwriting database: `a01-000u-00 ok 154 19 408 746 1661 89 A|MOVE|to|stop`."""

from __future__ import annotations

import re
from pathlib import Path

from datamodules.files.encoding import read_text
from datamodules.line_images.records import DEFAULTS, LineRecord, LineRecords, ReaderSettings, images_by_stem

_LINE = re.compile(r"(\S+) (ok|err) (-?\d+ ){6,7}(\S.*)")


def is_iam(path: Path) -> bool:
    """Whether a text file's first line that is no comment is one of IAM's."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            first = next((line for line in file if line.strip() and not line.startswith("#")), "")
    except OSError:
        return False
    return _LINE.fullmatch(first.strip()) is not None


def read_iam(path: Path, settings: ReaderSettings = DEFAULTS) -> LineRecords:
    """Every line whose image lies below the folder of `lines.txt`, or of its parent (`ascii/lines.txt`, `lines/a01/`).

    `|` between words is a space.  Lines whose segmentation is marked `err` are kept, and counted.
    """
    folder = path.parent
    images = images_by_stem(folder)
    if not images:
        folder = path.parent.parent
        images = images_by_stem(folder)
    read, doubtful = LineRecords(), 0
    for number, line in enumerate(read_text(path, settings.encoding).split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            read.left_out[f"{path.name} line {number}"] = "not a line of IAM's form (name, ok or err, numbers, text)"
            continue
        image = images.get(match[1])
        if image is None:
            read.left_out[match[1]] = "no such image"
            continue
        doubtful += match[2] == "err"
        name = image.relative_to(folder).as_posix()
        read.add(LineRecord(name, match[4].replace("|", " "), image.read_bytes, f"{path} line {number}"))
    if doubtful:
        read.notes.append(f"{path.name}: {doubtful:,} lines whose segmentation is marked err are kept")
    return read.finish(path, "line whose image is there")
