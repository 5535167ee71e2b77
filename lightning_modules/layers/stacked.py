"""Several recurrent layers of torch in one call, so that cuDNN can work on layers and directions side by side.

A call for each layer makes each wait for the whole of the one below.  The weights stay those of the single layers, with
their names, so checkpoints are the same whether layers are called together or apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

RECURRENCES = (nn.RNN, nn.GRU, nn.LSTM)


def can_be_stacked(forwards: Sequence[nn.Module], backwards: Sequence[nn.Module]) -> bool:
    """Whether the layers are torch's own, all of one kind, and nobody watches a single one of them by a hook."""
    layers = [*forwards, *backwards]
    kind = type(layers[0])
    return (
        len(layers) > 1
        and kind in RECURRENCES
        and all(type(layer) is kind and layer.mode == layers[0].mode for layer in layers)  # type: ignore[union-attr]
        and not any(layer._forward_hooks or layer._forward_pre_hooks for layer in layers)
    )


def weights_of(forwards: Sequence[nn.Module], backwards: Sequence[nn.Module]) -> list[Tensor]:
    """The weights in the order in which torch's functions take those of a stack."""
    pairs = zip(forwards, backwards) if backwards else ((layer,) for layer in forwards)
    return [
        getattr(layer, name)  # a parameter; under FSDP what it was gathered into
        for pair in pairs
        for layer in pair
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    ]


@torch.compiler.disable  # a recurrence is called as it is; see training/compile.py
def stacked_states(
    forwards: Sequence[nn.Module], backwards: Sequence[nn.Module], x: Tensor, dropout: float, training: bool
) -> Tensor:
    """(B, T, H) or (B, T, 2H) states of the last layer.

    Args:
        forwards, backwards: layers of one kind; the latter none, or as many.
        x: (B, T, D), every step of it valid where there are backward layers.
        dropout: between layers, as torch's stacked recurrences have it.
    """
    first: Any = forwards[0]
    weights = weights_of(forwards, backwards)
    zeros = x.new_zeros(len(forwards) + len(backwards), x.shape[0], first.hidden_size)  # (layers, B, H)
    settings = True, len(forwards), dropout, training, bool(backwards), True  # biases first, batch first last
    if isinstance(first, nn.LSTM):
        return torch.lstm(x, (zeros, zeros), weights, *settings)[0]
    if isinstance(first, nn.GRU):
        return torch.gru(x, zeros, weights, *settings)[0]
    function = torch.rnn_tanh if first.mode == "RNN_TANH" else torch.rnn_relu
    return function(x, zeros, weights, *settings)[0]


def flatten_stack(forwards: Sequence[nn.Module], backwards: Sequence[nn.Module]) -> None:
    """Put the weights of all layers into one buffer, as cuDNN wants those of a call; it would copy them at each.

    As `nn.RNNBase.flatten_parameters`, which does it for each layer by itself.
    """
    import torch.backends.cudnn.rnn as cudnn

    first: Any = forwards[0]
    weights = weights_of(forwards, backwards)
    if len({weight.data_ptr() for weight in weights}) < len(weights):  # shared ones would be torn apart
        return
    if not all(weight.is_cuda and torch.backends.cudnn.is_acceptable(weight.data) for weight in weights):
        return
    with torch.cuda.device_of(weights[0]), torch.no_grad():
        torch._cudnn_rnn_flatten_weight(
            weights, 4, first.input_size, cudnn.get_cudnn_mode(first.mode), first.hidden_size, 0, len(forwards),
            True, bool(backwards),
        )  # fmt: skip
