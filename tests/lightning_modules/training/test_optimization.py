import pytest
import torch
from torch import nn

from lightning_modules.training.optimization import clip_norm
from lightning_modules.training.running_mean import TOGETHER, RunningSum


def parameters(shapes: list[tuple[int, ...]], **settings) -> list[nn.Parameter]:
    torch.manual_seed(1)
    made = [nn.Parameter(torch.randn(shape, **settings)) for shape in shapes]
    for parameter in made:
        parameter.grad = torch.randn_like(parameter)
    return made


@pytest.mark.parametrize("largest", [1e-3, 1.0, 1e6, float("inf")])
@pytest.mark.parametrize("kind", ["plain", "one without", "none", "two types", "float64", "not finite"])
def test_gradients_are_clipped_as_torch_does(kind: str, largest: float) -> None:
    own_parameters, reference = (parameters([(3, 4), (5,), ()]) for _ in range(2))
    for made in (own_parameters, reference):
        if kind in ("one without", "none"):
            for parameter in made[: 1 if kind == "one without" else 3]:
                parameter.grad = None
        elif kind == "two types":
            made.append(*parameters([(2,)], dtype=torch.bfloat16))
        elif kind == "float64":
            made[:] = parameters([(2,), (3,)], dtype=torch.float64)
        elif kind == "not finite":
            made[1].grad[2] = float("nan")
    norm, expected = clip_norm(own_parameters, largest), nn.utils.clip_grad_norm_(reference, largest)
    assert torch.equal(norm, expected) or (norm.isnan() and expected.isnan())
    for mine, other in zip(own_parameters, reference):
        assert (mine.grad is None) == (other.grad is None)
        if mine.grad is not None:
            torch.testing.assert_close(mine.grad, other.grad, rtol=0, atol=0, equal_nan=True)


def test_a_running_sum_goes_on_to_the_last_bit_wherever_it_was_saved() -> None:
    values = torch.rand(3 * TOGETHER + 7, generator=torch.Generator().manual_seed(1)).unbind()
    undisturbed = RunningSum(torch.device("cpu"))
    for value in values:
        undisturbed.add(value)
    torch.testing.assert_close(undisturbed.value(), torch.stack(values).sum())
    for at in (0, 1, TOGETHER, TOGETHER + 1, len(values)):
        before, after = RunningSum(torch.device("cpu")), RunningSum(torch.device("cpu"))
        for value in values[:at]:
            before.add(value)
            before.value()  # looking changes nothing
        after.load_state_dict(before.state_dict())
        for value in values[at:]:
            after.add(value)
        assert torch.equal(after.value(), undisturbed.value())
