"""The output of a line recogniser trained by CTC, for a batch."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass
class Steps:
    """Log-probabilities of the characters at each step of each line, and how many steps it has."""

    log_probs: Tensor  # (T, B, C) float32
    lengths: Tensor  # (B,)
    texts: list[str] | None = None  # once they were read off
    host_lengths: Tensor | None = None  # `lengths` on the CPU, where they are known there
