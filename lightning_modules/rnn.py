"""The plain recurrent network, with the cell of the surname tutorial or Elman's.

python scripts/train.py datamodule=names module=rnn                  # Elman, tanh
python scripts/train.py datamodule=names module=rnn module.cell=concat
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules.errors import BadInput
from lightning_modules.encoding import Encoding, last_valid
from lightning_modules.layers.concat import ConcatLayer
from lightning_modules.recurrent import Recurrent
from lightning_modules.tasks.base import Task

Cell = Literal["tanh", "relu", "concat"]


class RNN(Recurrent):
    """Elman: h' = tanh(W x + U h + b), or relu.  Concat: h' = W [x, h] + b, and the output is read off [x, h].

    Args:
        task: what it is trained for.
        cell: `tanh` or `relu` (Elman 1990), or `concat`, the tutorial's: no non-linearity anywhere, forwards only and
            without residual connections.
        settings: see `Recurrent`.
    """

    def __init__(self, task: Task, cell: Cell = "tanh", **settings: Any) -> None:
        if cell == "concat" and settings.get("bidirectional"):
            raise BadInput(
                "module.bidirectional=true: cell=concat reads forwards only; cell=tanh and relu read both ways"
            )
        if cell == "concat" and settings.get("residual"):
            raise BadInput(
                "module.residual=true: cell=concat is read off its input and state; cell=tanh and relu have residuals"
            )
        self.cell = cell
        super().__init__(task, **settings)

    def layer(self, input_size: int, hidden_size: int) -> nn.Module:
        if self.cell == "concat":
            return ConcatLayer(input_size, hidden_size)
        return nn.RNN(input_size, hidden_size, nonlinearity=self.cell, batch_first=True)

    def read_size(self, below: int, states: int) -> int:
        return below + states if self.cell == "concat" else states

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        if self.cell != "concat":
            return super().encode(x, lengths)
        below, states, _ = self.layers.with_input(x, lengths)
        before = functional.pad(states[:, :-1], (0, 0, 1, 0))  # (B, T, H) the state that each step found
        read = torch.cat([below, before], dim=2)  # (B, T, D + H)
        return Encoding(read, lengths, last_valid(read, lengths))
