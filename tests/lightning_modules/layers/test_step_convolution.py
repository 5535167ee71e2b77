"""A convolution over steps, against sums written out."""

from __future__ import annotations

import pytest
import torch

from lightning_modules.layers.step_convolution import StepConvolution


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kernel_size", [1, 3, 4])
def test_every_step_sees_its_neighbours_and_no_padding(kernel_size: int, causal: bool) -> None:
    torch.manual_seed(1)
    layer, lengths = StepConvolution(5, kernel_size, causal), [6, 2]
    x = torch.randn(2, 6, 5)
    valid = torch.arange(6) < torch.tensor(lengths).unsqueeze(1)
    weight, bias = layer.convolution.weight, layer.convolution.bias
    got = layer(x, valid)
    first = -(kernel_size - 1) if causal else -(kernel_size // 2)
    for row, length in enumerate(lengths):
        for t in range(length):
            total = bias.clone()
            for place in range(kernel_size):
                if 0 <= t + first + place < length:
                    total = total + weight[:, :, place] @ x[row, t + first + place]
            torch.testing.assert_close(got[row, t], x[row, t] + total.relu())
