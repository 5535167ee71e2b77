"""Every row of every series as tensors; a window is a row number, gathered when its turn comes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from datamodules.batching.batches import WindowBatch, windows_of


@dataclass
class WindowSource:
    """The rows of all series, one after the other: N rows, K columns, F features of the calendar, S series."""

    values: Tensor  # (N, K) float32, scaled
    calendar: Tensor  # (N, F) float32
    series: Tensor  # (N,) int64 which series a row belongs to, of those that were read
    run_series: Tensor  # (S,) int64 which series of the run each of them is; -1 one that the run never saw
    offset: Tensor  # (S, K) original = scaled * scale + offset
    scale: Tensor  # (S, K)
    hours: Tensor  # (N,) int64 hour of the day
    lookback: int  # rows of a window that are known
    horizon: int  # rows that are asked for
    _joined: Tensor | None = field(default=None, init=False, repr=False)

    def to(self, device: torch.device) -> WindowSource:
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        moved: dict[str, Any] = {name: t.to(device) for name, t in tensors.items() if isinstance(t, Tensor)}
        return replace(self, **moved)

    def joined(self) -> Tensor:
        """(N, K + F) values and calendar side by side, made when they are first asked for."""
        if self._joined is None:
            self._joined = torch.cat([self.values, self.calendar], dim=1)
        return self._joined

    def max_length(self, row: Tensor) -> int:
        return self.lookback

    def collate(self, row: Tensor, max_length: int) -> WindowBatch:
        windows = windows_of(self.values, row - self.lookback, self.lookback + self.horizon)  # (B, L+H, K)
        series = self.series.index_select(0, row)
        return WindowBatch(
            windows[:, : self.lookback],
            self.run_series.index_select(0, series),
            row,
            self.calendar,
            self.horizon,
            windows[:, self.lookback :],
            self.hours,
            self.offset.index_select(0, series),
            self.scale.index_select(0, series),
            self.joined,
        )
