"""What a network is given: tensors of one batch, all on one device.

B examples, T steps (the longest of the batch; shorter ones are padded), D features, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor


@dataclass
class TokenBatch:
    """Texts as ids of characters or words, each with a class if it is known."""

    tokens: Tensor  # (B, T) int32, 0 after a text's end
    lengths: Tensor  # (B,) int64, tokens in each text
    classes: Tensor | None = None  # (B,) int64

    def __len__(self) -> int:
        return len(self.lengths)


@dataclass
class WindowBatch:
    """Windows of series: what is known, and what is asked for.

    L rows are known (the look-back), H are asked for (the horizon); K columns, F features of the calendar.  Features
    of the calendar are looked up only where a network asks for them.
    """

    past: Tensor  # (B, L, K) scaled
    series: Tensor  # (B,) int64, which series; -1 one that the run never saw
    first: Tensor  # (B,) int64, row of the first target in `calendar`
    calendar: Tensor  # (N, F)
    horizon: int  # H
    future: Tensor | None = None  # (B, H, K) scaled
    hours: Tensor | None = None  # (N,) hour of the day of each row
    offset: Tensor | None = None  # (B, K) original = scaled * scale + offset
    scale: Tensor | None = None  # (B, K)

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
        return self._looked_up(self.calendar, -steps, 0)

    def future_calendar(self) -> Tensor:
        """(B, H, F) features of the rows asked for."""
        return self._looked_up(self.calendar, 0, self.horizon)

    def future_hours(self) -> Tensor:
        """(B, H) hour of the day of the rows asked for."""
        assert self.hours is not None
        return self._looked_up(self.hours, 0, self.horizon)

    def _looked_up(self, table: Tensor, start: int, stop: int) -> Tensor:
        steps = torch.arange(start, stop, device=self.first.device)
        return table[self.first.unsqueeze(1) + steps]
