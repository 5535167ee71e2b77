"""What a network is given: tensors of one batch, all on one device.

B examples, T steps (the longest of the batch; shorter ones are padded), D features, C classes;
W pixels of width, L characters.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass
class TokenBatch:
    """Texts as ids of characters or words, each with a class if it is known."""

    tokens: Tensor  # (B, T) int32, 0 after a text's end
    lengths: Tensor  # (B,) int64, tokens in each text
    classes: Tensor | None = None  # (B,) int64

    def __len__(self) -> int:
        return len(self.lengths)


@dataclass
class LineBatch:
    """Images of one line of text, each with what it says if that is known."""

    images: Tensor  # (B, 1, height, W) float32: 0 is paper, 1 ink, 0 after a line's end
    lengths: Tensor  # (B,) int64, pixels of each line's width
    targets: Tensor | None = None  # (B, L) int64 ids of characters, 0 after a text's end
    target_lengths: Tensor | None = None  # (B,) int64
    codepoints: Tensor | None = None  # (B, L) int32, the text itself: a network may not know all of its characters

    def __len__(self) -> int:
        return len(self.lengths)
