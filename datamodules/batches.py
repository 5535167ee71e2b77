"""What a network is given: tensors of one batch, all on one device.

B examples, T steps (the longest of the batch; shorter ones are padded), D features, C classes.
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
