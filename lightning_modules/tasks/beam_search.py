"""Decoding a sequence step by step: greedy, or beam search over several sequences at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor

#: (ids (N, 1) of the last symbols, state) -> (log-probabilities (N, V) of the next, state)
Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


@dataclass
class GenerationConfig:
    """Greedy, or beam search with length normalisation.

    Args:
        method: `greedy` or `beam_search`.
        beam_width: sequences that are kept.
        length_penalty: of texts of a beam the one with the best log-probability / symbols ** length_penalty is chosen;
            0 prefers short texts.
    """

    method: Literal["greedy", "beam_search"] = "greedy"
    beam_width: Annotated[int, Gt(0)] = 5
    length_penalty: Annotated[float, Ge(0)] = 1.0

    def __call__(
        self, step: Step, state: Any, count: int, start: int, end: int, longest: int | Tensor
    ) -> DecodedSequences:
        """Decode a sequence for each of `count` rows of the state.

        Args:
            step: the network.
            state: the decoder's first.
            start, end: the ids before and after a sequence.
            longest: symbols of a sequence; for each row (B,), or for all.
        """
        if self.method == "greedy":
            return beam_search(step, state, count, start, end, longest, 1, 0.0)
        return beam_search(step, state, count, start, end, longest, self.beam_width, self.length_penalty)


@dataclass
class DecodedSequences:
    """Ids of each sequence, without start and end, and its log-probability, the end included."""

    ids: list[list[int]]
    log_probs: list[float]


def beam_search(
    step: Step, state: Any, count: int, start: int, end: int, longest: int | Tensor, width: int, length_penalty: float
) -> DecodedSequences:
    """The best sequence for each row among the `width` that are kept; `width` 1 is greedy.

    Ended sequences stay among the kept ones with the log-probability that they have.
    """
    device = _device(state)
    state = select_rows(state, torch.arange(count, device=device).repeat_interleave(width))
    ids = torch.full((count * width, 1), start, device=device)
    total = torch.full((count, width), -torch.inf, device=device)
    total[:, 0] = 0  # all sequences are the same at first
    lengths = torch.zeros(count, width, device=device)
    finished = torch.zeros(count, width, dtype=torch.bool, device=device)
    most = torch.as_tensor(longest, device=device).expand(count)
    for length in range(int(most.max()) + 1):
        log_probs, state = step(ids[:, -1:], state)
        num_symbols = log_probs.shape[1]
        after = log_probs.float().view(count, width, num_symbols)
        stays = torch.full_like(after, -torch.inf)
        stays[:, :, end] = 0  # an ended sequence is continued by ends of log-probability 0
        done = finished | (most < length).unsqueeze(1)
        after = torch.where(done.unsqueeze(2), stays, after)
        reached = (total.unsqueeze(2) + after).flatten(1)  # (B, W V)
        total, best = reached.topk(width, dim=1)
        parent, symbol = best // num_symbols, best % num_symbols
        rows = (torch.arange(count, device=device).unsqueeze(1) * width + parent).flatten()
        ids = torch.cat([ids[rows], symbol.view(-1, 1)], dim=1)
        done = done.gather(1, parent)
        lengths = lengths.gather(1, parent) + ~done
        finished = finished.gather(1, parent) | ((symbol == end) & ~done)
        if bool((finished | (most <= length).unsqueeze(1)).all()):
            break
        if width > 1:
            state = select_rows(state, rows)
    normalised = total / lengths.clamp(min=1) ** length_penalty
    chosen = normalised.masked_fill(~finished & finished.any(dim=1, keepdim=True), -torch.inf).argmax(dim=1)
    rows = torch.arange(count, device=device) * width + chosen
    limited = [row[:limit] for row, limit in zip(ids[rows, 1:].tolist(), most.tolist())]
    texts = [row[: row.index(end)] if end in row else row for row in limited]
    return DecodedSequences(texts, total.gather(1, chosen.unsqueeze(1)).squeeze(1).tolist())


def select_rows(state: Any, rows: Tensor) -> Any:
    """The rows of every tensor in a state."""
    if isinstance(state, Tensor):
        return state.index_select(0, rows)
    if isinstance(state, (tuple, list)):
        return type(state)(select_rows(part, rows) for part in state)
    return state


def _device(state: Any) -> torch.device:
    if isinstance(state, Tensor):
        return state.device
    return next(found for part in state if isinstance(part, (Tensor, tuple, list)) for found in [_device(part)])
