"""What all recurrent architectures share: the stack of layers and its settings.

An architecture's own file says how one layer in one direction is made, and which settings it has besides.
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from datamodules.errors import BadInput
from lightning_modules.base import SequenceModule
from lightning_modules.encoding import Encoding
from lightning_modules.layers.initialization import Initialization, initialize
from lightning_modules.layers.recurrent import RecurrentLayers
from lightning_modules.tasks.base import Task


class Recurrent(SequenceModule):
    """Layers of a recurrent cell, each reading the states of the one below.

    A subclass writes `layer`.  It sets what `layer` needs before it calls this class's `__init__`, to which it passes
    on the settings that it does not know as `**settings`.

    Args:
        task: what it is trained for.
        hidden_size: features of each direction's states.
        num_layers: layers, one reading the states of the other.
        dropout: between layers.
        variational: that dropout has one mask for all steps of a sequence.
        recurrent_dropout: of the weights from state to state.
        bidirectional: read each sequence backwards too.
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
        bidirectional: bool = False,
        residual: bool = False,
        initialization: Initialization = "default",
    ) -> None:
        if bidirectional and task.causal:
            name = type(task).__name__.lower()
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
