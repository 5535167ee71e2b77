"""A layer of long short-term memory whose gates see the cell."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lightning_modules.layers.recurrence import CellLayer, at_least_float32, project_input, stretches, weight_gradient

Peephole = Literal["diagonal", "full"]


class PeepholeLSTMLayer(CellLayer):
    """One layer in one direction; torch's weights and order of gates (input, forget, cell, output), and peepholes.

    i = sigmoid(W_i x + U_i h + P_i c + b_i), f = sigmoid(W_f x + U_f h + P_f c + b_f), g = tanh(W_g x + U_g h + b_g),
    c' = f * c + i * g, o = sigmoid(W_o x + U_o h + P_o c' + b_o), h' = o * tanh(c')   (Gers, Schmidhuber 2000).

    Args:
        input_size, hidden_size: features of a step and of a state.
        peephole: `diagonal`: a gate sees its own cell; `full`: every cell.
    """

    num_states = 2  # state and cell

    def __init__(self, input_size: int, hidden_size: int, peephole: Peephole = "diagonal") -> None:
        super().__init__(hidden_size)
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        shape = (hidden_size,) if peephole == "diagonal" else (hidden_size, hidden_size)
        self.peephole_input = nn.Parameter(torch.empty(shape))
        self.peephole_forget = nn.Parameter(torch.empty(shape))
        self.peephole_output = nn.Parameter(torch.empty(shape))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden_size**-0.5), hidden_size**-0.5)

    def input_projection(self, x: Tensor) -> Tensor:
        return project_input(x, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0)

    def step(self, input_projection: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        hidden, cell = state
        i, f, g, o = (input_projection + hidden @ self.weight_hh_l0.t()).chunk(4, dim=1)
        i = torch.sigmoid(i + _seen(cell, self.peephole_input))
        f = torch.sigmoid(f + _seen(cell, self.peephole_forget))
        cell = f * cell + i * torch.tanh(g)
        o = torch.sigmoid(o + _seen(cell, self.peephole_output))
        return o * torch.tanh(cell), cell

    def recurrence(self, input_projection: Tensor) -> Tensor:
        before = torch.stack([self.peephole_input, self.peephole_forget])
        after = self.peephole_output.unsqueeze(0)
        return PeepholeRecurrence.apply(
            input_projection, *[at_least_float32(w) for w in (self.weight_hh_l0, before, after)]
        )


def _seen(cell: Tensor, weight: Tensor) -> Tensor:
    return cell * weight if weight.dim() == 1 else cell @ weight.t()


class PeepholeRecurrence(torch.autograd.Function):
    """All steps: input_projection (T, B, 4 H), U (4 H, H), [P_i, P_f] (2, H or 2, H, H), [P_o] (1, H or 1, H, H)
    -> (T, B, H).
    """

    @staticmethod
    def forward(ctx: Any, input_projection: Tensor, weight: Tensor, before: Tensor, after: Tensor) -> Tensor:
        steps, batch, size = len(input_projection), input_projection.shape[1], weight.shape[1]
        gates = input_projection.new_empty(steps, batch, 4, size)  # i, f, g, o
        cells, states = (
            input_projection.new_empty(steps + 1, batch, size),
            input_projection.new_empty(steps + 1, batch, size),
        )
        squashed = input_projection.new_empty(steps, batch, size)  # tanh(c')
        cells[0].zero_()
        states[0].zero_()
        preactivations, early, late = (
            x.unbind(0) for x in (gates.view_as(input_projection), gates[:, :, :2], gates[:, :, 3:])
        )
        i, f, g, o = (gate.unbind(0) for gate in gates.unbind(2))
        cell, tanh, state = (x.unbind(0) for x in (cells, squashed, states))
        back = weight.t()
        for t, step in enumerate(input_projection.unbind(0)):
            torch.addmm(step, state[t], back, out=preactivations[t])
            _add_peepholes(early[t], cell[t], before)
            early[t].sigmoid_()
            torch.mul(f[t], cell[t], out=cell[t + 1]).addcmul_(i[t], g[t].tanh_())
            _add_peepholes(late[t], cell[t + 1], after)
            torch.mul(o[t].sigmoid_(), torch.tanh(cell[t + 1], out=tanh[t]), out=state[t + 1])
        ctx.save_for_backward(gates, cells, squashed, states, weight, before, after)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        gates, cells, squashed, states, weight, before, after = ctx.saved_tensors
        with torch.autocast(gates.device.type, enabled=False):
            # the loss's gradient of what each gate's function was given; nothing comes from after the last step
            grad_gates = gates.new_empty(len(gates) + 1, *gates.shape[1:])
            grad_gates[-1].zero_()
            _back_through_time(grad_gates, grad_output, gates, cells, squashed, weight, before, after)
            flat, early, output = grad_gates[:-1].flatten(2), grad_gates[:-1, :, :2], grad_gates[:-1, :, 3]
            if after.dim() == 2:
                of_before = torch.stack([(gate * cells[:-1]).sum((0, 1)) for gate in early.unbind(2)])
                of_after = (output * cells[1:]).sum((0, 1))
            else:
                of_before = weight_gradient(early.flatten(2), cells[:-1])
                of_after = weight_gradient(output, cells[1:])
            of_weight = weight_gradient(flat, states[:-1])
            return flat, of_weight, of_before.view_as(before), of_after.view_as(after)


def _add_peepholes(gates: Tensor, cell: Tensor, weight: Tensor) -> None:
    """Add what gates (B, n, H) see of the cell (B, H) through weight (n, H or n, H, H), in place."""
    if weight.dim() == 2:
        gates.addcmul_(cell.unsqueeze(1), weight)
    else:
        gates.view(len(gates), -1).addmm_(cell, weight.flatten(0, 1).t())


def _back_through_time(
    grad_gates: Tensor,
    grad_output: Tensor,
    gates: Tensor,
    cells: Tensor,
    squashed: Tensor,
    weight: Tensor,
    before: Tensor,
    after: Tensor,
) -> None:
    """Fill `grad_gates` (T + 1, B, 4, H) from the gradient `grad_output` (T, B, H) of the states."""
    diagonal = after.dim() == 2
    of_state, of_cell = torch.empty_like(cells[0]), torch.zeros_like(cells[0])  # of h_t, and of c_t
    grad_preactivations, early, late = (
        x.unbind(0) for x in (grad_gates.flatten(2), grad_gates[:, :, :3], grad_gates[:, :, 3])
    )
    for start, end in stretches(squashed):
        i, f, g, o = gates[start:end].unbind(2)
        tanh_cell = squashed[start:end]
        to_output, to_cell = tanh_cell * o * (1 - o), o * (1 - tanh_cell * tanh_cell)  # from h_t
        to_early = torch.stack([g * i * (1 - i), cells[start:end] * f * (1 - f), i * (1 - g * g)], dim=2)  # from c_t
        to_last = f  # from c_t to c_(t-1)
        if diagonal:  # a gate's own cell: factors like the others
            to_cell.addcmul_(to_output, after[0])
            to_last = torch.addcmul(f, to_early[:, :, 0], before[0]).addcmul_(to_early[:, :, 1], before[1])
        factors = zip(range(start, end), grad_output[start:end], to_output, to_cell, to_early, to_last)
        for t, grad_output_t, output_t, cell_t, early_t, last_t in reversed(list(factors)):
            torch.addmm(grad_output_t, grad_preactivations[t + 1], weight, out=of_state)
            torch.mul(of_state, output_t, out=late[t])
            of_cell.addcmul_(of_state, cell_t)
            if not diagonal:
                of_cell.addmm_(late[t], after[0])
            torch.mul(of_cell.unsqueeze(1), early_t, out=early[t])
            of_cell.mul_(last_t)
            if not diagonal:
                of_cell.addmm_(grad_preactivations[t][:, : before.shape[0] * before.shape[1]], before.flatten(0, 1))
