"""Ground truth before its images are read: records, the rules that all formats share, and how files are named."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from datamodules.errors import BadInput
from datamodules.files.listing import files_below
from datamodules.line_images.images import image_suffixes


@dataclass(frozen=True)
class ReaderSettings:
    """Settings for reading ground truth.

    Args:
        path_column, text_column, split_column: of a table; see `TextLines`.
        encoding: of tables and texts; that of a byte-order mark, or else UTF-8, when absent.
        root: folder that the paths of a table are below; the table's own when absent.
        images: pattern of the file names that are read (`*.nrm.png`), or `all`.
        text_suffix: what the text beside `x.png` is called (`.gt.txt`).
        text_pattern: reads the text from the file name: `mjsynth`, `trdg`, or a regular expression with one group.
    """

    path_column: str = "path"
    text_column: str = "text"
    split_column: str | None = None
    encoding: str | None = None
    root: str | None = None
    images: str = "all"
    text_suffix: str = ".gt.txt"
    text_pattern: str | None = None


DEFAULTS = ReaderSettings()


@dataclass(frozen=True)
class LineRecord:
    """A line by name: its text, and how to get the bytes of its image."""

    id: str  # the path below the collection's folder, or the key in its database
    text: str
    read: Callable[[], bytes]
    place: str  # where its text stands, for sentences
    split: str | None = None  # what the table says in `split_column`
    pieces: int = 1  # of the name between its dots, that say which line it is

    @property
    def key(self) -> str:
        """The id without suffixes: the same for several images of one line (`x.bin.png`, `x.nrm.png`)."""
        return self.beginning(self.pieces)

    def beginning(self, pieces: int) -> str:
        """Folder and first pieces of the file name: `page.3` of `page.3.bin.png`."""
        folder, _, name = self.id.rpartition("/")
        inner = name.split(".")[:-1] or [name]
        return f"{folder}/{'.'.join(inner[:pieces])}".lstrip("/")


@dataclass
class LineRecords:
    """Every line of a collection; what was left out, by name and reason; and notes about how it was read."""

    records: list[LineRecord] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _positions: dict[str, int | None] = field(default_factory=dict)  # of each id; None once it is in doubt

    def add(self, record: LineRecord) -> None:
        """Keep a line, or name it among those left out: without text, of several lines, or given twice."""
        text = record.text.strip()
        lines = 1 + text.replace("\r\n", "\n").replace("\r", "\n").count("\n")
        if record.id in self._positions:
            self._add_again(record)
        elif not text:
            self.left_out[record.id] = "no text"
        elif lines > 1:
            self.left_out[record.id] = f"{lines} lines of text"
        else:
            self._positions[record.id] = len(self.records)
            self.records.append(replace(record, text=record.text.strip("\r\n\f")))

    def _add_again(self, record: LineRecord) -> None:
        position = self._positions[record.id]
        if position is not None and self.records[position].text.strip() == record.text.strip():
            self.left_out[f"{record.id} ({record.place})"] = "the same image and text again"
            return
        self._positions[record.id] = None
        self.left_out[record.id] = "several texts for one image"

    def finish(self, path: Path, what: str) -> LineRecords:
        """Without the lines in doubt, in order of id.

        Raises:
            BadInput: no line is left.
        """
        self.records = [record for record in self.records if self._positions.get(record.id) is not None]
        self.records = [*_with_pieces(self.records, 1)]
        self.records.sort(key=lambda record: record.id)
        self._positions = {record.id: i for i, record in enumerate(self.records)}
        if not self.records:
            first = next(iter(self.left_out.items()), None)
            more = f" ({first[0]}: {first[1]})" if first else ""
            raise BadInput(f"datamodule.data_dir={path}: no {what}{more}")
        return self

    def extend(self, other: LineRecords) -> None:
        for record in other.records:
            self.add(record)
        self.left_out.update(other.left_out)
        self.notes += [note for note in other.notes if note not in self.notes]

    def __len__(self) -> int:
        return len(self.records)


def _with_pieces(records: list[LineRecord], pieces: int) -> Iterator[LineRecord]:
    """The lines with so many pieces of their names that what begins alike has one text: `x.bin.png` and `x.nrm.png` of
    one text are one line, `eng.0.exp0.tif` and `eng.1.exp0.tif` of two texts are two."""
    of_beginning = defaultdict(list)
    for record in records:
        of_beginning[record.beginning(pieces)].append(record)
    for alike in of_beginning.values():
        longest = max(record.id.rpartition("/")[2].count(".") for record in alike)
        if len({record.text for record in alike}) > 1 and pieces < longest:
            yield from _with_pieces(alike, pieces + 1)
        else:
            yield from (record if record.pieces == pieces else replace(record, pieces=pieces) for record in alike)


def images_by_stem(folder: Path) -> dict[str, Path]:
    """File name without suffix -> path, of every image below a folder."""
    return {file.stem: file for file in files_below(folder) if is_image(file.name)}


def is_image(name: str) -> bool:
    """Whether a file of that name is one that Pillow opens as a picture."""
    return os.path.splitext(name)[1].lower() in image_suffixes()


def nfc(path: Path | str) -> str:
    """A path as it is compared: composed, since some file systems keep names decomposed."""
    return unicodedata.normalize("NFC", str(path))


def passed_over(names: list[str]) -> list[str]:
    """A sentence about files that are no images and belong to none; nothing where there are none."""
    if not names:
        return []
    counts = Counter(os.path.splitext(name)[1].lower() or name for name in names)
    kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in counts.most_common(8))
    more = f" and {len(counts) - 8} other kinds" if len(counts) > 8 else ""
    return [f"passed over {len(names):,} files that are no images: {kinds}{more}"]


def safe_name(id_: str) -> str:
    """An id as a path that lies below any folder and is found again there."""
    parts = [part.replace("\0", "_") for part in PurePosixPath(id_.replace("\\", "/")).parts]
    parts = [part for part in parts if part not in ("/", "..", ".")]
    return "/".join("_" + part if part.startswith(".") else part for part in parts) or "line"


def suffix_of(encoded: bytes) -> str:
    """The suffix that fits the bytes of an image; .png where they say nothing."""
    starts = {
        b"\xff\xd8": ".jpg",
        b"II*\0": ".tif",
        b"MM\0*": ".tif",
        b"RIFF": ".webp",
        b"BM": ".bmp",
        b"GIF8": ".gif",
        b"\0\0\0\x0cjP": ".jp2",
        b"\xff\x4f\xff\x51": ".j2k",
    }
    return next((suffix for start, suffix in starts.items() if encoded.startswith(start)), ".png")


def unused_name(id_: str, encoded: bytes, used: set[str]) -> str:
    """A file name for a line's image: its id, with a suffix that fits, and a number where that is taken.

    Args:
        id_: of the line.
        encoded: the bytes of its image.
        used: names without suffix that are taken, in lower case; the new one is added.
    """
    name = safe_name(id_)
    stem, suffix = os.path.splitext(name)
    if suffix.lower() not in image_suffixes():
        stem, suffix = name, suffix_of(encoded)
    number, free = 2, stem
    while nfc(free).lower() in used:
        free = f"{stem}_{number}"
        number += 1
    used.add(nfc(free).lower())
    return free + suffix
