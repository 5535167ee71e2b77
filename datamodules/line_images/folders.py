"""A folder of images, each with its text in a file beside it or in its own name, at any depth."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable
from pathlib import Path

from datamodules.errors import BadInput
from datamodules.files.encoding import read_text
from datamodules.files.listing import files_below
from datamodules.line_images.records import (
    DEFAULTS,
    LineRecord,
    LineRecords,
    ReaderSettings,
    is_image,
    nfc,
    passed_over,
    unused_name,
)

#: Where public generators of words put the text of an image: `3_Slinking_71711.jpg`, `slinking_0.jpg`.
TEXT_PATTERNS = {"mjsynth": r"[^_]*_(.+)_[^_]*", "trdg": r"(.+)_[^_]*"}


def image_files(folder: Path) -> list[Path]:
    """Every image below a folder, in order of path."""
    return [path for path in files_below(folder) if is_image(path.name)]


def has_pairs(folder: Path, text_suffix: str) -> bool:
    """Whether any file below a folder ends in the suffix of texts."""
    return any(path.name.endswith(text_suffix) for path in files_below(folder))


def read_folder(folder: Path, settings: ReaderSettings = DEFAULTS) -> LineRecords:
    """Every image below a folder that has a text.

    Raises:
        BadInput: no image has one, or a text is of another encoding.
    """
    if settings.text_pattern is not None:
        return _read_names(folder, settings)
    suffix = settings.text_suffix
    images, texts, others = [], {}, []
    for path in files_below(folder):
        if path.name.endswith(suffix):
            texts[nfc(path)] = path
        elif not is_image(path.name):
            others.append(path.name)
        elif _is_selected(path, settings):
            images.append(path)
    read, used = LineRecords(), set()
    for image in images:
        name = image.relative_to(folder).as_posix()
        beside = [str(image)[: -len(image.suffix)] + suffix]
        beside.append(str(image.with_name(image.name.split(".")[0] + suffix)))  # x.bin.png belongs to x.gt.txt
        text_file = next((texts[nfc(at)] for at in beside if nfc(at) in texts), None)
        if text_file is None:
            read.left_out[name] = f"no x{suffix} beside it"
            continue
        used.add(nfc(text_file))
        text = read_text(text_file, settings.encoding)
        read.add(LineRecord(name, text, image.read_bytes, str(text_file)))
    for name, text_file in texts.items():
        if name not in used and settings.images == "all":
            read.left_out[text_file.relative_to(folder).as_posix()] = "no image beside it"
    read.notes += passed_over(others)
    return read.finish(folder, f"image with its x{suffix} in this folder")


def _read_names(folder: Path, settings: ReaderSettings) -> LineRecords:
    """The text is a part of each image's name."""
    text_pattern = settings.text_pattern or ""
    try:
        pattern = re.compile(TEXT_PATTERNS.get(text_pattern, text_pattern))
    except re.error as error:
        raise BadInput(f"datamodule.text_pattern={text_pattern}: not a regular expression ({error})") from None
    if pattern.groups != 1:
        names = ", ".join(TEXT_PATTERNS)
        raise BadInput(
            f"datamodule.text_pattern={text_pattern}: {names} or a regular expression with one group is accepted"
        )
    read, others = LineRecords(), []
    for path in files_below(folder):
        name = path.relative_to(folder).as_posix()
        if not is_image(path.name):
            others.append(path.name)
        elif _is_selected(path, settings):
            match = pattern.fullmatch(path.stem)
            if match:
                read.add(LineRecord(name, match[1], path.read_bytes, name))
            else:
                read.left_out[name] = "its name does not match datamodule.text_pattern"
    read.notes += passed_over(others)
    return read.finish(folder, f"image whose name matches datamodule.text_pattern={text_pattern}")


def write_folder(lines: Iterable[LineRecord], folder: Path) -> int:
    """Write `x.png` and `x.gt.txt` of each line; how many."""
    count, used = 0, set[str]()
    for record in lines:
        encoded = record.read()
        path = folder / unused_name(record.id, encoded, used)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded)
        text_file = Path(str(path)[: -len(path.suffix)] + ReaderSettings.text_suffix)
        text_file.write_text(record.text + "\n", encoding="utf-8", newline="")
        count += 1
    return count


def _is_selected(path: Path, settings: ReaderSettings) -> bool:
    return settings.images == "all" or fnmatch.fnmatch(path.name, settings.images)


def sibling_with_other_case(path: Path) -> str:
    """` (there is x.png)`, where only the case of a missing file's name differs; else nothing."""
    try:
        names = os.listdir(path.parent)
    except OSError:
        return ""
    near = [name for name in names if name.lower() == path.name.lower()]
    return f" (there is {near[0]})" if near else ""
