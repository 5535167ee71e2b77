"""Long short-term memory (Hochreiter, Schmidhuber 1997; forget gates by Gers et al. 2000), torch's fused kernels.

python scripts/train.py datamodule=names module=lstm module.bidirectional=true
"""

from __future__ import annotations

from typing import Any

from torch import nn

from lightning_modules.layers.initialization import set_forget_bias
from lightning_modules.layers.layer_norm_lstm import LayerNormLSTMLayer
from lightning_modules.rnn import RNNBase
from lightning_modules.tasks.base import Task


class LSTM(RNNBase):
    """i, f, o = sigmoid(W x + U h), g = tanh(W x + U h), c' = f * c + i * g, h' = o * tanh(c').

    Args:
        task: what it is trained for.
        layer_norm: of what the gates are given and of the cell; a cell of this project's own, see `LayerNormLSTMLayer`.
        forget_bias: first bias of the forget gates; the layer's own small one when absent.
        settings: see `RNNBase`.
    """

    def __init__(self, task: Task, layer_norm: bool = False, forget_bias: float | None = None, **settings: Any) -> None:
        self.layer_norm = layer_norm
        super().__init__(task, **settings)
        set_forget_bias(self.layers, forget_bias)

    def layer(self, input_size: int, hidden_size: int) -> nn.Module:
        if self.layer_norm:
            return LayerNormLSTMLayer(input_size, hidden_size)
        return nn.LSTM(input_size, hidden_size, batch_first=True)
