"""Token ids -> features of steps."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

EmbeddingKind = Literal["learned", "onehot"]


class OneHot(nn.Module):
    """One feature a symbol; reserved ids (padding, unknown) are vectors of zeros."""

    table: Tensor

    def __init__(self, num_ids: int, num_reserved: int) -> None:
        super().__init__()
        table = torch.cat([torch.zeros(num_reserved, num_ids - num_reserved), torch.eye(num_ids - num_reserved)])
        self.register_buffer("table", table, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        return functional.embedding(ids, self.table)
