"""The plain recurrent network (Elman 1990), and `RNNBase`, the base class that every recurrent architecture shares.

python scripts/train.py datamodule=names module=rnn                  # Elman, tanh
python scripts/train.py datamodule=names module=rnn module.cell=concat
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn
from torch.nn import functional

from datamodules.errors import BadInput, option_name
from lightning_modules.base import SequenceModule
from lightning_modules.layers.concat import ConcatLayer
from lightning_modules.layers.encoding import Encoding, last_valid
from lightning_modules.layers.initialization import Initialization, initialize
from lightning_modules.layers.recurrent import RecurrentLayers
from lightning_modules.tasks.base import Task

Cell = Literal["tanh", "relu", "concat"]


class RNNBase(SequenceModule):
    """Base class of the recurrent architectures: stacked layers of a cell, each reading the states of the one below.

    A subclass writes `layer`.  It sets what `layer` needs before it calls this class's `__init__`, to which it passes
    on the settings that it does not know as `**settings`.

    Args:
        task: what it is trained for.
        hidden_size: features of each direction's states.
        num_layers: layers, one reading the states of the other.
        dropout: between layers.
        variational: that dropout has one mask for all steps of a sequence.
        recurrent_dropout: of the weights from state to state.
        bidirectional: read each sequence backwards too; None: where the task is one of whole sequences
            (`Task.bidirectional`).
        residual: what a layer reads is added to its states, where the two have one size.
        initialization: of the weights; see `initialize`.
    """

    can_be_causal = True

    def __init__(
        self,
        task: Task,
        hidden_size: Annotated[int, Gt(0)] = 128,
        num_layers: Annotated[int, Gt(0)] = 1,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        variational: bool = False,
        recurrent_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        bidirectional: bool | None = None,
        residual: bool = False,
        initialization: Initialization = "default",
    ) -> None:
        if bidirectional is None:
            bidirectional = task.bidirectional
        if bidirectional and task.causal:
            name = option_name(type(task))
            raise BadInput(f"module.bidirectional=true: task={name} reads forwards only; false is accepted")
        below = task.input_size if num_layers == 1 else hidden_size
        super().__init__(task, self.read_size(below, hidden_size * (2 if bidirectional else 1)))
        self.layers = RecurrentLayers(
            self.layer,
            task.input_size,
            hidden_size,
            num_layers,
            bidirectional,
            dropout,
            variational,
            recurrent_dropout,
            residual,
        )
        initialize(self.layers, initialization)

    def layer(self, input_size: int, hidden_size: int) -> nn.Module:
        """One layer in one direction; see `MakeLayer`."""
        raise NotImplementedError

    def read_size(self, below: int, states: int) -> int:
        """Features that `encode` returns, for those that the last layer reads and those of its states."""
        return states

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        states, summary = self.layers(x, lengths)  # (B, T, H), (B, H)
        return Encoding(states, lengths, summary)


class RNN(RNNBase):
    """Elman: h' = tanh(W x + U h + b), or relu.  Concat: h' = W [x, h] + b, and the output is read off [x, h].

    Args:
        task: what it is trained for.
        cell: `tanh` or `relu` (Elman 1990), or `concat`, Robertson's: no non-linearity anywhere, forwards only and
            without residual connections.
        settings: see `RNNBase`.
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
        if cell == "concat":
            settings["bidirectional"] = False
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
