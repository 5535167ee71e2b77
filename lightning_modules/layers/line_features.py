"""Images of lines as features of steps, for architectures that read steps."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.layers.convolutions import Convolution, LineConvolutions, Pool


class LineFeatures(Protocol):
    """(B, 1, height, W) images with (B,) widths -> (B, T, D)."""

    output_size: int

    def __call__(self, images: Tensor, lengths: Tensor) -> Tensor: ...

    def steps(self, lengths: Tensor) -> Tensor:
        """(B,) steps that images of these widths become."""


class Columns(nn.Module):
    """The pixels of a few neighbouring columns as one step."""

    def __init__(self, columns: int, height: int) -> None:
        super().__init__()
        self.columns = columns
        self.output_size = columns * height

    def forward(self, images: Tensor, lengths: Tensor) -> Tensor:
        missing = -images.shape[3] % self.columns
        strips = functional.pad(images, (0, missing)).squeeze(1).transpose(1, 2)  # (B, W, height)
        return strips.reshape(images.shape[0], -1, self.output_size)

    def steps(self, lengths: Tensor) -> Tensor:
        return (lengths + self.columns - 1) // self.columns


def small_convolutions(channels: int, height: int) -> LineConvolutions:
    """Three convolutions that leave a step for every 4 pixels of width and an eighth of the height."""
    half, low = Pool((2, 2), partial=True), Pool((2, 1))
    layers = [
        Convolution(channels // 4 or 1, kernel=5, stride=2, padding=2, norm=True),
        Convolution(channels // 2 or 1, norm=True, pool=half),
        Convolution(channels, norm=True, pool=low),
    ]
    return LineConvolutions(layers, height)
