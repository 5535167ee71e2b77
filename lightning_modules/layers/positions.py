"""Positional encodings."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from datamodules.errors import BadInput

Positions = Literal["sinusoidal", "learned"]


class PositionalEncoding(nn.Module):
    """Adds to each step a vector of its position.

    Args:
        kind: `sinusoidal`, sin and cos of position / 10000^(2i/D) (Vaswani et al. 2017), for any length;
            `learned`, one vector a position, for at most `max_length` steps.
        size: features D of a step.
        max_length: steps that learned positions are made for.
    """

    inverse_wavelengths: Tensor

    def __init__(self, kind: Positions, size: int, max_length: int) -> None:
        super().__init__()
        self.kind = kind
        if kind == "learned":
            self.table = nn.Embedding(max_length, size)
            nn.init.normal_(self.table.weight, std=0.02)
        else:
            exponents = torch.arange(0, size, 2) / size
            self.register_buffer("inverse_wavelengths", torch.exp(-math.log(10000.0) * exponents), persistent=False)

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        """x (B, T, D) -> x plus the vectors of positions first ... first + T - 1."""
        positions = torch.arange(first, first + x.shape[1], device=x.device)
        if self.kind == "learned":
            if first + x.shape[1] > self.table.num_embeddings:
                raise BadInput(
                    f"a sequence of {first + x.shape[1]:,} steps: module.positions=learned was made for"
                    f" {self.table.num_embeddings:,} (module.max_length); positions=sinusoidal has no limit"
                )
            return x + self.table(positions)
        angles = positions.unsqueeze(1) * self.inverse_wavelengths  # (T, ceil(D / 2))
        encoding = torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, : x.shape[2]]
        return x + encoding.to(x.dtype)
