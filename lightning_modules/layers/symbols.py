"""Token embedding and output layer of a decoder: ids as features of its steps, states as scores of the next token."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

IGNORE_INDEX = -1  # where a text is padded


class Symbols(nn.Module):
    """The V symbols of a vocabulary, an end (id V) and, as input only, a start (id V + 1).

    Args:
        num_symbols: V, the reserved ones included.
        embedding_size: features of an input step.
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
        self.eos_id, self.bos_id = num_symbols, num_symbols + 1
        self.embedding = nn.Sequential(nn.Embedding(num_symbols + 2, embedding_size), nn.Dropout(input_dropout))
        self.output = nn.Sequential(nn.Dropout(output_dropout), nn.Linear(state_size, num_symbols + 1))

    def read(self, ids: Tensor) -> Tensor:
        """(B, T) ids -> (B, T, E) features."""
        return self.embedding(ids)

    def started(self, ids: Tensor) -> Tensor:
        """(B, T) ids -> (B, 1 + T), the start before them."""
        return functional.pad(ids, (1, 0), value=self.bos_id)

    def scores(self, states: Tensor) -> Tensor:
        """(B, T, H) states -> (B, T, V + 1) scores of the next symbol, float32, not normalised."""
        return self.output(states).float()


def next_token_targets(ids: Tensor, lengths: Tensor, end: int) -> Tensor:
    """Next-token targets (B, T + 1) of a start and each symbol of texts (B, T): the text, then its end."""
    steps = torch.arange(ids.shape[1] + 1, device=ids.device)
    targets = functional.pad(ids.long(), (0, 1)).masked_fill(steps == lengths.unsqueeze(1), end)
    return targets.masked_fill(steps > lengths.unsqueeze(1), IGNORE_INDEX)


def num_targets(lengths: Tensor | None) -> Tensor:
    """(B,) how many targets `next_token_targets` gives each text of (B,) lengths."""
    assert lengths is not None
    return lengths + 1


def cross_entropy(scores: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Mean nats over the steps that have a target.

    Args:
        scores: (B, T, V) float32.
        targets: (B, T) ids, `IGNORE_INDEX` where none is.
        label_smoothing: share of each target that is spread over all symbols.
    """
    flat = scores.flatten(0, 1), targets.flatten()
    return functional.cross_entropy(*flat, ignore_index=IGNORE_INDEX, label_smoothing=label_smoothing)


def log_likelihood(scores: Tensor, targets: Tensor) -> Tensor:
    """(B,) the log-probability of all targets of each text."""
    taken = scores.log_softmax(dim=2).gather(2, targets.clamp(min=0).unsqueeze(2)).squeeze(2)
    return taken.masked_fill(targets == IGNORE_INDEX, 0).sum(dim=1)
