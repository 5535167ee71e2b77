"""Long short-term memory whose gates see the cell (Gers, Schmidhuber 2000).

python scripts/train.py datamodule=names module=peephole_lstm
"""

from __future__ import annotations

from typing import Any

from torch import nn

from lightning_modules.layers.initialization import set_forget_bias
from lightning_modules.layers.peephole import Peephole, PeepholeLSTMLayer
from lightning_modules.rnn import RNNBase
from lightning_modules.tasks.base import Task


class PeepholeLSTM(RNNBase):
    """i, f = sigmoid(W x + U h + P c), g = tanh(W x + U h), c' = f * c + i * g, o = sigmoid(W x + U h + P c'),
    h' = o * tanh(c').

    Args:
        task: what it is trained for.
        peephole: `diagonal`: a gate sees its own cell; `full`: every cell.
        forget_bias: first bias of the forget gates; small random ones when absent.
        settings: see `RNNBase`.
    """

    can_be_causal = True

    def __init__(
        self, task: Task, peephole: Peephole = "diagonal", forget_bias: float | None = None, **settings: Any
    ) -> None:
        self.peephole: Peephole = peephole
        super().__init__(task, **settings)
        set_forget_bias(self.layers, forget_bias)

    def layer(self, input_size: int, hidden_size: int) -> nn.Module:
        return PeepholeLSTMLayer(input_size, hidden_size, self.peephole)
