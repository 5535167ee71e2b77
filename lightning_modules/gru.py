"""Gated recurrent units (Cho et al. 2014), torch's fused kernels.

python scripts/train.py datamodule=names module=gru module.bidirectional=true
"""

from __future__ import annotations

from typing import Any

from torch import nn

from lightning_modules.layers.layer_norm_gru import LayerNormGRULayer
from lightning_modules.rnn import RNNBase
from lightning_modules.tasks.base import Task


class GRU(RNNBase):
    """r = sigmoid(W_r x + U_r h), z = sigmoid(W_z x + U_z h), n = tanh(W x + r * (U h)), h' = (1 - z) * n + z * h.

    Args:
        task: what it is trained for.
        layer_norm: of what the gates are given; a cell of this project's own, see `LayerNormGRULayer`.
        settings: see `RNNBase`.
    """

    def __init__(self, task: Task, layer_norm: bool = False, **settings: Any) -> None:
        self.layer_norm = layer_norm
        super().__init__(task, **settings)

    def layer(self, input_size: int, hidden_size: int) -> nn.Module:
        if self.layer_norm:
            return LayerNormGRULayer(input_size, hidden_size)
        return nn.GRU(input_size, hidden_size, batch_first=True)
