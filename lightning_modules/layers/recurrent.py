"""Layers of a recurrent cell over padded sequences, in one direction or both."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lightning_modules.encoding import last_valid

#: Makes one layer in one direction: (input size, hidden size) -> module with
#: forward(x (B, T, D), state) -> (states (B, T, H), state), as nn.GRU(batch_first=True) has it.
MakeLayer = Callable[[int, int], nn.Module]


class RecurrentLayers(nn.Module):
    """A stack of recurrent layers that padding cannot disturb.

    Forward in time, padding comes after the last valid step and changes nothing before it.  Backward in time, each
    sequence is reversed within its own length, so it too comes last.  No packed sequences are needed: lengths stay on
    the device, and on a CPU the padded kernels are several times faster.

    Args:
        make_layer: makes one layer in one direction.
        input_size: features D of a step.
        hidden_size: features of each direction's states.
        num_layers: how many layers follow one another.
        bidirectional: a second stack of layers reads each sequence backwards.
        dropout: between layers.
    """

    def __init__(
        self,
        make_layer: MakeLayer,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        self.output_size = directions * hidden_size
        sizes = [input_size] + [self.output_size] * (num_layers - 1)
        self.forwards = nn.ModuleList(make_layer(size, hidden_size) for size in sizes)
        self.backwards = nn.ModuleList(make_layer(size, hidden_size) for size in sizes if bidirectional)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """States and the last state of each direction.

        Args:
            x: (B, T, D).
            lengths: (B,) valid steps, or None where all are.

        Returns:
            states (B, T, output_size) of the last layer, and (B, output_size) its state after reading all of each
            sequence: forwards the one at the last valid step, backwards the one at the first.
        """
        return self.with_input(x, lengths)[1:]

    def with_input(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """What the last layer read, (B, T, D'), before what `forward` returns."""
        backward_order = reversed_steps(lengths, x) if self.backwards else None
        states = x
        for number, layer in enumerate(self.forwards):
            x = self.dropout(states) if number else states
            states, _ = layer(x)
            summary = last_valid(states, lengths)
            if backward_order is not None:
                backward, _ = self.backwards[number](take_steps(x, backward_order))
                summary = torch.cat([summary, last_valid(backward, lengths)], dim=1)
                states = torch.cat([states, take_steps(backward, backward_order)], dim=2)
        return x, states, summary


def reversed_steps(lengths: Tensor | None, like: Tensor) -> Tensor:
    """(B, T) step numbers that turn each sequence round within its length and leave its padding where it is."""
    steps = torch.arange(like.shape[1], device=like.device).expand(like.shape[0], -1)
    if lengths is None:
        return steps.flip(1)
    mirrored = lengths.unsqueeze(1) - 1 - steps
    return torch.where(mirrored >= 0, mirrored, steps)


def take_steps(x: Tensor, order: Tensor) -> Tensor:
    """(B, T, D) the steps of `x` in the order (B, T)."""
    first = torch.arange(x.shape[0], device=x.device).unsqueeze(1) * x.shape[1]
    return x.flatten(0, 1).index_select(0, (first + order).flatten()).unflatten(0, order.shape)  # whole rows are copied
