"""A layer of long short-term memory whose gates see the cell."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lightning_modules.layers.recurrence import CellLayer, at_least_float32, driven_by, stretches, weight_gradient

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

    def driven(self, x: Tensor) -> Tensor:
        return driven_by(x, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0)

    def step(self, driven: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        hidden, cell = state
        i, f, g, o = (driven + hidden @ self.weight_hh_l0.t()).chunk(4, dim=1)
        i = torch.sigmoid(i + _seen(cell, self.peephole_input))
        f = torch.sigmoid(f + _seen(cell, self.peephole_forget))
        cell = f * cell + i * torch.tanh(g)
        o = torch.sigmoid(o + _seen(cell, self.peephole_output))
        return o * torch.tanh(cell), cell

    def recurrence(self, driven: Tensor) -> Tensor:
        before = torch.stack([self.peephole_input, self.peephole_forget])
        weights = [at_least_float32(w) for w in (self.weight_hh_l0, before, self.peephole_output)]
        return PeepholeRecurrence.apply(driven, *weights)


def _seen(cell: Tensor, weight: Tensor) -> Tensor:
    return cell * weight if weight.dim() == 1 else cell @ weight.t()


class PeepholeRecurrence(torch.autograd.Function):
    """All steps of the layer: driven (T, B, 4 H), U (4 H, H), [P_i, P_f] (2, H or H, H), P_o -> states (T, B, H)."""

    @staticmethod
    def forward(ctx: Any, driven: Tensor, weight: Tensor, before: Tensor, after: Tensor) -> Tensor:
        steps, batch, size = len(driven), driven.shape[1], weight.shape[1]
        gates = driven.new_empty(steps, batch, 4, size)  # i, f, g, o
        cells, states = driven.new_empty(steps + 1, batch, size), driven.new_empty(steps + 1, batch, size)
        squashed = driven.new_empty(steps, batch, size)  # tanh(c')
        cells[0], states[0] = 0.0, 0.0
        back = weight.t()
        for t, step in enumerate(driven.unbind(0)):
            torch.addmm(step, states[t], back, out=gates[t].flatten(1))
            early, candidate, output = gates[t, :, :2], gates[t, :, 2], gates[t, :, 3]
            _add_seen(early, cells[t], before).sigmoid_()
            torch.mul(gates[t, :, 1], cells[t], out=cells[t + 1]).addcmul_(gates[t, :, 0], candidate.tanh_())
            _add_seen(output.unsqueeze(1), cells[t + 1], after.unsqueeze(0)).sigmoid_()
            torch.mul(output, torch.tanh(cells[t + 1], out=squashed[t]), out=states[t + 1])
        ctx.save_for_backward(gates, cells, squashed, states, weight, before, after)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, pull: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        gates, cells, squashed, states, weight, before, after = ctx.saved_tensors
        with torch.autocast(gates.device.type, enabled=False):
            pulled = torch.empty_like(gates)  # the loss's gradient of what each gate's function was given
            _back_through_time(pulled, pull, gates, cells, squashed, weight, before, after)
            early, output = pulled[:, :, :2], pulled[:, :, 3]
            if after.dim() == 1:
                of_before = torch.stack([(early[:, :, i] * cells[:-1]).sum((0, 1)) for i in (0, 1)])
                of_after = (output * cells[1:]).sum((0, 1))
            else:
                of_before = weight_gradient(early.flatten(2), cells[:-1]).view_as(before)
                of_after = weight_gradient(output, cells[1:])
            flat = pulled.flatten(2)
            return flat, weight_gradient(flat, states[:-1]), of_before, of_after


def _add_seen(gates: Tensor, cell: Tensor, weight: Tensor) -> Tensor:
    """Gates (B, n, H) plus what they see of the cell (B, H) through weight (n, H or H, H), in place."""
    if weight.dim() == 2:
        return gates.addcmul_(cell.unsqueeze(1), weight)
    gates.flatten(1).addmm_(cell, weight.flatten(0, 1).t())
    return gates


def _back_through_time(
    pulled: Tensor,
    pull: Tensor,
    gates: Tensor,
    cells: Tensor,
    squashed: Tensor,
    weight: Tensor,
    before: Tensor,
    after: Tensor,
) -> None:
    """Fill `pulled` (T, B, 4, H) from the gradient `pull` (T, B, H) of the states."""
    diagonal = after.dim() == 1
    of_state = torch.empty_like(cells[0])  # of h_t, and below of c_t
    of_cell = torch.zeros_like(of_state)
    for start, end in stretches(squashed):
        i, f, g, o = gates[start:end].unbind(2)
        seen = squashed[start:end]
        to_output = seen * o * (1 - o)  # from h_t
        to_cell = o * (1 - seen * seen)  # from h_t
        to_early = torch.stack([g * i * (1 - i), cells[start:end] * f * (1 - f), i * (1 - g * g)], dim=2)  # from c_t
        to_last = f  # from c_t to c_(t-1)
        if diagonal:  # a gate's own cell: factors like the others
            to_cell.addcmul_(to_output, after)
            to_last = torch.addcmul(f, to_early[:, :, 0], before[0]).addcmul_(to_early[:, :, 1], before[1])
        for t in range(end - 1, start - 1, -1):
            n = t - start
            if t + 1 < len(pulled):
                torch.addmm(pull[t], pulled[t + 1].flatten(1), weight, out=of_state)
            else:
                of_state.copy_(pull[t])
            torch.mul(of_state, to_output[n], out=pulled[t, :, 3])
            of_cell.addcmul_(of_state, to_cell[n])
            if not diagonal:
                of_cell.addmm_(pulled[t, :, 3], after)
            torch.mul(of_cell.unsqueeze(1), to_early[n], out=pulled[t, :, :3])
            of_cell.mul_(to_last[n])
            if not diagonal:
                of_cell.addmm_(pulled[t, :, :2].flatten(1), before.flatten(0, 1))
