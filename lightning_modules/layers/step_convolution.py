"""StepConvolution: a residual convolution over neighbouring steps."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class StepConvolution(nn.Module):
    """x + relu(W * x), a convolution over time (Mohamed, Okhonko, Zettlemoyer 2019, before a transformer's layers).

    Args:
        size: features D of a step.
        kernel_size: steps that are seen.
        causal: of these the step itself and those before it; else it is in their middle.
    """

    def __init__(self, size: int, kernel_size: int, causal: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(size, size, kernel_size)
        before = kernel_size - 1 if causal else kernel_size // 2
        self.padding = before, kernel_size - 1 - before

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """x (B, T, D), valid (B, T) False where a step is padding, which is not seen -> (B, T, D)."""
        masked = x if valid is None else x * valid.unsqueeze(2)
        return x + self.convolution(functional.pad(masked.transpose(1, 2), self.padding)).relu().transpose(1, 2)
