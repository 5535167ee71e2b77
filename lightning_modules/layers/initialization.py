"""First weights of a network, by option."""

from __future__ import annotations

from typing import Literal

from torch import nn

from lightning_modules.layers.layer_norm_lstm import LayerNormLSTMLayer
from lightning_modules.layers.peephole import PeepholeLSTMLayer

Initialization = Literal["default", "xavier", "orthogonal"]

LSTM_LAYERS = (nn.LSTM, PeepholeLSTMLayer, LayerNormLSTMLayer)


def initialize(network: nn.Module, scheme: Initialization) -> None:
    """Fill a network's weight matrices anew.

    Args:
        scheme: `default` leaves torch's own; `xavier` draws every matrix (Glorot, Bengio 2010); `orthogonal` is
            `xavier` with orthogonal matrices from state to state (Saxe et al. 2014), one for each gate.
    """
    if scheme == "default":
        return
    for name, parameter in network.named_parameters():
        if parameter.dim() == 2 and "embedding" not in name:
            hidden = parameter.shape[1]
            if scheme == "orthogonal" and "weight_hh" in name:
                for gate in parameter.data.split(hidden):
                    nn.init.orthogonal_(gate)
            else:
                nn.init.xavier_uniform_(parameter)


def set_forget_bias(network: nn.Module, value: float | None) -> None:
    """The bias of the forget gates of LSTM layers, summed over its vectors (Jozefowicz et al. 2015); None: as it is."""
    if value is None:
        return
    for layer in network.modules():
        if isinstance(layer, LSTM_LAYERS):  # gates in torch's order: input, forget, cell, output
            for name, bias in layer.named_parameters():
                if name.startswith("bias"):
                    forget = bias.data[layer.hidden_size : 2 * layer.hidden_size]
                    forget.fill_(value if name.startswith("bias_ih") else 0.0)
