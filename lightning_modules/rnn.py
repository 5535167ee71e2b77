"""The plain recurrent network, with the cell of the surname tutorial or Elman's.

python scripts/train.py datamodule=names module=rnn                  # Elman, tanh
python scripts/train.py datamodule=names module=rnn module.cell=concat
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn
from torch.nn import functional

from datamodules.errors import BadInput
from lightning_modules.base import SequenceModule
from lightning_modules.encoding import Encoding, last_valid
from lightning_modules.layers.initialization import Initialization, initialize
from lightning_modules.layers.recurrent import RecurrentLayers
from lightning_modules.tasks.base import Task


class RNN(SequenceModule):
    """Elman: h' = tanh(W x + U h + b), or relu.  Concat: h' = W [x, h] + b, and the output is read off [x, h].

    Args:
        task: what it is trained for.
        cell: `tanh` or `relu` (Elman 1990), or `concat`, the tutorial's: no non-linearity anywhere.
        hidden_size: features of each direction's states.
        num_layers: layers, one reading the states of the other.
        dropout: between layers.
        bidirectional: read each sequence backwards too (Elman cells).
        initialization: of the weights; see `initialize`.
    """

    can_be_causal = True

    def __init__(
        self,
        task: Task,
        cell: Literal["tanh", "relu", "concat"] = "tanh",
        hidden_size: Annotated[int, Gt(0)] = 128,
        num_layers: Annotated[int, Gt(0)] = 1,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        bidirectional: bool = False,
        initialization: Initialization = "default",
    ) -> None:
        if cell == "concat" and bidirectional:
            raise BadInput(
                "module.bidirectional=true: cell=concat reads forwards only; cell=tanh and relu read both ways"
            )
        directions = 2 if bidirectional else 1
        top_input = task.input_size if num_layers == 1 else hidden_size
        super().__init__(task, top_input + hidden_size if cell == "concat" else directions * hidden_size)
        self.cell = cell
        self.layers = RecurrentLayers(
            ConcatLayer
            if cell == "concat"
            else lambda inputs, hidden: nn.RNN(inputs, hidden, nonlinearity=cell, batch_first=True),
            task.input_size,
            hidden_size,
            num_layers,
            bidirectional,
            dropout,
        )
        initialize(self.layers, initialization)

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        below, states, summary = self.layers.with_input(x, lengths)
        if self.cell != "concat":
            return Encoding(states, lengths, summary)
        before = functional.pad(states[:, :-1], (0, 0, 1, 0))  # (B, T, H) the state that each step found
        read = torch.cat([below, before], dim=2)  # (B, T, D + H)
        return Encoding(read, lengths, last_valid(read, lengths))


class ConcatLayer(nn.Module):
    """h' = W [x, h] + b from h = 0; the product with x is taken for all steps at once."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.linear = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        of_input, of_state = self.linear.weight.split([self.input_size, self.linear.out_features], dim=1)
        driven = functional.linear(x, of_input, self.linear.bias)  # (B, T, H)
        state = torch.zeros_like(driven[:, 0])
        states = []
        for step in driven.unbind(1):
            state = torch.addmm(step, state, of_state.t())
            states.append(state)
        return torch.stack(states, dim=1), state
