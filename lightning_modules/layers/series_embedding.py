"""A learned vector for each series."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class SeriesEmbedding(nn.Embedding):
    """(B,) numbers of series -> (B, E); -1, a series that the run never saw, has the mean of those that it saw."""

    def forward(self, series: Tensor) -> Tensor:
        table = torch.cat([self.weight, self.weight.mean(dim=0, keepdim=True)])
        return functional.embedding(torch.where(series < 0, len(table) - 1, series), table)
