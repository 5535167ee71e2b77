"""What a collection of lines holds before its pictures are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.errors import BadInput


@dataclass(frozen=True)
class LineRecord:
    """A line by name: its text, and how to get the bytes of its picture."""

    id: str  # the path below the collection's folder, or the key in its database
    text: str
    read: Callable[[], bytes]
    place: str  # where its text stands, for sentences

    @property
    def stem(self) -> str:
        """The id without folders and suffix."""
        return self.id.rpartition("/")[2].partition(".")[0]


@dataclass
class LineRecords:
    """Every line of a collection, in order of id, and what was left out, by name and reason."""

    records: list[LineRecord] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, record: LineRecord) -> None:
        if record.text.strip():
            self.records.append(record)
        else:
            self.left_out[record.id] = "no text"

    def __len__(self) -> int:
        return len(self.records)


def inside(folder: Path, name: str, place: str) -> Path:
    """The file that `name` means below `folder`.

    Raises:
        BadInput: it lies elsewhere, by `..`, as an absolute path or through a link.
    """
    path = folder / name
    try:
        path.resolve().relative_to(folder.resolve())
    except (ValueError, OSError):
        raise BadInput(f"{place}: {name!r} leads out of {folder}; paths below that folder are accepted") from None
    return path
