"""A layer of long short-term memory with layer norm inside the recurrence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lightning_modules.layers.recurrence import (
    CellLayer,
    at_least_float32,
    layer_norm,
    layer_norm_backward,
    normalized,
    project_input,
    stretches,
    weight_gradient,
)


class LayerNormLSTMLayer(CellLayer):
    """One layer in one direction (Ba, Kiros, Hinton 2016, equations 20 to 22); torch's order of gates.

    (i, f, g, o) = norm(W x) * a_x + norm(U h) * a_h + b, each norm over all four gates together,
    c' = sigmoid(f) * c + sigmoid(i) * tanh(g), h' = sigmoid(o) * tanh(norm(c') * a_c + b_c).

    Args:
        input_size, hidden_size: features of a step and of a state.
    """

    num_states = 2  # state and cell

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.zeros(4 * hidden_size))
        self.input_gain = nn.Parameter(torch.ones(4 * hidden_size))
        self.state_gain = nn.Parameter(torch.ones(4 * hidden_size))
        self.cell_gain = nn.Parameter(torch.ones(hidden_size))
        self.cell_bias = nn.Parameter(torch.zeros(hidden_size))
        for weight in (self.weight_ih_l0, self.weight_hh_l0):
            nn.init.uniform_(weight, -(hidden_size**-0.5), hidden_size**-0.5)

    def input_projection(self, x: Tensor) -> Tensor:
        product = project_input(x, self.weight_ih_l0)
        return at_least_float32(layer_norm(product, 4 * self.hidden_size, self.input_gain, self.bias_ih_l0))

    def step(self, input_projection: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        (hidden, cell), size = state, self.hidden_size
        i, f, g, o = (input_projection + layer_norm(hidden @ self.weight_hh_l0.t(), 4 * size, self.state_gain)).chunk(
            4, dim=1
        )
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(layer_norm(cell, size, self.cell_gain, self.cell_bias)), cell

    def recurrence(self, input_projection: Tensor) -> Tensor:
        weights = [at_least_float32(w) for w in (self.weight_hh_l0, self.state_gain, self.cell_gain, self.cell_bias)]
        return LayerNormLSTMRecurrence.apply(input_projection, *weights)


class LayerNormLSTMRecurrence(torch.autograd.Function):
    """All steps: input_projection (T, B, 4 H), U (4 H, H), a_h (4 H), a_c and b_c (H) -> states (T, B, H)."""

    @staticmethod
    def forward(
        ctx: Any, input_projection: Tensor, weight: Tensor, gain: Tensor, cell_gain: Tensor, cell_bias: Tensor
    ) -> Tensor:
        steps, batch, size = len(input_projection), input_projection.shape[1], weight.shape[1]
        gates = input_projection.new_empty(steps, batch, 4, size)  # i, f, g, o
        cells, states = (
            input_projection.new_empty(steps + 1, batch, size),
            input_projection.new_empty(steps + 1, batch, size),
        )
        products, squashed = (
            torch.empty_like(input_projection),
            input_projection.new_empty(steps, batch, size),
        )  # U h; tanh(norm(c'))
        cells[0].zero_()
        states[0].zero_()
        preactivations, early = gates.view_as(input_projection).unbind(0), gates[:, :, :2].unbind(0)
        i, f, g, o = (gate.unbind(0) for gate in gates.unbind(2))
        cell, product, tanh, state = (x.unbind(0) for x in (cells, products, squashed, states))
        back = weight.t()
        of_products, of_cells = [], []  # mean and inverse deviation of each norm
        for t, step in enumerate(input_projection.unbind(0)):
            normed, *moments = normalized(torch.mm(state[t], back, out=product[t]), gain)
            of_products.append(moments)
            torch.add(step, normed, out=preactivations[t])
            early[t].sigmoid_()
            torch.mul(f[t], cell[t], out=cell[t + 1]).addcmul_(i[t], g[t].tanh_())
            normed, *moments = normalized(cell[t + 1], cell_gain, cell_bias)
            of_cells.append(moments)
            torch.mul(o[t].sigmoid_(), torch.tanh(normed, out=tanh[t]), out=state[t + 1])
        ctx.save_for_backward(gates, cells, products, squashed, states, weight, gain, cell_gain)
        ctx.of_products, ctx.of_cells = of_products, of_cells
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, ...]:
        gates, cells, products, squashed, states, weight, gain, cell_gain = ctx.saved_tensors
        with torch.autocast(gates.device.type, enabled=False):
            # the loss's gradient of what each gate's function was given, of U h (nothing comes from after the last
            # step), and of norm(c') * a_c + b_c
            grad_gates, grad_norms = torch.empty_like(gates), torch.empty_like(squashed)
            grad_products = products.new_empty(len(products) + 1, *products.shape[1:])
            grad_products[-1].zero_()
            flat, early, late = (
                x.unbind(0) for x in (grad_gates.flatten(2), grad_gates[:, :, :3], grad_gates[:, :, 3])
            )
            into, norms, product, cell = (x.unbind(0) for x in (grad_products, grad_norms, products, cells))
            of_cell = torch.zeros_like(cells[0])
            for start, end in stretches(squashed):
                i, f, g, o = gates[start:end].unbind(2)
                tanh_cell = squashed[start:end]
                to_output, to_norm = tanh_cell * o * (1 - o), o * (1 - tanh_cell * tanh_cell)  # from h_t
                to_early = [g * i * (1 - i), cells[start:end] * f * (1 - f), i * (1 - g * g)]  # from c_t
                factors = zip(
                    range(start, end), grad_output[start:end], to_output, to_norm, torch.stack(to_early, dim=2), f
                )
                for t, grad_output_t, output_t, norm_t, early_t, forget_t in reversed(list(factors)):
                    of_state = torch.addmm(grad_output_t, into[t + 1], weight)
                    torch.mul(of_state, output_t, out=late[t])
                    torch.mul(of_state, norm_t, out=norms[t])
                    of_cell += layer_norm_backward(norms[t], cell[t + 1], ctx.of_cells[t], cell_gain)
                    torch.mul(of_cell.unsqueeze(1), early_t, out=early[t])
                    of_cell.mul_(forget_t)
                    into[t].copy_(layer_norm_backward(flat[t], product[t], ctx.of_products[t], gain))
            grad_preactivations = grad_gates.flatten(2)
            of_gain = (grad_preactivations * normalized(products)[0]).sum((0, 1))
            of_cell_gain = (grad_norms * normalized(cells[1:])[0]).sum((0, 1))
            of_weight = weight_gradient(grad_products[:-1], states[:-1])
            return grad_preactivations, of_weight, of_gain, of_cell_gain, grad_norms.sum((0, 1))
