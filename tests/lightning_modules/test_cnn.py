from __future__ import annotations

import pytest
import torch

from datamodules.errors import BadInput
from lightning_modules.cnn import CNN
from tests.lightning_modules.plain_task import PlainTask


def test_the_summary_is_the_maximum_of_each_filter_written_out_slowly() -> None:
    torch.manual_seed(0)
    module = CNN(PlainTask(3), hidden_size=2, kernel_sizes=(2, 3)).eval()
    x, lengths = torch.randn(2, 5, 3), torch.tensor([5, 2])
    summary = module.encode(x, lengths).summary
    for row, length in enumerate(lengths.tolist()):
        columns = []
        for convolution in module.layers[0]:
            width = convolution.kernel_size[0]
            before = (width - 1) // 2
            padded = torch.zeros(length + width - 1, 3)
            padded[before : before + length] = x[row, :length]
            windows = [padded[start : start + width].T for start in range(length)]  # (D, width)
            values = [
                [(filter_ * window).sum() + bias for filter_, bias in zip(convolution.weight, convolution.bias)]
                for window in windows
            ]
            columns += [max(0.0, *(float(step[i]) for step in values)) for i in range(2)]
        assert summary[row].tolist() == pytest.approx(columns, abs=1e-5)


def test_unusable_widths_are_a_sentence() -> None:
    with pytest.raises(BadInput, match=r"module\.kernel_sizes=\[0, 3\]: widths of 1 or more steps"):
        CNN(PlainTask(3), kernel_sizes=[0, 3])
