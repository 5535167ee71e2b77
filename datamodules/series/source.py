"""Every row of every series as tensors; a window is a row number, gathered when its turn comes.

Rows of all series stand one after the other.  Calendar features stand once for each stamp, whatever number of series
share it: a row's place there is its own number plus a shift that is constant over a segment.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from datamodules.batching.batches import WindowBatch, windows_of


@dataclass
class WindowSource:
    """N rows of S series, K targets, C covariates; G segments; T stamps with F calendar features."""

    values: Tensor  # (N, K) float32, scaled
    calendar: Tensor  # (T, F) float32
    hours: Tensor  # (T,) int64 hour of the day
    segment_start: Tensor  # (G,) int64 first row of each segment, rising
    segment_shift: Tensor  # (G,) int64 row + shift = row of the calendar
    segment_series: Tensor  # (G,) int64 which series it belongs to, of those that were read
    run_series: Tensor  # (S,) int64 which series of the run each of them is; -1 one that the run never saw
    offset: Tensor  # (S, K) original = scaled * scale + offset
    scale: Tensor  # (S, K)
    lookback: int  # rows of a window that are known
    horizon: int  # rows that are asked for
    covariates: Tensor | None = None  # (N, C) float32, scaled: past covariates, then future ones
    naive_error: Tensor | None = None  # (S, K) of the seasonal naive forecast, original units
    _joined: Tensor | None = field(default=None, init=False, repr=False)

    def to(self, device: torch.device) -> WindowSource:
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        moved: dict[str, Any] = {name: t.to(device) for name, t in tensors.items() if isinstance(t, Tensor)}
        return replace(self, **moved)

    def joined(self) -> Tensor:
        """(N, K + F) values and calendar side by side, made when they are first asked for."""
        if self._joined is None:
            lengths = torch.diff(self.segment_start, append=self.segment_start.new_tensor([len(self.values)]))
            rows = torch.arange(len(self.values), device=self.values.device)
            rows += self.segment_shift.repeat_interleave(lengths, output_size=len(self.values))
            self._joined = torch.cat([self.values, self.calendar[rows]], dim=1)
        return self._joined

    def max_length(self, row: Tensor) -> int:
        return self.lookback

    def collate(self, row: Tensor, max_length: int) -> WindowBatch:
        windows = windows_of(self.values, row - self.lookback, self.lookback + self.horizon)  # (B, L+H, K)
        segment = torch.bucketize(row.contiguous(), self.segment_start, right=True) - 1
        series = self.segment_series.index_select(0, segment)
        return WindowBatch(
            windows[:, : self.lookback],
            self.run_series.index_select(0, series),
            row + self.segment_shift.index_select(0, segment),
            self.calendar,
            self.horizon,
            windows[:, self.lookback :],
            self.hours,
            self.offset.index_select(0, series),
            self.scale.index_select(0, series),
            self.joined,
            row,
            self.covariates,
            None if self.naive_error is None else self.naive_error.index_select(0, series),
        )
