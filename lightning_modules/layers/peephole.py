"""A layer of long short-term memory whose gates see the cell."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Peephole = Literal["diagonal", "full"]


class PeepholeLSTMLayer(nn.Module):
    """One layer in one direction; torch's weights and order of gates (input, forget, cell, output), and peepholes.

    i = sigmoid(W_i x + U_i h + P_i c + b_i), f = sigmoid(W_f x + U_f h + P_f c + b_f), g = tanh(W_g x + U_g h + b_g),
    c' = f * c + i * g, o = sigmoid(W_o x + U_o h + P_o c' + b_o), h' = o * tanh(c')   (Gers, Schmidhuber 2000).

    Args:
        input_size, hidden_size: features of a step and of a state.
        peephole: `diagonal`: a gate sees its own cell; `full`: every cell.
    """

    def __init__(self, input_size: int, hidden_size: int, peephole: Peephole = "diagonal") -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.peephole = peephole
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

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x (B, T, D) -> states (B, T, H) and the last state and cell, (B, H) each."""
        driven = functional.linear(x, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0)  # (B, T, 4 H) all at once
        hidden = driven.new_zeros(x.shape[0], self.hidden_size)
        cell, recurrent, size = hidden, self.weight_hh_l0.t(), self.hidden_size
        states = []
        for step in driven.unbind(1):
            gates = torch.addmm(step, hidden, recurrent)
            sees = torch.cat([self._seen(cell, self.peephole_input), self._seen(cell, self.peephole_forget)], dim=1)
            input_gate, forget_gate = torch.sigmoid(gates[:, : 2 * size] + sees).chunk(2, dim=1)
            cell = forget_gate * cell + input_gate * torch.tanh(gates[:, 2 * size : 3 * size])
            output_gate = torch.sigmoid(gates[:, 3 * size :] + self._seen(cell, self.peephole_output))
            hidden = output_gate * torch.tanh(cell)
            states.append(hidden)
        return torch.stack(states, dim=1), (hidden, cell)

    def _seen(self, cell: Tensor, weight: Tensor) -> Tensor:
        return cell * weight if self.peephole == "diagonal" else cell @ weight.t()
