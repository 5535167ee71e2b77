"""`LineImageSpec`: the characters of lines of text, and how an image becomes a network's input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from datamodules.batching.batches import LineBatch
from datamodules.line_images.codec import LineCodec
from datamodules.line_images.direction import (
    BaseDirection,
    Direction,
    base_direction,
    display_indices,
    display_order,
    reading_order,
)
from datamodules.line_images.images import Ground, LineInk, Page, Polarity, Vertical, line_ink
from datamodules.line_images.normalization import Whitespace


@dataclass(frozen=True)
class LineImageSpec:
    """The characters of the lines, their order, and how an image becomes a network's input.

    Args:
        codec: the characters.
        height, max_width, polarity, vertical: see `TextLines`.
        ground: the polarity of the training lines, where `polarity` is `auto`.
        direction: see `TextLines`; `display` in runs of earlier versions, which knew no reading order.
        of_collection: base direction of the training lines with letters of both directions.
        whitespace: see `TextLines`.
    """

    kind: ClassVar[str] = "written_lines"

    codec: LineCodec
    height: int
    max_width: int
    polarity: Polarity
    vertical: Vertical = "refuse"
    ground: Ground | None = None
    direction: Direction = "auto"
    of_collection: BaseDirection = "ltr"
    whitespace: Whitespace = "normalize"

    def ink(self, page: Page) -> LineInk:
        """The ink of a page at the network's height; see `line_ink`."""
        return line_ink(page, self.height, self.max_width, self.vertical)

    def image(self, ink: LineInk) -> np.ndarray:
        """Ink uint8 (height, width) with the polarity of the training lines; see `LineInk.of_polarity`."""
        return ink.of_polarity(self.polarity, self.ground)

    def display(self, text: str) -> str:
        """A text as CTC sees it: left to right as it stands in the image."""
        return text if self.direction == "display" else display_order(text, self._base(text))

    def reading(self, text: str) -> str:
        """The reading order of a text in display order."""
        return text if self.direction == "display" else reading_order(text, self._base(text))

    def display_indices(self, text: str) -> list[int]:
        """Positions in a text, left to right as its characters stand in the image."""
        return list(range(len(text))) if self.direction == "display" else display_indices(text, self._base(text))

    def _base(self, text: str) -> BaseDirection:
        return base_direction(text, self.direction, self.of_collection)

    def batch(self, images: Sequence[np.ndarray]) -> LineBatch:
        """Lines without their texts, ready for a network."""
        lengths = torch.tensor([image.shape[1] for image in images])
        padded = torch.zeros(len(images), 1, self.height, int(lengths.max()))
        for row, image in zip(padded, images):
            row[0, :, : image.shape[1]] = torch.from_numpy(image).float() / 255
        return LineBatch(padded, lengths)

    def to_dict(self) -> dict:
        names = ("height", "max_width", "polarity", "vertical", "ground", "direction", "of_collection", "whitespace")
        return {"codec": self.codec.to_dict(), **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_dict(cls, state: dict) -> LineImageSpec:
        earlier = {} if "direction" in state else {"direction": "display", "whitespace": "keep"}
        return cls(**{**state, **earlier, "codec": LineCodec.from_dict(state["codec"])})
