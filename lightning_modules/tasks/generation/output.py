"""The output of a language model for a batch."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass
class NextSymbols:
    """Scores of the next symbol after the start and after each symbol of a text, and the symbols that do follow."""

    scores: Tensor  # (B, T, V + 1) float32; the last is the end of the text
    targets: Tensor  # (B, T) int64, IGNORE_INDEX where a text is padded
