"""Texts that a network writes: symbols as features of its steps, and its states as scores of the next symbol."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

NO_GOAL = -1  # where a text is padded


class Symbols(nn.Module):
    """The V symbols of a vocabulary, an end (id V) and, among those that are read, a start (id V + 1).

    Args:
        num_symbols: V, the reserved ones included.
        embedding_size: features of a step that was written.
        state_size: features of a state.
        input_dropout, output_dropout: of the features of a step, of a state.
    """

    def __init__(
        self,
        num_symbols: int,
        embedding_size: int,
        state_size: int,
        input_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.end, self.start = num_symbols, num_symbols + 1
        self.embedding = nn.Sequential(nn.Embedding(num_symbols + 2, embedding_size), nn.Dropout(input_dropout))
        self.output = nn.Sequential(nn.Dropout(output_dropout), nn.Linear(state_size, num_symbols + 1))

    def read(self, ids: Tensor) -> Tensor:
        """(B, T) ids -> (B, T, E) features."""
        return self.embedding(ids)

    def started(self, ids: Tensor) -> Tensor:
        """(B, T) ids -> (B, 1 + T), the start before them."""
        return functional.pad(ids, (1, 0), value=self.start)

    def scores(self, states: Tensor) -> Tensor:
        """(B, T, H) states -> (B, T, V + 1) scores of what is written next, float32, not normalised."""
        return self.output(states).float()


def what_follows(ids: Tensor, lengths: Tensor, end: int) -> Tensor:
    """(B, T) texts of (B,) lengths -> (B, T + 1) what follows a start and each symbol: the text, then its end."""
    steps = torch.arange(ids.shape[1] + 1, device=ids.device)
    goals = functional.pad(ids.long(), (0, 1)).masked_fill(steps == lengths.unsqueeze(1), end)
    return goals.masked_fill(steps > lengths.unsqueeze(1), NO_GOAL)


def num_goals(lengths: Tensor | None) -> Tensor:
    """How many goals `what_follows` gives texts of (B,) lengths; a scalar."""
    assert lengths is not None
    return (lengths + 1).sum()


def cross_entropy(scores: Tensor, goals: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Mean nats over the steps that have a goal.

    Args:
        scores: (B, T, V) float32.
        goals: (B, T) ids, `NO_GOAL` where none is.
        label_smoothing: share of each goal that is spread over all symbols.
    """
    flat = scores.flatten(0, 1), goals.flatten()
    return functional.cross_entropy(*flat, ignore_index=NO_GOAL, label_smoothing=label_smoothing)


def log_likelihood(scores: Tensor, goals: Tensor) -> Tensor:
    """(B,) the log-probability of all goals of each text."""
    taken = scores.log_softmax(dim=2).gather(2, goals.clamp(min=0).unsqueeze(2)).squeeze(2)
    return taken.masked_fill(goals == NO_GOAL, 0).sum(dim=1)
