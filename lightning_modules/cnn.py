"""Convolutions of several widths over time, and the maximum of each (Kim 2014, "Convolutional neural networks for
sentence classification", https://aclanthology.org/D14-1181).

python scripts/train.py datamodule=texts datamodule.data_dir=reviews.csv datamodule.tokens=words module=cnn
python scripts/train.py datamodule=names module=cnn "module.kernel_sizes=[2,3,4,5]"
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn
from torch.nn import functional

from datamodules.errors import BadInput
from lightning_modules.base import SequenceModule
from lightning_modules.layers.encoding import Encoding, valid_steps
from lightning_modules.tasks.base import Task


class CNN(SequenceModule):
    """relu(W_k * x) for each width k, side by side; the summary of a sequence is the maximum of each filter over time.

    Kim's limit on the norm of the output weights is left out, as it is in most later work.

    Args:
        task: what it is trained for.
        hidden_size: filters of each width.
        kernel_sizes: widths k, in steps.
        num_layers: of such convolutions, one reading the other's filters.
        dropout: of the summary, and between layers.
    """

    can_be_causal = True

    def __init__(
        self,
        task: Task,
        hidden_size: Annotated[int, Gt(0)] = 100,
        kernel_sizes: Sequence[int] = (3, 4, 5),
        num_layers: Annotated[int, Gt(0)] = 1,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.5,
    ) -> None:
        if not kernel_sizes or min(kernel_sizes) < 1:
            raise BadInput(f"module.kernel_sizes={list(kernel_sizes)}: widths of 1 or more steps are accepted")
        encoding_size = hidden_size * len(kernel_sizes)
        super().__init__(task, encoding_size)
        self.causal = task.causal
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            nn.ModuleList(nn.Conv1d(size, hidden_size, width) for width in kernel_sizes)
            for size in [task.input_size] + [encoding_size] * (num_layers - 1)
        )

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        valid = valid_steps(lengths, x)  # (B, T) False where a step is padding
        for number, layer in enumerate(self.layers):
            x = self.dropout(x) if number else x
            masked = x if valid is None else x * valid.unsqueeze(2)
            x = torch.cat([self._filters(masked, convolution) for convolution in layer], dim=2)  # (B, T, H)
        pooled = x if valid is None else x.masked_fill(~valid.unsqueeze(2), 0.0)  # no filter is below 0
        return Encoding(x, lengths, self.dropout(pooled.amax(dim=1)))

    def _filters(self, x: Tensor, convolution: nn.Conv1d) -> Tensor:
        """(B, T, D) -> (B, T, H) of one width; a step sees as many before it as after it, or only those before."""
        width = convolution.kernel_size[0]
        before = width - 1 if self.causal else (width - 1) // 2
        padded = functional.pad(x.transpose(1, 2), (before, width - 1 - before))
        return convolution(padded).relu().transpose(1, 2)
