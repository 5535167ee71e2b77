"""The base class of hand-written recurrent cells, and the products and layer norms that their gradients need.

The input's product with its weights is taken for all steps at once, so a step's own work is one product with the state
and a few operations in place.  Backwards, everything that does not depend on the gradient is computed for many steps
at once too: a step of back-propagation through time is then one product and four to eight operations, a third of what
autograd does for the same loop, and the gradients of the weights are single products at its end.  Few operations are
what counts on a GPU, where each is a kernel to launch.

Of the other ways, torch.jit.script is no faster than the plain loop and deprecated; torch.compile gains a fifth, but
needs a C++ compiler and a minute for 20 steps, anew for every length: a network that is compiled (compile=true) goes
through here as it is.  benchmarks/cells.py measures the cells beside torch's fused LSTM.

Legend: T steps, B examples, H features of a state, G gates; everything here is time first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5  # of layer norms
IN_CACHE = 2**18  # elements of one gate, over all examples of a stretch of steps


class CellLayer(nn.Module):
    """One layer in one direction of a cell that torch has no fused kernel for.

    A subclass implements one step plainly (`step`) and all steps at once, fast (`recurrence`).  Tracing and export use
    the plain steps.

    Args:
        hidden_size: features of a state.
    """

    num_states = 1  # tensors (B, H) that a step hands on to the next one; the first is the state that is read

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size

    def input_projection(self, x: Tensor) -> Tensor:
        """(T, B, G H) the product of the input x (B, T, D) with its weights."""
        raise NotImplementedError

    def step(self, input_projection: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """The state (B, H) after a step, from its input_projection (B, G H) and the state before."""
        raise NotImplementedError

    def recurrence(self, input_projection: Tensor) -> Tensor:
        """(T, B, H) the states of all steps."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T, D) -> states (B, T, H) and the last one (B, H)."""
        followed = torch.jit.is_tracing() or torch.compiler.is_exporting()
        input_projection = self.input_projection(x)
        states = self.stepwise(input_projection) if followed else self._uncompiled(input_projection)
        return states.transpose(0, 1), states[-1]

    @torch.compiler.disable
    def _uncompiled(self, input_projection: Tensor) -> Tensor:
        return self.recurrence(input_projection)

    def stepwise(self, input_projection: Tensor) -> Tensor:
        """The states of `recurrence`, computed step by step with autograd."""
        state: tuple[Tensor, ...] = (
            input_projection.new_zeros(input_projection.shape[1], self.hidden_size),
        ) * self.num_states
        states = []
        for step_input in input_projection.unbind(0):
            state = self.step(step_input, *state)
            states.append(state[0])
        return torch.stack(states)


def project_input(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(T, B, G H) W x + b for every step of the input x (B, T, D), in float32 at least.

    A cell that adds up over hundreds of steps would lose its small terms in half precision.
    """
    return at_least_float32(functional.linear(x.transpose(0, 1), weight, bias))


def at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.itemsize < 4 else x


def stretches(states: Tensor) -> Iterator[tuple[int, int]]:
    """First step, and the one after the last, of the stretches that back-propagation computes at once; last ones first.

    All of states (T, B, H) on a GPU; on a CPU as many steps as stay in its cache.
    """
    steps, batch, size = states.shape
    length = max(1, IN_CACHE // max(1, batch * size)) if states.device.type == "cpu" else max(1, steps)
    for end in range(steps, 0, -length):
        yield max(0, end - length), end


def weight_gradient(grad_gates: Tensor, read: Tensor) -> Tensor:
    """(G, D) gradient of a matrix that maps `read` (T, B, D) to (T, B, G), whose gradient is `grad_gates`."""
    return grad_gates.flatten(0, 1).t() @ read.flatten(0, 1)


def layer_norm(x: Tensor, size: int, gain: Tensor, bias: Tensor | None = None) -> Tensor:
    """(x - mean) / deviation * gain + bias over the last dimension (Ba, Kiros, Hinton 2016, equation 4), of `size`."""
    return functional.layer_norm(x, (size,), gain, bias, EPSILON)


def normalized(x: Tensor, gain: Tensor | None = None, bias: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """`layer_norm` with the mean and inverse standard deviation that `layer_norm_backward` needs."""
    return torch.native_layer_norm(x, x.shape[-1:], gain, bias, EPSILON)


def layer_norm_backward(grad_output: Tensor, x: Tensor, moments: Sequence[Tensor], gain: Tensor) -> Tensor:
    """The gradient of the input of `normalized`, for the gradient `grad_output` of its output."""
    only_x = [True, False, False]
    return torch.ops.aten.native_layer_norm_backward(grad_output, x, x.shape[-1:], *moments, gain, None, only_x)[0]
