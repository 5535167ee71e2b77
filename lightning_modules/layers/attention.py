"""Scaled dot-product attention with several heads, and the blocks of a transformer around it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

NormPlace = Literal["pre", "post"]


class MultiHeadAttention(nn.Module):
    """softmax(Q K^T / sqrt(D / heads)) V for each head, joined and mapped (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, size: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.query = nn.Linear(size, size)
        self.key_value = nn.Linear(size, 2 * size)
        self.output = nn.Linear(size, size)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """Each step of x (B, T, D) attends to the steps of memory (B, S, D) that mask (B, 1, T or 1, S) allows."""
        query = self._heads(self.query(x))
        key, value = (self._heads(half) for half in self.key_value(memory).chunk(2, dim=2))
        dropout = self.dropout if self.training else 0.0
        read = functional.scaled_dot_product_attention(query, key, value, mask, dropout, is_causal=causal)
        return self.output(read.transpose(1, 2).flatten(2))

    def weights(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, S) attention weights of each step of x over memory, the mean over heads, float32."""
        query, key = self._heads(self.query(x)), self._heads(self.key_value(memory).chunk(2, dim=2)[0])
        scores = (query @ key.transpose(2, 3)).float() * query.shape[3] ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return scores.softmax(dim=3).mean(dim=1)

    def _heads(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, heads, T, D / heads)."""
        return x.unflatten(2, (self.num_heads, -1)).transpose(1, 2)


def feed_forward(size: int, hidden_size: int, dropout: float) -> nn.Sequential:
    """The network that each step passes alone, (..., size) -> (..., size)."""
    return nn.Sequential(nn.Linear(size, hidden_size), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden_size, size))


class TransformerLayer(nn.Module):
    """Self-attention and a feed-forward network, each with a residual connection and layer norm."""

    def __init__(self, size: int, num_heads: int, feed_forward_size: int, dropout: float, norm: NormPlace) -> None:
        super().__init__()
        self.norm_place = norm
        self.attention = MultiHeadAttention(size, num_heads, dropout)
        self.feed_forward = feed_forward(size, feed_forward_size, dropout)
        self.attention_norm = nn.LayerNorm(size)
        self.feed_forward_norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None, causal: bool = False) -> Tensor:
        """x (B, T, D); mask (B, 1, 1 or T, T) True where a step may be attended to."""
        if self.norm_place == "pre":
            y = self.attention_norm(x)
            x = x + self.dropout(self.attention(y, y, mask, causal))
            return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        x = self.attention_norm(x + self.dropout(self.attention(x, x, mask, causal)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class TransformerDecoderLayer(nn.Module):
    """Self-attention over the decoder's steps, cross-attention over the encoder's states, a feed-forward network."""

    def __init__(self, size: int, num_heads: int, feed_forward_size: int, dropout: float, norm: NormPlace) -> None:
        super().__init__()
        self.norm_place = norm
        self.attention = MultiHeadAttention(size, num_heads, dropout)
        self.cross_attention = MultiHeadAttention(size, num_heads, dropout)
        self.feed_forward = feed_forward(size, feed_forward_size, dropout)
        self.attention_norm = nn.LayerNorm(size)
        self.cross_attention_norm = nn.LayerNorm(size)
        self.feed_forward_norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, cached: Tensor | None, memory: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """States of the new steps, what later steps will see of all so far, and the query over the memory.

        Args:
            x: (B, U, D) new steps.
            before: (B, P, D) what a call before returned second; None at the beginning.
            memory: (B, S, D) states of the encoder.
            mask: (B, 1, 1, S) True where one may be attended to.
        """
        pre = self.norm_place == "pre"
        queries = self.attention_norm(x) if pre else x
        cache = queries if cached is None else torch.cat([cached, queries], dim=1)  # (B, P + U, D)
        steps = torch.arange(cache.shape[1], device=x.device)
        earlier = steps <= steps[-x.shape[1] :, None]  # (U, P + U)
        x = x + self.dropout(self.attention(queries, cache, earlier if x.shape[1] > 1 else None))
        x = x if pre else self.attention_norm(x)
        query = self.cross_attention_norm(x) if pre else x
        x = x + self.dropout(self.cross_attention(query, memory, mask))
        x = x if pre else self.cross_attention_norm(x)
        x = x + self.dropout(self.feed_forward(self.feed_forward_norm(x) if pre else x))
        return (x if pre else self.feed_forward_norm(x)), cache, query
