from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.training.precision import allow_tf32
from scripts.config.composing import compose
from scripts.runs.folder import RunFolder
from scripts.runs.training import setup_training


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    products, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    yield
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = cudnn


@pytest.mark.parametrize("allowed", [True, False])
def test_a_run_says_whether_its_products_may_be_rounded(allowed: bool, names_folder: Path, tmp_path: Path) -> None:
    allow_tf32(not allowed)
    settings = ["module=bag", f"datamodule.data_dir={names_folder}", "trainer=cpu", "logger=none"]
    setup_training(compose(*settings, f"tf32={allowed}".lower()), RunFolder(tmp_path))
    assert torch.backends.cuda.matmul.allow_tf32 is torch.backends.cudnn.allow_tf32 is allowed


@pytest.mark.parametrize(("precision", "rounded"), [("32-true", False), ("bf16-mixed", True), ("16-mixed", True)])
def test_who_accepts_mixed_precision_accepts_rounded_products(precision: str, rounded: bool) -> None:
    allow_tf32(None, precision)
    assert torch.backends.cuda.matmul.allow_tf32 is torch.backends.cudnn.allow_tf32 is rounded
    allow_tf32(False, precision)
    assert torch.backends.cuda.matmul.allow_tf32 is torch.backends.cudnn.allow_tf32 is False


def rounded_to(bits: int) -> Callable[[Tensor], Tensor]:
    """To a mantissa of so many bits, with float32's range: 10 are TF32's, 7 bfloat16's."""
    half, kept = 1 << (22 - bits), -1 << (23 - bits)
    return lambda x: ((x.contiguous().view(torch.int32) + half) & kept).view(torch.float32)


class Product(torch.autograd.Function):
    """Rounded factors of every product, forwards and backwards; sums in float32: what tensor cores do."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, rounded: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.rounded = rounded
        return rounded(x) @ rounded(weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        gradient = ctx.rounded(gradient)
        return gradient @ ctx.rounded(weight).t(), ctx.rounded(x).t() @ gradient, None


def gradients_of_an_lstm(product: Callable[[Tensor, Tensor], Tensor], dtype: torch.dtype) -> tuple[Tensor, float]:
    """Of its weights, and the share of the gradients of its gates that are 0: the energy tutorial's loss and batch."""
    torch.manual_seed(0)
    steps, size, hidden, batch = 30, 24, 32, 1024
    x = torch.randn(steps, batch // 16, size).to(dtype)  # a sixteenth of it: the loss is that of the whole batch
    weight = (torch.randn(size + hidden, 4 * hidden) / (size + hidden) ** 0.5).to(dtype).requires_grad_()
    out = (torch.randn(hidden, 1) / hidden**0.5).to(dtype)
    state = cell = x.new_zeros(x.shape[1], hidden)
    gates = []
    for step in x:
        gates.append(product(torch.cat([step, state], dim=1), weight))
        gates[-1].retain_grad()
        i, f, o, g = gates[-1].chunk(4, dim=1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        state = o.sigmoid() * cell.tanh()
    answer = (state @ out).float().squeeze(1)
    ((answer - answer.detach() - 0.03).square().sum() / batch).backward()  # its loss after some epochs: 1e-3
    return weight.grad.float(), torch.cat([gate.grad for gate in gates]).eq(0).float().mean().item()


def test_what_a_precision_does_to_the_gradients_of_a_recurrence() -> None:
    """Why `layers.autocast` keeps recurrences out of float16, and why they may be rounded as TF32 has it (imitated)."""
    exact, none = gradients_of_an_lstm(torch.matmul, torch.float32)
    errors, zeros = {}, {"float32": none}
    for name, bits in {"TF32": 10, "bfloat16": 7}.items():
        rounded = rounded_to(bits)
        product = lambda x, weight, rounded=rounded: Product.apply(x, weight, rounded)  # noqa: E731
        gradient, zeros[name] = gradients_of_an_lstm(product, torch.float32)
        errors[name] = ((gradient - exact).norm() / exact.norm()).item()
    _, zeros["float16"] = gradients_of_an_lstm(torch.matmul, torch.float16)
    assert errors["TF32"] < errors["bfloat16"] / 4
    assert zeros["float32"] == zeros["TF32"] == zeros["bfloat16"] < 0.01
    assert zeros["float16"] > 0.3


@pytest.mark.gpu
def test_products_are_rounded_where_they_may_be() -> None:
    numbers = torch.full((64, 64), 1 + 2**-13, device="cuda")  # more bits than TF32 has
    allow_tf32(False)
    exact = (numbers @ numbers)[0, 0].item()
    allow_tf32(True)
    assert (numbers @ numbers)[0, 0].item() == 64 < exact
