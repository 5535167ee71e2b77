"""Inputs of OCR: image files, folders, standard input, and the lines of PAGE and ALTO files."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from datamodules.errors import BadInput, did_you_mean

SETTINGS = ("max_width", "polarity", "vertical")  # of the data module, which a finished run takes
NETWORK = ("height", "direction", "whitespace", "alphabet", "charset")  # which its network has learned
_SETTING = re.compile(r"datamodule\.(\w+)=(.*)")


@dataclass(frozen=True)
class LineSourceFile:
    """An input: its name, and how to get the bytes of its image.

    Args:
        name: as it was given; with `#ID` for a line of a page file.
        read: the bytes of an image file.
        place: of a line on its page: file of the page, image, id, and outline in pixels of the image.
    """

    name: str
    read: Callable[[], bytes]
    place: LinePlace | None = None


@dataclass(frozen=True)
class LinePlace:
    """Where a line stands on its page."""

    file: str
    image: str
    size: tuple[int, int]
    id: str
    outline: tuple[tuple[int, int], ...]
    baseline: tuple[tuple[int, int], ...]


def split_settings(inputs: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Inputs, and the settings among them (`datamodule.max_width=9000`).

    Raises:
        BadInput: a setting that a finished run does not take.
    """
    paths, settings = [], {}
    for argument in inputs:
        found = _SETTING.fullmatch(argument)
        if found is None:
            paths.append(argument)
        elif found[1] in NETWORK:
            raise BadInput(f"{argument}: datamodule.{found[1]} is a property of the trained network; {_accepted()}")
        elif found[1] not in SETTINGS:
            raise BadInput(
                f"{argument}: not a setting of a finished run{did_you_mean(found[1], SETTINGS)}; {_accepted()}"
            )
        else:
            settings[found[1]] = found[2]
    return paths, settings


def _accepted() -> str:
    return f"{', '.join(f'datamodule.{name}' for name in SETTINGS)} are accepted"


def line_sources(inputs: Iterable[str]) -> Iterator[LineSourceFile | tuple[str, BadInput]]:
    """Every image that the inputs name, or an input with the reason why it cannot be used.

    Raises:
        BadInput: a folder without an image.
    """
    from datamodules.files.listing import files_below
    from datamodules.line_images.page_files import is_page_file
    from datamodules.line_images.records import is_image, passed_over

    for argument in inputs:
        path = Path(argument)
        if argument == "-":
            yield from line_sources(line.rstrip("\r\n") for line in sys.stdin)
        elif path.is_dir():
            files = list(files_below(path))
            images = [file for file in files if is_image(file.name)]
            for note in passed_over([file.name for file in files if not is_image(file.name)]):
                print(f"{argument}: {note}", file=sys.stderr)
            if not images:
                raise BadInput(f"{argument}: no image in this folder")
            yield from (LineSourceFile(str(file), partial(_bytes_of, file)) for file in images)
        elif is_page_file(path):
            yield from _lines_of_page(path)
        else:
            yield LineSourceFile(argument, partial(_bytes_of, path))


def image_source(image: Any, number: int) -> LineSourceFile:
    """An image that a program has: the name of a file, an image of Pillow, or an array uint8."""
    if isinstance(image, (str, Path)):
        return LineSourceFile(str(image), partial(_bytes_of, Path(image)))
    return LineSourceFile(f"image {number}", partial(_encoded, image))


def _encoded(image: Any) -> bytes:
    """The bytes of a file with these pixels."""
    from PIL import Image

    try:
        pillow_image = image if isinstance(image, Image.Image) else Image.fromarray(image)
        buffer = io.BytesIO()
        pillow_image.save(buffer, "PNG")
    except (AttributeError, TypeError, ValueError, OSError) as error:
        accepted = "a file name, an image of Pillow or an array uint8 (height, width[, 3 or 4]) is accepted"
        raise BadInput(f"{accepted}, not {type(image).__name__} ({error})") from None
    return buffer.getvalue()


def _lines_of_page(path: Path) -> Iterator[LineSourceFile | tuple[str, BadInput]]:
    """The lines of a PAGE or ALTO file, in its order."""
    from datamodules.line_images.page_cutting import cut_line, page_image, scaled
    from datamodules.line_images.page_files import image_of, parse_page_file

    try:
        for page in parse_page_file(path):
            image = image_of(path, page)
            if image is None:
                raise BadInput(f"no image {page.image or 'of its name'} beside it")
            size = page_image(image).size
            for line in page.lines:
                place = LinePlace(
                    str(path),
                    image.name,
                    size,
                    line.id,
                    scaled(line.outline, page.size, size),
                    scaled(line.baseline, page.size, size),
                )
                yield LineSourceFile(f"{path}#{line.id}", partial(cut_line, image, line, page.size), place)
    except BadInput as error:
        yield str(path), error


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror})") from None
