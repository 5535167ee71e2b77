"""Recurrent layers under autocast (mixed precision)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def call_recurrent(layer: Callable[..., Any], x: Tensor, state: Any = None) -> Any:
    """Call a recurrent layer of torch, in float32 where autocast would not run it in bfloat16.

    Under autocast cuDNN's recurrences run in float16, whatever autocast's type is (ATen/autocast, AutocastRNN.cpp), and
    without a loss scale small gradients become 0.  A processor without bfloat16 instructions has no LSTM in it at all.
    In both cases the recurrence leaves autocast; on a GPU its products are TensorFloat-32 where `tf32` allows that.

    Args:
        layer: nn.RNN, nn.GRU, nn.LSTM or a call of one.
        x: (B, T, D).
        state: the first state as the layer takes it, or None for zeros.
    """
    arguments = (x,) if state is None else (x, state)
    device = x.device.type
    if not torch.is_autocast_enabled(device) or (device == "cpu" and _cpu_has_bfloat16()):
        return layer(*arguments)
    with torch.autocast(device, enabled=False):
        return layer(*(_float32(argument) for argument in arguments))


def _float32(value: Any) -> Any:
    return tuple(map(_float32, value)) if isinstance(value, tuple) else value.float()


@functools.cache
def _cpu_has_bfloat16() -> bool:
    """Whether oneDNN has recurrences in bfloat16 on this processor."""
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
