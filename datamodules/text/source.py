"""Encoded texts as tensors that batches are gathered from."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from datamodules.batching.batches import TokenBatch


class TokenSource:
    """Every text of a data set: ids (N, T) int32, lengths (N,) and, where there are some, classes (N,) int64."""

    def __init__(self, tokens: Tensor, lengths: Tensor, classes: Tensor | None = None) -> None:
        self.tokens = tokens
        self.lengths = lengths
        self.classes = classes
        self._lengths_on_cpu = lengths

    def to(self, device: torch.device) -> TokenSource:
        moved = TokenSource(self.tokens.to(device), self.lengths.to(device), self._classes(lambda c: c.to(device)))
        moved._lengths_on_cpu = self._lengths_on_cpu
        return moved

    def max_length(self, row: Tensor) -> int:
        return int(self._lengths_on_cpu.index_select(0, row).max())

    def collate(self, row: Tensor, max_length: int) -> TokenBatch:
        tokens = self.tokens[:, :max_length].index_select(0, row)
        return TokenBatch(tokens, self.lengths.index_select(0, row), self._classes(lambda c: c.index_select(0, row)))

    def _classes(self, change: Callable[[Tensor], Tensor]) -> Tensor | None:
        return None if self.classes is None else change(self.classes)


def unknown_shares(ids: Tensor, lengths: Tensor, indices: dict[str, Tensor], unknown: int) -> dict[str, float]:
    """Of each split, the share of its tokens that have the id `unknown`.

    Args:
        ids, lengths: (N, T) and (N,) of every text.
        indices: split -> positions of its texts.
    """
    counts = (ids == unknown).sum(dim=1)
    return {name: int(counts[rows].sum()) / max(1, int(lengths[rows].sum())) for name, rows in indices.items()}


def describe_unknown(shares: dict[str, float], tokens: str) -> str | None:
    """One line where more than one token in a thousand is unknown in some split, else None."""
    if not any(share > 0.001 for share in shares.values()):
        return None
    return f"unknown {tokens}: {', '.join(f'{name} {share:.1%}' for name, share in shares.items())}"
