"""Sampling from a language model: temperature, top-k, top-p; one symbol, or whole texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """How freely symbols are drawn.

    Args:
        temperature: scores are divided by it; 0 takes the most probable symbol.
        top_k: only the k most probable are drawn; all when absent.
        top_p: only the most probable that together have this probability (Holtzman et al. 2020); all at 1.
    """

    temperature: Annotated[float, Ge(0)] = 1.0
    top_k: Annotated[int, Gt(0)] | None = None
    top_p: Annotated[float, Gt(0), Le(1)] = 1.0

    def probabilities(self, scores: Tensor) -> Tensor:
        """(B, V) scores -> (B, V) probabilities to draw with."""
        if self.temperature == 0:
            return torch.nn.functional.one_hot(scores.argmax(dim=1), scores.shape[1]).to(scores.dtype)
        scores = scores / self.temperature
        if self.top_k is not None and self.top_k < scores.shape[1]:
            least = scores.topk(self.top_k, dim=1).values[:, -1:]
            scores = scores.masked_fill(scores < least, -torch.inf)
        probabilities = scores.softmax(dim=1)
        if self.top_p < 1:
            falling, order = probabilities.sort(dim=1, descending=True)
            before = falling.cumsum(dim=1) - falling  # of all that are more probable
            kept = torch.zeros_like(falling, dtype=torch.bool).scatter(1, order, before < self.top_p)
            probabilities = probabilities.masked_fill(~kept, 0)
        return probabilities / probabilities.sum(dim=1, keepdim=True)

    def __call__(self, scores: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(B, V) scores -> (B,) symbols."""
        return torch.multinomial(self.probabilities(scores), 1, generator=generator).squeeze(1)


def sample(
    scores_of: Callable[[Tensor], Tensor],
    beginning: Tensor,
    sampling: Sampling,
    end: int,
    longest: int,
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """Continue texts, symbol after symbol, until each has ended or is `longest` symbols long.

    Args:
        scores_of: (B, T) ids so far -> (B, V) scores of the next symbol.
        beginning: (B, T) ids, T may be 0.
        sampling: how symbols are drawn.
        end: the id that ends a text; no text has it.
        longest: symbols of a text.
        generator: of the draws.

    Returns:
        The ids of each text, its beginning included.
    """
    ids = beginning
    open_texts = torch.ones(len(ids), dtype=torch.bool, device=ids.device)
    while ids.shape[1] < longest and bool(open_texts.any()):
        drawn = sampling(scores_of(ids), generator).masked_fill(~open_texts, end)
        open_texts &= drawn != end
        ids = torch.cat([ids, drawn.unsqueeze(1).to(ids.dtype)], dim=1)
    return [row[: row.index(end)] if end in row else row for row in ids.tolist()]
