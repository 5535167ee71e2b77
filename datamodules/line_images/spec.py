"""What networks and later commands need to know about lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from datamodules.batching.batches import LineBatch
from datamodules.line_images.codec import LineCodec
from datamodules.line_images.images import Polarity, line_image


@dataclass(frozen=True)
class LineImageSpec:
    """The characters of the lines, and how a picture becomes a network's input."""

    codec: LineCodec
    height: int
    max_width: int
    polarity: Polarity

    kind: ClassVar[str] = "written_lines"

    def image(self, encoded: bytes) -> np.ndarray:
        """The ink of a picture, uint8 (height, width); see `line_image`."""
        return line_image(encoded, self.height, self.max_width, self.polarity)

    def batch(self, images: Sequence[np.ndarray]) -> LineBatch:
        """Lines without their texts, ready for a network."""
        lengths = torch.tensor([image.shape[1] for image in images])
        padded = torch.zeros(len(images), 1, self.height, int(lengths.max()))
        for row, image in zip(padded, images):
            row[0, :, : image.shape[1]] = torch.from_numpy(image).float() / 255
        return LineBatch(padded, lengths)

    def to_dict(self) -> dict:
        shape = {"height": self.height, "max_width": self.max_width, "polarity": self.polarity}
        return {"codec": self.codec.to_dict(), **shape}

    @classmethod
    def from_dict(cls, state: dict) -> LineImageSpec:
        return cls(**{**state, "codec": LineCodec.from_dict(state["codec"])})
