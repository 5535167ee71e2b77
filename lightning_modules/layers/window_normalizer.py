"""What the values of a window are relative to when a network sees them, and back."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Reference = Literal["last", "window", "none"]
LEAST_DEVIATION = 1e-3  # added to that of a window, which may be constant


class WindowNormalizer:
    """Differences from the last known value, deviations from the look-back's mean in its units, or plain values.

    The look-back is `past` (B, L, K) throughout, in scaled units.

    Args:
        reference: `last`, `window` (mean and standard deviation) or `none`.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    @property
    def is_plain(self) -> bool:
        return self.reference == "none"

    def relative(self, values: Tensor, past: Tensor) -> Tensor:
        """(B, T, K) scaled values as a network sees them."""
        if self.is_plain:
            return values
        location, scale = self._of(past)
        return (values - location) / scale

    def absolute(self, answer: Tensor, past: Tensor) -> Tensor:
        """(B, H, K) or (B, H, K, Q) scaled units, from what a network says."""
        if self.is_plain:
            return answer
        location, scale = self._of(past)
        if answer.ndim == 4:
            location, scale = location.unsqueeze(3), scale.unsqueeze(3)
        return answer * scale + location

    def _of(self, past: Tensor) -> tuple[Tensor, Tensor]:
        """The location and the unit, (B, 1, K) each."""
        if self.reference == "window":
            deviation = past.std(dim=1, keepdim=True, correction=0)
            return past.mean(dim=1, keepdim=True), deviation + LEAST_DEVIATION
        last = past[:, -1:]
        return last, torch.ones_like(last)
