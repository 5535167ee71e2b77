"""Collections of line images: records with their images read."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from datamodules.errors import BadInput
from datamodules.line_images.codec import REPLACEMENT, LineCodec
from datamodules.line_images.formats import read_lines
from datamodules.line_images.images import (
    Ground,
    LineInk,
    Polarity,
    Vertical,
    collection_ground,
    count_text_lines,
    line_ink,
    single_page,
)
from datamodules.line_images.normalization import Whitespace, normalized_text, visible
from datamodules.line_images.records import DEFAULTS, LineRecord, ReaderSettings
from datamodules.line_images.rendering_processes import RenderedLines

Unknown = Literal["error", "drop_sample", "replace"]


@dataclass(frozen=True)
class ImageSettings:
    """How images and texts are read; see `TextLines`."""

    height: int
    max_width: int
    polarity: Polarity = "auto"
    vertical: Vertical = "refuse"
    whitespace: Whitespace = "normalize"


@dataclass
class Collection:
    """Columns of equal length: ids, normalised texts in reading order, and inks.

    Args:
        name: where the lines come from.
        records: of the lines that were read, not of rendered ones.
        left_out: lines that cannot be used, by name and reason.
        notes: about how they were read.
        ground: the polarity that the lines show; None where there are rendered lines alone.
        several: ids of lines whose image looks like several lines of text.
    """

    name: str
    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    images: list[np.ndarray] = field(default_factory=list)
    records: list[LineRecord] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    ground: Ground | None = None
    several: list[str] = field(default_factory=list)

    def add(self, id_: str, text: str, image: np.ndarray) -> None:
        self.ids.append(id_)
        self.texts.append(text)
        self.images.append(image)

    def add_rendered(self, rendered: RenderedLines, numbers: Sequence[int]) -> None:
        for number, (image, text) in zip(numbers, rendered.lines(numbers)):
            self.add(self.rendered_id(number), text, image)

    @staticmethod
    def rendered_id(number: int) -> str:
        return f"rendered:{number}"

    def replace_from(self, first: int, other: Collection) -> None:
        """From line `first` on, the names and texts of another collection."""
        self.ids[first:], self.texts[first:] = other.ids, other.texts

    def fingerprint(self) -> str:
        """sha256 of every id, text and ink that was read; of the rendered ones where there are no others.

        Lines rendered beside those that were read follow from them and from the settings.
        """
        count = len(self.records) or len(self.ids)
        digest = hashlib.sha256()
        for id_, text, image in islice(zip(self.ids, self.texts, self.images), count):
            digest.update(f"{id_}\t{text}\t{image.shape}\n".encode())
            digest.update(image.tobytes())
        return digest.hexdigest()


def read_collection(
    path: Path,
    settings: ImageSettings,
    reader: ReaderSettings = DEFAULTS,
    ground: Ground | None = None,
) -> Collection:
    """Every line at `path` whose image can be used; the others are named.

    Args:
        path: of the ground truth.
        settings: of images and texts.
        reader: of the files.
        ground: the polarity where no line shows one: that of the lines of a finished run.

    Raises:
        BadInput: no line can be used, or the collection itself is broken.
    """
    lines = read_lines(path, reader)
    read = Collection(str(path), left_out=dict(lines.left_out), notes=list(lines.notes))

    def ink_of(record: LineRecord) -> tuple[LineInk, bool] | str:
        try:
            page = single_page(record.read())
            ink = line_ink(page, settings.height, settings.max_width, settings.vertical)
            return ink, count_text_lines(page.grey) > 1
        except BadInput as error:
            return str(error)
        except OSError as error:
            return f"cannot be read ({error.strerror})"

    inks: list[LineInk] = []
    dropped: Counter[str] = Counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for record, found in zip(
            lines.records, shown_progress(pool.map(ink_of, lines.records), f"reading {path.name}", len(lines))
        ):
            if isinstance(found, str):
                read.left_out[record.id] = found
                continue
            text, invisible = normalized_text(record.text, settings.whitespace)
            if not text:
                read.left_out[record.id] = "no text"
                continue
            dropped += invisible
            ink, several = found
            inks.append(ink)
            read.ids.append(record.id)
            read.texts.append(text)
            read.records.append(record)
            if several:
                read.several.append(record.id)
    if not read.texts:
        name, reason = next(iter(read.left_out.items()))
        raise BadInput(f"datamodule.data_dir={path}: no line that can be used; {name}: {reason}")
    read.ground = ground if ground and not any(ink.evidence for ink in inks) else collection_ground(inks)
    read.images = [ink.of_polarity(settings.polarity, read.ground) for ink in inks]
    read.notes += _polarity_notes(inks, read.images, settings.polarity, read.ground)
    if dropped:
        counts = ", ".join(f"{visible(character)} {count:,}" for character, count in dropped.most_common(8))
        read.notes.append(f"invisible characters dropped (datamodule.whitespace=normalize): {counts}")
    return read


def _polarity_notes(inks: list[LineInk], images: list[np.ndarray], polarity: Polarity, ground: Ground) -> list[str]:
    """A line about inverted images (light on dark), where the polarity was detected and not given."""
    if polarity != "auto":
        return []
    inverted = sum(image is not ink.ink for ink, image in zip(inks, images))
    if ground == "light_on_dark":
        return [f"polarity: light on dark ({inverted:,} of {len(inks):,} lines; datamodule.polarity gives another)"]
    if inverted:
        return [f"polarity: {inverted:,} of {len(inks):,} lines are light on dark, read inverted (datamodule.polarity)"]
    return []


def shown_progress(items: Iterable, what: str, total: int) -> Iterable:
    """The items, with a bar on standard error while they come, if that is a terminal."""
    if not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, what, total, console=Console(stderr=True), transient=True)


def without_unknown(read: Collection, train: np.ndarray, codec: LineCodec, unknown: Unknown) -> np.ndarray:
    """Positions of the training lines that the codec can be trained with.

    Args:
        read: the lines; those left out are named in it, and `replace` changes their texts.
        train: positions of the training lines.
        codec: the characters that are known.
        unknown: `error`, `drop_sample` or `replace`.

    Raises:
        BadInput: a line has another character, and `unknown` is `error`.
    """
    kept = []
    for position in train.tolist():
        strange = codec.unknown_in(read.texts[position])
        if strange and unknown == "error":
            raise BadInput(
                f"{read.ids[position]}: {strange[0]!r} (U+{ord(strange[0]):04X}) is not in the alphabet;"
                " datamodule.unknown=drop_sample leaves such lines out, replace reads it as \ufffd"
            )
        if strange and unknown == "drop_sample":
            shown = " ".join(map(visible, strange))
            read.left_out[read.ids[position]] = f"characters that are not in the alphabet: {shown}"
            continue
        for character in strange:
            read.texts[position] = read.texts[position].replace(character, REPLACEMENT)
        kept.append(position)
    return np.array(kept, dtype=np.int64)
