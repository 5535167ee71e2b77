"""Lines with their pictures read: what a data module works with."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from datamodules.errors import BadInput
from datamodules.line_images.codec import REPLACEMENT, LineCodec, composed
from datamodules.line_images.formats import read_lines
from datamodules.line_images.images import Polarity, line_image
from datamodules.line_images.records import LineRecord
from datamodules.line_images.rendering import Renderer

Unknown = Literal["error", "drop_sample", "replace"]


@dataclass
class Collection:
    """Columns of equal length: ids, composed texts and inks; what was left out, by name and reason."""

    name: str
    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    images: list[np.ndarray] = field(default_factory=list)
    records: list[LineRecord] = field(default_factory=list)  # of the lines that were read, not of rendered ones
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, id_: str, text: str, image: np.ndarray) -> None:
        self.ids.append(id_)
        self.texts.append(text)
        self.images.append(image)

    def add_rendered(self, renderer: Renderer, numbers: Iterable[int]) -> None:
        for number in numbers:
            image, text = renderer.line(number)
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
    path: Path, path_column: str, text_column: str, height: int, max_width: int, polarity: Polarity
) -> Collection:
    """Every line at `path` whose picture can be used; the others are named.

    Raises:
        BadInput: no line can be used, or the collection itself is broken.
    """
    lines = read_lines(path, path_column, text_column)
    read = Collection(str(path), left_out=dict(lines.left_out))

    def image_of(record: LineRecord) -> np.ndarray | str:
        try:
            return line_image(record.read(), height, max_width, polarity)
        except BadInput as error:
            return str(error)
        except OSError as error:
            return f"cannot be read ({error.strerror})"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        images = shown_progress(pool.map(image_of, lines.records), f"reading {path.name}", len(lines))
        for record, image in zip(lines.records, images):
            if isinstance(image, str):
                read.left_out[record.id] = image
            else:
                read.add(record.id, composed(record.text), image)
                read.records.append(record)
    if not read.texts:
        name, reason = next(iter(read.left_out.items()))
        raise BadInput(f"datamodule.data_dir={path}: no line that can be used; {name}: {reason}")
    return read


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
            read.left_out[read.ids[position]] = f"characters that are not in the alphabet: {' '.join(strange)}"
            continue
        for character in strange:
            read.texts[position] = read.texts[position].replace(character, REPLACEMENT)
        kept.append(position)
    return np.array(kept, dtype=np.int64)
