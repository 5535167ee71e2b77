"""Long short-term memory whose gates see the cell (Gers, Schmidhuber 2000).

python scripts/train.py datamodule=names module=peephole_lstm
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from annotated_types import Ge, Gt, Lt
from torch import Tensor

from lightning_modules.base import SequenceModule
from lightning_modules.encoding import Encoding
from lightning_modules.layers.initialization import Initialization, initialize
from lightning_modules.layers.peephole import Peephole, PeepholeLSTMLayer
from lightning_modules.layers.recurrent import RecurrentLayers
from lightning_modules.tasks.base import Task


class PeepholeLSTM(SequenceModule):
    """Input, forget and output gate also read the cell; see `PeepholeLSTMLayer` for the equations.

    Args:
        task: what it is trained for.
        hidden_size: features of each direction's states.
        num_layers: layers, one reading the states of the other.
        dropout: between layers.
        bidirectional: read each sequence backwards too.
        peephole: `diagonal`: a gate sees its own cell; `full`: every cell.
        initialization: of the weights; see `initialize`.
        forget_bias: first bias of the forget gates; small random ones when absent.
    """

    can_be_causal = True

    def __init__(
        self,
        task: Task,
        hidden_size: Annotated[int, Gt(0)] = 128,
        num_layers: Annotated[int, Gt(0)] = 1,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        bidirectional: bool = False,
        peephole: Peephole = "diagonal",
        initialization: Initialization = "default",
        forget_bias: float | None = None,
    ) -> None:
        super().__init__(task, encoding_size=hidden_size * (2 if bidirectional else 1))
        self.layers = RecurrentLayers(
            partial(PeepholeLSTMLayer, peephole=peephole),
            task.input_size,
            hidden_size,
            num_layers,
            bidirectional,
            dropout,
        )
        initialize(self.layers, initialization, forget_bias)

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        states, summary = self.layers(x, lengths)  # (B, T, H), (B, H)
        return Encoding(states, lengths, summary)
