"""Layers of a recurrent cell over padded sequences, in one direction or both."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from lightning_modules.layers.autocast import call_recurrent
from lightning_modules.layers.concat import ConcatLayer
from lightning_modules.layers.encoding import last_valid
from lightning_modules.layers.stacked import can_be_stacked, flatten_stack, stacked_states

#: Makes one layer in one direction: (input size, hidden size) -> module with
#: forward(x (B, T, D)) -> (states (B, T, H), anything), as nn.GRU(batch_first=True) has it.
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
        bidirectional: each layer has a second half that reads each sequence backwards.
        dropout: between layers.
        variational: that dropout has one mask for all steps of a sequence (Gal, Ghahramani 2016).
        recurrent_dropout: of the weights from state to state, one mask for a batch; see `dropped_state_weights`.
        residual: what a layer reads is added to its states, where the two have one size.
    """

    def __init__(
        self,
        make_layer: MakeLayer,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        variational: bool = False,
        recurrent_dropout: float = 0.0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        self.hidden_size = hidden_size
        self.output_size = directions * hidden_size
        sizes = [input_size] + [self.output_size] * (num_layers - 1)
        self.forwards = nn.ModuleList(make_layer(size, hidden_size) for size in sizes)
        self.backwards = nn.ModuleList(make_layer(size, hidden_size) for size in sizes if bidirectional)
        self.dropout = VariationalDropout(dropout) if variational else nn.Dropout(dropout)
        self.recurrent_dropout = recurrent_dropout
        self.residual = residual
        self._flat_together = False  # whether a GPU has the weights of all layers in one buffer, or of each in its own

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """States and the last state of each direction.

        Args:
            x: (B, T, D).
            lengths: (B,) valid steps, or None where all are.

        Returns:
            states (B, T, output_size) of the last layer, and (B, output_size) its state after reading all of each
            sequence: forwards the one at the last valid step, backwards the one at the first.
        """
        if not self._in_one_call(lengths):
            return self.with_input(x, lengths)[1:]
        self.flatten_parameters(together=True)
        states = call_recurrent(self._stacked, x)
        return states, self._summary(states, lengths)

    def _in_one_call(self, lengths: Tensor | None) -> bool:
        """Whether nothing is done between the layers but what torch's own recurrences do.

        Backward layers read padding first, so they are called apart where there is some.
        """
        if (self.backwards and lengths is not None) or self.residual or len(self.forwards) + len(self.backwards) < 2:
            return False
        if self.training and (self.recurrent_dropout or type(self.dropout) is not nn.Dropout):
            return False
        return can_be_stacked(list(self.forwards), list(self.backwards))

    def _stacked(self, x: Tensor) -> Tensor:
        return stacked_states(list(self.forwards), list(self.backwards), x, self.dropout.p, self.training)

    def flatten_parameters(self, together: bool = False) -> None:
        """On a GPU, give each call of cuDNN its weights in one buffer: those of all layers, or of each by itself."""
        if together == self._flat_together or not next(self.parameters()).is_cuda:
            return
        self._flat_together = together
        if together:
            flatten_stack(list(self.forwards), list(self.backwards))
            return
        for layer in [*self.forwards, *self.backwards]:
            if isinstance(layer, nn.RNNBase):
                layer.flatten_parameters()

    def _apply(self, fn: Callable, recurse: bool = True) -> RecurrentLayers:
        super()._apply(fn, recurse)  # in which each layer flattens its own weights
        self._flat_together = False
        return self

    def with_input(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """The input of the last layer, (B, T, D'), and the return values of `forward`."""
        self.flatten_parameters(together=False)
        backward_order = reversed_steps(lengths, x) if self.backwards else None
        states = x
        for number, layer in enumerate(self.forwards):
            below = states
            x = self.dropout(below) if number else below
            states = self._states(layer, x)
            if backward_order is not None:
                backward = self._states(self.backwards[number], take_steps(x, backward_order))
                states = torch.cat([states, take_steps(backward, backward_order)], dim=2)
            if self.residual and states.shape == below.shape:
                states = states + below
        return x, states, self._summary(states, lengths)

    def _summary(self, states: Tensor, lengths: Tensor | None) -> Tensor:
        """(B, H) the last state of each direction."""
        last = last_valid(states, lengths)
        if not self.backwards:
            return last
        return torch.cat([last[:, : self.hidden_size], states[:, 0, self.hidden_size :]], dim=1)

    def _states(self, layer: nn.Module, x: Tensor) -> Tensor:
        if self.training and self.recurrent_dropout:
            weights = dropped_state_weights(layer, self.recurrent_dropout)
            return call_recurrent(lambda features: functional_call(layer, weights, (features,)), x)[0]
        return call_recurrent(layer, x)[0]


class VariationalDropout(nn.Dropout):
    """Drops a feature at all steps of a sequence or at none."""

    def forward(self, x: Tensor) -> Tensor:  # (B, T, D)
        if not (self.training and self.p):
            return x
        return x * functional.dropout(x.new_ones(len(x), 1, x.shape[2]), self.p)


def dropped_state_weights(layer: nn.Module, share: float) -> dict[str, Tensor]:
    """Name -> weights from state to state with a `share` of them left out: DropConnect (Wan et al. 2013; Merity et al.
    2018), which leaves the recurrence itself, and so torch's fused kernels, as they are."""
    if isinstance(layer, ConcatLayer):
        of_input, of_state = layer.split_weight()
        return {"linear.weight": torch.cat([of_input, functional.dropout(of_state, share)], dim=1)}
    weights = [(name, weight) for name, weight in layer.named_parameters() if name.startswith("weight_hh")]
    return {name: functional.dropout(weight, share) for name, weight in weights}


def reversed_steps(lengths: Tensor | None, like: Tensor) -> Tensor:
    """(B, T) step numbers that turn each sequence round within its length and leave its padding where it is."""
    steps = torch.arange(like.shape[1], device=like.device).expand(like.shape[0], -1)
    if lengths is None:
        return steps.flip(1)
    mirrored = lengths.unsqueeze(1) - 1 - steps
    return torch.where(mirrored >= 0, mirrored, steps)


def take_steps(x: Tensor, order: Tensor) -> Tensor:
    """(B, T, D) the steps of `x` in the order (B, T)."""
    return x.gather(1, order.unsqueeze(2).expand(-1, -1, x.shape[2]))
