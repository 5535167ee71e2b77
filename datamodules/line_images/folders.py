"""A folder of `x.png` and `x.gt.txt`, at any depth."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from datamodules.errors import BadInput
from datamodules.files.encoding import read_text
from datamodules.line_images.images import SUFFIXES
from datamodules.line_images.records import LineRecord, LineRecords

TEXT_SUFFIX = ".gt.txt"


def image_files(folder: Path) -> Iterator[Path]:
    """Every image below a folder, in order of path; links to folders are not followed."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(root, name)


def read_folder(folder: Path) -> LineRecords:
    """Every image below a folder that has a text beside it.

    Raises:
        BadInput: no image, no text for any of them, or a text that is not UTF-8.
    """
    read = LineRecords()
    texts = {Path(root, name) for root, _, names in os.walk(folder) for name in names if name.endswith(TEXT_SUFFIX)}
    for file in image_files(folder):
        name = file.relative_to(folder).as_posix()
        text_file = file.with_suffix(TEXT_SUFFIX)
        if text_file not in texts:  # x.bin.png belongs to x.gt.txt, too
            text_file = file.with_name(file.name.split(".")[0] + TEXT_SUFFIX)
        if text_file in texts:
            text = read_text(text_file).strip("\n")
            if "\n" in text:
                raise BadInput(f"{text_file}: {text.count(chr(10)) + 1} lines of text; one is accepted")
            read.add(LineRecord(name, text, file.read_bytes, str(text_file)))
        else:
            read.left_out[name] = f"no {file.stem}{TEXT_SUFFIX} beside it"
    used = {record.place for record in read.records}
    for text_file in texts:
        name = text_file.relative_to(folder).as_posix()
        if str(text_file) not in used and not any(_image_of(text_file)):
            read.left_out[name] = "no image beside it"
    if not len(read):
        raise BadInput(f"datamodule.data_dir={folder}: no image with its x{TEXT_SUFFIX} in this folder")
    return read


def write_folder(lines: Iterable[LineRecord], folder: Path) -> int:
    """Write `x.png` and `x.gt.txt` of each line; how many."""
    count = 0
    for record in lines:
        name = record.id if record.id.lower().endswith(SUFFIXES) else f"{record.id}{suffix_of(record.read())}"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(record.read())
        path.with_suffix(TEXT_SUFFIX).write_text(record.text + "\n", encoding="utf-8")
        count += 1
    return count


def suffix_of(encoded: bytes) -> str:
    """The suffix that fits the bytes of an image; .png where they say nothing."""
    starts = {b"\xff\xd8": ".jpg", b"II*\0": ".tif", b"MM\0*": ".tif", b"RIFF": ".webp"}
    return next((suffix for start, suffix in starts.items() if encoded.startswith(start)), ".png")


def _image_of(text_file: Path) -> Iterator[Path]:
    stem = text_file.name.removesuffix(TEXT_SUFFIX)
    return (p for p in text_file.parent.glob(f"{stem}.*") if p.suffix.lower() in SUFFIXES)
