"""A layer of the linear recurrent cell of PyTorch's tutorial on classifying names (Robertson 2017)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lightning_modules.layers.recurrence import CellLayer, at_least_float32, project_input, weight_gradient


class ConcatLayer(CellLayer):
    """h' = W [x, h] + b from h = 0: one linear map, no non-linearity.

    Args:
        input_size, hidden_size: features of a step and of a state.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.input_size = input_size
        self.linear = nn.Linear(input_size + hidden_size, hidden_size)

    def input_projection(self, x: Tensor) -> Tensor:
        return project_input(x, self.split_weight()[0], self.linear.bias)

    def step(self, input_projection: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        return (input_projection + state[0] @ self.split_weight()[1].t(),)

    def recurrence(self, input_projection: Tensor) -> Tensor:
        return LinearRecurrence.apply(input_projection, at_least_float32(self.split_weight()[1]))

    def split_weight(self) -> list[Tensor]:
        """The columns that read the input, (H, D), and those that read the state, (H, H)."""
        return list(self.linear.weight.split([self.input_size, self.linear.out_features], dim=1))


class LinearRecurrence(torch.autograd.Function):
    """h_t = d_t + U h_(t-1) for all steps: input_projection (T, B, H), weight U (H, H) -> states (T, B, H)."""

    @staticmethod
    def forward(ctx: Any, input_projection: Tensor, weight: Tensor) -> Tensor:
        states = input_projection.new_empty(len(input_projection) + 1, *input_projection.shape[1:])
        states[0].zero_()
        state, back = states.unbind(0), weight.t()
        for t, step in enumerate(input_projection.unbind(0)):
            torch.addmm(step, state[t], back, out=state[t + 1])
        ctx.save_for_backward(states, weight)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        states, weight = ctx.saved_tensors
        with torch.autocast(states.device.type, enabled=False):
            grad_gates = torch.empty_like(states)  # the loss's gradient of each h_t, through the later steps too
            grad_gates[-1] = 0.0  # nothing comes from after the last step
            grad_preactivations, grads = grad_gates.unbind(0), grad_output.unbind(0)
            for t in range(len(grad_output) - 1, -1, -1):
                torch.addmm(grads[t], grad_preactivations[t + 1], weight, out=grad_preactivations[t])
            return grad_gates[:-1], weight_gradient(grad_gates[:-1], states[:-1])
