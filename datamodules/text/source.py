"""Encoded texts as tensors that batches are gathered from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from datamodules.batches import TokenBatch
from datamodules.blocks import Source


class TokenSource(Source):
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

    def span(self, row: Tensor) -> int:
        return int(self._lengths_on_cpu.index_select(0, row).max())

    def spans(self, rows: Sequence[Tensor]) -> list[int]:
        lengths = self._lengths_on_cpu.index_select(0, torch.cat(list(rows))).numpy()
        starts = np.cumsum([0, *(len(row) for row in rows[:-1])])
        return np.maximum.reduceat(lengths, starts).tolist()

    def gather(self, row: Tensor, span: int) -> TokenBatch:
        tokens = self.tokens[:, :span].index_select(0, row)
        return TokenBatch(tokens, self.lengths.index_select(0, row), self._classes(lambda c: c.index_select(0, row)))

    def gather_each(self, rows: Sequence[Tensor], spans: Sequence[int]) -> Iterator[TokenBatch]:
        together = self.gather(torch.cat(list(rows)), max(spans))
        sizes = [len(row) for row in rows]
        classes = [None] * len(sizes) if together.classes is None else together.classes.split(sizes)
        for tokens, lengths, of_row, span in zip(
            together.tokens.split(sizes), together.lengths.split(sizes), classes, spans
        ):
            yield TokenBatch(tokens[:, :span].contiguous(), lengths, of_row)

    def _classes(self, change: Callable[[Tensor], Tensor]) -> Tensor | None:
        return None if self.classes is None else change(self.classes)
