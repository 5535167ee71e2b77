"""A layer of gated recurrent units with layer norm inside the recurrence."""

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


class LayerNormGRULayer(CellLayer):
    """One layer in one direction (Ba, Kiros, Hinton 2016, equations 26 to 28); torch's order of gates.

    (r, z) = norm(W_rz x) * a_x + norm(U_rz h) * a_h + b_rz, both gates in one norm,
    n = tanh(norm(W_n x) * a_x + b_n + sigmoid(r) * (norm(U_n h) * a_h + b_h)),
    h' = (1 - sigmoid(z)) * n + sigmoid(z) * h.

    Args:
        input_size, hidden_size: features of a step and of a state.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.sizes = [2 * hidden_size, hidden_size]  # of both gates, and of the candidate
        self.weight_ih_l0 = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.zeros(3 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.zeros(hidden_size))  # of the candidate
        self.input_gain = nn.Parameter(torch.ones(3 * hidden_size))
        self.state_gain = nn.Parameter(torch.ones(3 * hidden_size))
        for weight in (self.weight_ih_l0, self.weight_hh_l0):
            nn.init.uniform_(weight, -(hidden_size**-0.5), hidden_size**-0.5)

    def input_projection(self, x: Tensor) -> Tensor:
        early, candidate = self._normed(project_input(x, self.weight_ih_l0), self.input_gain)
        return at_least_float32(torch.cat([early, candidate], dim=-1) + self.bias_ih_l0)

    def step(self, input_projection: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        (hidden,) = state
        early, candidate = self._normed(hidden @ self.weight_hh_l0.t(), self.state_gain)
        of_gates, of_candidate = input_projection.split(self.sizes, dim=-1)
        r, z = torch.sigmoid(of_gates + early).chunk(2, dim=1)
        n = torch.tanh(of_candidate + r * (candidate + self.bias_hh_l0))
        return ((1 - z) * n + z * hidden,)

    def recurrence(self, input_projection: Tensor) -> Tensor:
        weights = [at_least_float32(w) for w in (self.weight_hh_l0, self.state_gain, self.bias_hh_l0)]
        return LayerNormGRURecurrence.apply(input_projection, *weights)

    def _normed(self, product: Tensor, gain: Tensor) -> list[Tensor]:
        blocks = zip(self.sizes, product.split(self.sizes, dim=-1), gain.split(self.sizes))
        return [layer_norm(block, size, gain_of_block) for size, block, gain_of_block in blocks]


class LayerNormGRURecurrence(torch.autograd.Function):
    """All steps: input_projection (T, B, 3 H), U (3 H, H), a_h (3 H), b_h (H) -> states (T, B, H)."""

    @staticmethod
    def forward(ctx: Any, input_projection: Tensor, weight: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        steps, batch, size = len(input_projection), input_projection.shape[1], weight.shape[1]
        gates = input_projection.new_empty(steps, batch, 3, size)  # r, z, n
        states = input_projection.new_empty(steps + 1, batch, size)
        products, candidates = (
            torch.empty_like(input_projection),
            input_projection.new_empty(steps, batch, size),
        )  # U h; what r is multiplied with
        states[0].zero_()
        sizes = [2 * size, size]
        early, late = (part.unbind(0) for part in gates.view_as(input_projection).split(sizes, dim=2))
        r, z, _ = (gate.unbind(0) for gate in gates.unbind(2))
        product, candidate, state = (x.unbind(0) for x in (products, candidates, states))
        (early_gain, late_gain), back = gain.split(sizes), weight.t()
        of_gates, of_candidates = [], []  # mean and inverse deviation of each norm
        for t, step in enumerate(input_projection.unbind(0)):
            of_both, of_new = torch.mm(state[t], back, out=product[t]).split(sizes, dim=1)
            both, *moments = normalized(of_both, early_gain)
            of_gates.append(moments)
            new, *moments = normalized(of_new, late_gain, bias)
            of_candidates.append(moments)
            candidate[t].copy_(new)
            torch.add(step[:, : 2 * size], both, out=early[t]).sigmoid_()
            torch.addcmul(step[:, 2 * size :], r[t], new, out=late[t]).tanh_()
            torch.lerp(late[t], state[t], z[t], out=state[t + 1])
        ctx.save_for_backward(gates, products, candidates, states, weight, gain)
        ctx.of_gates, ctx.of_candidates = of_gates, of_candidates
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, ...]:
        gates, products, candidates, states, weight, gain = ctx.saved_tensors
        size = weight.shape[1]
        sizes = [2 * size, size]
        with torch.autocast(gates.device.type, enabled=False):
            # the loss's gradient of what r, z and n were given and of what r is multiplied with; of U h
            grad_gates = gates.new_empty(*gates.shape[:2], 4, size)
            grad_products = torch.empty_like(products)
            grad_preactivations, early, late = (
                x.unbind(0) for x in (grad_gates, grad_gates.flatten(2)[:, :, : 2 * size], grad_gates[:, :, 3])
            )
            of_both, of_new = (part.unbind(0) for part in products.split(sizes, dim=2))
            into_both, into_new = (part.unbind(0) for part in grad_products.split(sizes, dim=2))
            into, (early_gain, late_gain) = grad_products.unbind(0), gain.split(sizes)
            of_state = torch.zeros_like(states[0])
            for start, end in stretches(candidates):
                r, z, n = gates[start:end].unbind(2)
                new = (1 - z) * (1 - n * n)
                to_preactivations = [
                    new * candidates[start:end] * r * (1 - r),
                    (states[start:end] - n) * z * (1 - z),
                    new,
                    new * r,
                ]
                factors = zip(
                    range(start, end), grad_output[start:end], torch.stack(to_preactivations, dim=2), z
                )  # from h_t
                for t, grad_output_t, preactivation_t, update_t in reversed(list(factors)):
                    of_state += grad_output_t
                    torch.mul(of_state.unsqueeze(1), preactivation_t, out=grad_preactivations[t])
                    into_both[t].copy_(layer_norm_backward(early[t], of_both[t], ctx.of_gates[t], early_gain))
                    into_new[t].copy_(layer_norm_backward(late[t], of_new[t], ctx.of_candidates[t], late_gain))
                    of_state.mul_(update_t).addmm_(into[t], weight)
            norms = [normalized(part)[0] for part in products.split(sizes, dim=2)]
            both, new = grad_gates.flatten(2)[:, :, : 2 * size], grad_gates[:, :, 3]
            of_gain = torch.cat([(both * norms[0]).sum((0, 1)), (new * norms[1]).sum((0, 1))])
            of_weight = weight_gradient(grad_products, states[:-1])
            return grad_gates[:, :, :3].flatten(2), of_weight, of_gain, new.sum((0, 1))
