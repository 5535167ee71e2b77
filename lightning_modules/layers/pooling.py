"""One vector for a whole sequence."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from lightning_modules.layers.encoding import Encoding, last_valid, valid_steps

PoolingKind = Literal["auto", "last", "mean", "max", "attention"]


class Pooling(nn.Module):
    """Reads one vector (B, H) off the states (B, T, H); padding never counts.

    Args:
        kind: `auto` the architecture's own summary, or the mean where it has none; `last` the last valid state;
            `mean`, `max` over the valid states; `attention` their mean weighted by a learned score of each.
        size: H.
    """

    def __init__(self, kind: PoolingKind, size: int) -> None:
        super().__init__()
        self.kind = kind
        if kind == "attention":
            self.score = nn.Linear(size, 1)

    def forward(self, encoding: Encoding) -> Tensor:
        states, lengths = encoding.states, encoding.lengths
        if self.kind == "auto" and encoding.summary is not None:
            return encoding.summary
        if self.kind == "last":
            return last_valid(states, lengths)
        valid = valid_steps(lengths, states)
        if self.kind == "max":
            return (states if valid is None else states.masked_fill(~valid.unsqueeze(2), -torch.inf)).amax(dim=1)
        if self.kind == "attention":
            scores = self.score(states).squeeze(2).float()  # (B, T)
            if valid is not None:
                scores = scores.masked_fill(~valid, -torch.inf)
            encoding.weights = scores.softmax(dim=1)
            return (encoding.weights.to(states.dtype).unsqueeze(1) @ states).squeeze(1)
        if valid is None:
            return states.mean(dim=1)
        return (states * valid.unsqueeze(2)).sum(dim=1) / lengths.unsqueeze(1)
