"""Batches: the tensors of a network's input and targets, all on one device.

B examples, T steps (the longest of the batch; shorter ones are padded), D features, C classes;
W pixels of width, L characters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor


class Batch:
    """Base class of batches."""

    origin: Any = None  # the IndexBatch that it was gathered from


@dataclass
class TokenBatch(Batch):
    """Texts as ids of characters or words, each with a class if it is known."""

    tokens: Tensor  # (B, T) int32, 0 after a text's end
    lengths: Tensor  # (B,) int64, tokens in each text
    classes: Tensor | None = None  # (B,) int64

    def __len__(self) -> int:
        return len(self.lengths)


@dataclass
class PairBatch(Batch):
    """Source texts, each with its target text where one is known."""

    tokens: Tensor  # (B, T) int32, 0 after a text's end
    lengths: Tensor  # (B,) int64
    targets: Tensor | None = None  # (B, U) int32, 0 after a text's end
    target_lengths: Tensor | None = None  # (B,) int64
    all_truths: Callable[[], list[tuple[str, ...]]] | None = None  # -> every text that answers each

    def __len__(self) -> int:
        return len(self.lengths)

    def truths(self) -> list[tuple[str, ...]]:
        """Every text that answers each of these texts."""
        assert self.all_truths is not None
        return self.all_truths()


@dataclass
class WindowBatch(Batch):
    """Windows of series: what is known, and what is asked for.

    L rows are known (the look-back), H are asked for (the horizon); K targets, C covariates, F features of the
    calendar.  Calendar and covariates are looked up only where a network asks for them.
    """

    past: Tensor  # (B, L, K) scaled
    series: Tensor  # (B,) int64, which series; -1 one that the run never saw
    first: Tensor  # (B,) int64, row of the first target in `calendar`
    calendar: Tensor  # (T, F)
    horizon: int  # H
    future: Tensor | None = None  # (B, H, K) scaled
    hours: Tensor | None = None  # (T,) hour of the day of each row of the calendar
    offset: Tensor | None = None  # (B, K) original = scaled * scale + offset
    scale: Tensor | None = None  # (B, K)
    joined: Callable[[], Tensor] | None = None  # -> (N, K + F) values and calendar side by side, where they are kept so
    row: Tensor | None = None  # (B,) int64, row of the first target in `joined` and `covariates`
    covariates: Tensor | None = None  # (N, C) scaled: those known up to now, then those known ahead
    naive_error: Tensor | None = None  # (B, K) of the seasonal naive forecast, original units

    lengths: ClassVar[None] = None  # every window is whole

    def __len__(self) -> int:
        return len(self.past)

    def original(self, values: Tensor) -> Tensor:
        """Scaled values (B, H, K) or (B, H, K, Q) in the units of the files."""
        assert self.offset is not None and self.scale is not None
        shape = (len(self), 1, -1) + (1,) * (values.ndim - 3)
        return values * self.scale.view(shape) + self.offset.view(shape)

    def past_calendar(self, steps: int) -> Tensor:
        """(B, steps, F) features of the last known rows."""
        return windows_of(self.calendar, self.first - steps, steps)

    def past_with_calendar(self, steps: int) -> Tensor:
        """(B, steps, K + F) the last known rows with their features; the caller's own to change."""
        if self.joined is None:
            return torch.cat([self.past[:, -steps:], self.past_calendar(steps)], dim=2)
        assert self.row is not None
        return windows_of(self.joined(), self.row - steps, steps)

    def future_calendar(self) -> Tensor:
        """(B, H, F) features of the rows asked for."""
        return windows_of(self.calendar, self.first, self.horizon)

    def past_covariates(self, steps: int) -> Tensor:
        """(B, steps, C) covariates of the last known rows."""
        assert self.covariates is not None and self.row is not None
        return windows_of(self.covariates, self.row - steps, steps)

    def future_covariates(self, count: int, steps: int | None = None) -> Tensor:
        """(B, H, count) the last `count` covariates, those known ahead, of the rows asked for or the first `steps`."""
        assert self.covariates is not None and self.row is not None
        steps = self.horizon if steps is None else steps
        return windows_of(self.covariates, self.row, steps)[..., self.covariates.shape[1] - count :]

    def future_hours(self) -> Tensor:
        """(B, H) hour of the day of the rows asked for."""
        assert self.hours is not None
        return windows_of(self.hours.unsqueeze(1), self.first, self.horizon).squeeze(2)


@dataclass
class LineBatch(Batch):
    """Images of one line of text, each with its transcription where one is known."""

    images: Tensor  # (B, 1, height, W) float32: 0 is paper, 1 ink, 0 after a line's end
    lengths: Tensor  # (B,) int64, pixels of each line's width
    targets: Tensor | None = None  # (B, L) int64 ids of characters, 0 after a text's end
    target_lengths: Tensor | None = None  # (B,) int64
    codepoints: Tensor | None = None  # (B, L) int32, the text itself: a network may not know all of its characters
    display_targets: Tensor | None = None  # (B, L) targets left to right as in the image; None where all are so already
    host_lengths: Tensor | None = None  # `lengths` on the CPU, where they are known there
    host_target_lengths: Tensor | None = None  # `target_lengths` on the CPU

    def __len__(self) -> int:
        return len(self.lengths)


def windows_of(table: Tensor, start: Tensor, length: int) -> Tensor:
    """(B, length, F) rows of `table` (N, F) from each of `start` (B,) on: one gather of whole stretches."""
    features = table.shape[1]
    if not features:
        return table.new_zeros(len(start), length, 0)
    stretches = table.flatten().unfold(0, length * features, features)  # (N - length + 1, length F), a view
    return stretches.index_select(0, start).view(len(start), length, features)
