"""Encoding: the states of an encoder, their lengths and summary."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Encoding:
    """Encoder states of a batch of sequences, their lengths, and a summary of each sequence.

    B examples, T steps (an architecture may shorten them), H features of a state.
    """

    states: Tensor  # (B, T, H)
    lengths: Tensor | None  # (B,) valid steps of each; None where all T are
    summary: Tensor | None = None  # (B, H) of each sequence; None where the architecture has none
    weights: Tensor | None = None  # (B, T) attention weights of the summary, where it has any
    host_lengths: Tensor | None = None  # `lengths` on the CPU, where they are known there


def valid_steps(lengths: Tensor | None, like: Tensor) -> Tensor | None:
    """(B, T) True where a step of `like` (B, T, ...) is not padding; None where none is."""
    if lengths is None:
        return None
    return torch.arange(like.shape[1], device=like.device) < lengths.unsqueeze(1)


def mean_valid(states: Tensor, lengths: Tensor | None) -> Tensor:
    """(B, H) the mean state over each example's valid steps."""
    valid = valid_steps(lengths, states)
    if valid is None:
        return states.mean(dim=1)
    kept = valid.unsqueeze(2)
    return (states * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1)


def last_valid(states: Tensor, lengths: Tensor | None) -> Tensor:
    """(B, H) the state at each example's last valid step."""
    if lengths is None:
        return states[:, -1]
    last = (lengths - 1).clamp(min=0).view(-1, 1, 1)
    return states.gather(1, last.expand(-1, 1, states.shape[2])).squeeze(1)  # whose gradient needs no sorting
