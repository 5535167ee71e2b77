"""Gated recurrent units (Cho et al. 2014), torch's fused kernels.

python scripts/train.py datamodule=names module=gru module.bidirectional=true
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from lightning_modules.base import SequenceModule
from lightning_modules.encoding import Encoding
from lightning_modules.layers.initialization import Initialization, initialize
from lightning_modules.layers.recurrent import RecurrentLayers
from lightning_modules.tasks.base import Task


class GRU(SequenceModule):
    """r = sigmoid(W_r x + U_r h), z = sigmoid(W_z x + U_z h), n = tanh(W x + r * (U h)), h' = (1 - z) * n + z * h.

    Args:
        task: what it is trained for.
        hidden_size: features of each direction's states.
        num_layers: layers, one reading the states of the other.
        dropout: between layers.
        bidirectional: read each sequence backwards too.
        initialization: of the weights; see `initialize`.
    """

    can_be_causal = True

    def __init__(
        self,
        task: Task,
        hidden_size: Annotated[int, Gt(0)] = 128,
        num_layers: Annotated[int, Gt(0)] = 1,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        bidirectional: bool = False,
        initialization: Initialization = "default",
    ) -> None:
        super().__init__(task, encoding_size=hidden_size * (2 if bidirectional else 1))
        self.layers = RecurrentLayers(
            lambda inputs, hidden: nn.GRU(inputs, hidden, batch_first=True),
            task.input_size,
            hidden_size,
            num_layers,
            bidirectional,
            dropout,
        )
        initialize(self.layers, initialization)

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        states, summary = self.layers(x, lengths)  # (B, T, H), (B, H)
        return Encoding(states, lengths, summary)
