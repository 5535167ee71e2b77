"""Convolutions over images of lines, whatever their width; padding never reaches a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

LEAST_WIDTH = 32  # pixels; a narrower image is padded with paper, so that poolings leave something


@dataclass(frozen=True)
class Pool:
    """Max pooling; heights first.  `partial` keeps a last column that only part of a window covers."""

    kernel: tuple[int, int]
    stride: tuple[int, int] | None = None  # the kernel's when absent
    padding: tuple[int, int] = (0, 0)
    partial: bool = False

    @property
    def steps(self) -> tuple[int, int]:
        return self.stride or self.kernel


@dataclass(frozen=True)
class Convolution:
    """A convolution, perhaps batch norm, ReLU, perhaps pooling."""

    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    norm: bool = False
    pool: Pool | None = None


class LineConvolutions(nn.Module):
    """(B, 1, height, W) -> (B, T, D): channels and what is left of the height are a step's features.

    Args:
        layers: what follows what.
        height: of the images.
    """

    def __init__(self, layers: Sequence[Convolution], height: int) -> None:
        super().__init__()
        self.settings = tuple(layers)
        channels = [1, *(layer.channels for layer in layers)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(inputs, layer.channels, layer.kernel, layer.stride, layer.padding, bias=not layer.norm)
            for inputs, layer in zip(channels, layers)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(s.channels) if s.norm else nn.Identity() for s in layers)
        for layer in layers:
            height = _convolved(layer, height)
            if layer.pool is not None:
                height = _pooled(layer.pool, height, 0)
        self.height = height  # that is left
        self.output_size = channels[-1] * height
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on CPUs and GPUs alike

    def forward(self, images: Tensor, lengths: Tensor) -> Tensor:
        """Features of each step of images (B, 1, height, W) with `lengths` (B,) valid columns."""
        x = functional.pad(images, (0, max(0, LEAST_WIDTH - images.shape[3])))
        x = x.contiguous(memory_format=torch.channels_last)
        lengths = lengths.clamp(min=LEAST_WIDTH)
        for settings, convolution, norm in zip(self.settings, self.convolutions, self.norms):
            x = self._convolved_and_normed(x, convolution, norm)
            lengths = _convolved(settings, lengths)
            pool = settings.pool
            if pool is not None:
                if pool.kernel[1] > 1:
                    x = _only_inside(x, lengths)
                lengths = _pooled(pool, lengths, 1)
            x = _only_inside(_pooled_and_rectified(x, pool), lengths)
        return x.permute(0, 3, 1, 2).flatten(2)  # (B, T, channels · height)

    def _convolved_and_normed(self, x: Tensor, convolution: nn.Module, norm: nn.Module) -> Tensor:
        assert isinstance(convolution, nn.Conv2d)
        if self.training or torch.is_grad_enabled() or not isinstance(norm, nn.BatchNorm2d):
            return norm(convolution(x))
        assert norm.running_mean is not None and norm.running_var is not None
        # when only answering, both are one linear map, of weights that no gradient reaches
        weight, bias = fuse_conv_bn_weights(
            convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        return functional.conv2d(x, weight, bias, convolution.stride, convolution.padding)

    def steps(self, lengths: Tensor) -> Tensor:
        """(B,) steps that images of these widths become."""
        lengths = lengths.clamp(min=LEAST_WIDTH)
        for settings in self.settings:
            lengths = _convolved(settings, lengths)
            if settings.pool is not None:
                lengths = _pooled(settings.pool, lengths, 1)
        return lengths


def _convolved(layer: Convolution, size):
    """Rows or columns after a convolution; an int or a tensor of them."""
    return (size + 2 * layer.padding - layer.kernel) // layer.stride + 1


def _pooled(pool: Pool, size, axis: int):
    """Rows (axis 0) or columns (axis 1) after pooling."""
    extra = pool.steps[axis] - 1 if pool.partial else 0
    return (size + 2 * pool.padding[axis] - pool.kernel[axis] + extra) // pool.steps[axis] + 1


def _pooled_and_rectified(x: Tensor, pool: Pool | None) -> Tensor:
    """x (B, C, height, W) after max pooling and ReLU, which in this order has less to do."""
    touching = pool is not None and pool.steps == pool.kernel and max(pool.kernel) <= 2 and not any(pool.padding)
    if pool is not None and not (touching and _is_cpu_inference(x)):
        x = functional.max_pool2d(x, pool.kernel, pool.steps, pool.padding, ceil_mode=pool.partial)
        pool = None
    if not _is_cpu_inference(x):
        return x.relu_()
    # bfloat16 from 0 on is in the order of its bits, and below 0 its bits are a negative number: compared as integers,
    # which processors do several times faster, the same comes out
    values = x.view(torch.int16) if x.dtype == torch.bfloat16 else x
    for axis, size in zip((2, 3), pool.kernel if pool is not None else ()):
        if size == 2:
            values = _halved(values, axis, pool.partial)
    return values.clamp_min_(0).view(x.dtype)


def _halved(x: Tensor, axis: int, partial: bool) -> Tensor:
    """The larger one of each two neighbours; `partial` keeps a last one that has none."""
    pairs, odd = divmod(x.shape[axis], 2)
    whole = x.narrow(axis, 0, 2 * pairs).unflatten(axis, (pairs, 2))
    larger = torch.maximum(whole.select(axis + 1, 0), whole.select(axis + 1, 1))
    return torch.cat([larger, x.narrow(axis, 2 * pairs, 1)], dim=axis) if odd and partial else larger


def _only_inside(x: Tensor, lengths: Tensor) -> Tensor:
    """x (B, C, height, W) with 0 in every column that is not the line's."""
    if _is_cpu_inference(x):  # lines of like width leave little to clear
        for image, length in zip(x, lengths.tolist()):
            image[:, :, length:] = 0
        return x
    inside = (torch.arange(x.shape[3], device=x.device) < lengths.unsqueeze(1)).to(x.dtype)[:, None, None, :]
    return x * inside if torch.is_grad_enabled() else x.mul_(inside)


def _is_cpu_inference(x: Tensor) -> bool:
    """Nothing will be differentiated or traced, and looking at a number does not wait for a device."""
    return torch.is_inference_mode_enabled() and x.device.type == "cpu"
