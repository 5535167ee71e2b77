"""Per-window normalisation (RevIN, Kim et al. 2022): subtract the last value, or standardise by the look-back."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Reference = Literal["last", "window", "none"]
LEAST_DEVIATION = 1e-3  # added to that of a window, which may be constant


class WindowNormalizer:
    """Differences from the last known value, or from the look-back's mean in its standard deviations; `denormalize`
    inverts it.

    The look-back is `past` (B, L, K) throughout, in scaled units.

    Args:
        reference: `last`, `window` (mean and standard deviation) or `none` (values as they are).
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    @property
    def is_identity(self) -> bool:
        return self.reference == "none"

    def normalize(self, values: Tensor, past: Tensor) -> Tensor:
        """(B, T, K) scaled values -> values as a network sees them."""
        if self.is_identity:
            return values
        location, scale = self._statistics(past)
        return (values - location) / scale

    def denormalize(self, output: Tensor, past: Tensor) -> Tensor:
        """(B, H, K) or (B, H, K, Q) of a network -> scaled values."""
        if self.is_identity:
            return output
        location, scale = self._statistics(past)
        if output.ndim == 4:
            location, scale = location.unsqueeze(3), scale.unsqueeze(3)
        return output * scale + location

    def _statistics(self, past: Tensor) -> tuple[Tensor, Tensor]:
        """Location and scale, (B, 1, K) each."""
        if self.reference == "window":
            deviation = past.std(dim=1, keepdim=True, correction=0)
            return past.mean(dim=1, keepdim=True), deviation + LEAST_DEVIATION
        last = past[:, -1:]
        return last, torch.ones_like(last)
