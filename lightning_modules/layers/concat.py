"""A layer of the surname tutorial's recurrent cell."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lightning_modules.layers.recurrence import CellLayer, at_least_float32, driven_by, weight_gradient


class ConcatLayer(CellLayer):
    """h' = W [x, h] + b from h = 0: one linear map, no non-linearity.

    Args:
        input_size, hidden_size: features of a step and of a state.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.input_size = input_size
        self.linear = nn.Linear(input_size + hidden_size, hidden_size)

    def driven(self, x: Tensor) -> Tensor:
        return driven_by(x, self.split_weight()[0], self.linear.bias)

    def step(self, driven: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        return (driven + state[0] @ self.split_weight()[1].t(),)

    def recurrence(self, driven: Tensor) -> Tensor:
        return LinearRecurrence.apply(driven, at_least_float32(self.split_weight()[1]))

    def split_weight(self) -> list[Tensor]:
        """The columns that read the input, (H, D), and those that read the state, (H, H)."""
        return list(self.linear.weight.split([self.input_size, self.linear.out_features], dim=1))


class LinearRecurrence(torch.autograd.Function):
    """h_t = d_t + U h_(t-1) for all steps: driven (T, B, H), weight U (H, H) -> states (T, B, H)."""

    @staticmethod
    def forward(ctx: Any, driven: Tensor, weight: Tensor) -> Tensor:
        states = driven.new_empty(len(driven) + 1, *driven.shape[1:])
        states[0].zero_()
        state, back = states.unbind(0), weight.t()
        for t, step in enumerate(driven.unbind(0)):
            torch.addmm(step, state[t], back, out=state[t + 1])
        ctx.save_for_backward(states, weight)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, pull: Tensor) -> tuple[Tensor, Tensor]:
        states, weight = ctx.saved_tensors
        with torch.autocast(states.device.type, enabled=False):
            pulled = torch.empty_like(states)  # the loss's gradient of each h_t, through the later steps too
            pulled[-1] = 0.0  # nothing comes from after the last step
            given, pulls = pulled.unbind(0), pull.unbind(0)
            for t in range(len(pull) - 1, -1, -1):
                torch.addmm(pulls[t], given[t + 1], weight, out=given[t])
            return pulled[:-1], weight_gradient(pulled[:-1], states[:-1])
