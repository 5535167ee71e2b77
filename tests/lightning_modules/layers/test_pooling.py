import pytest
import torch

from lightning_modules.layers.encoding import Encoding
from lightning_modules.layers.pooling import Pooling

LENGTHS = torch.tensor([3, 1, 5])


@pytest.mark.parametrize("kind", ["auto", "last", "mean", "max", "attention"])
@pytest.mark.parametrize("ragged", [True, False])
def test_pooling_equals_each_example_by_itself(kind: str, ragged: bool) -> None:
    states = torch.randn(3, 5, 4)
    pooling = Pooling(kind, 4)
    lengths = LENGTHS if ragged else None
    got = pooling(Encoding(states, lengths))
    for i in range(3):
        valid = states[i, : int(LENGTHS[i]) if ragged else 5]
        if kind == "last":
            expected = valid[-1]
        elif kind == "max":
            expected = torch.stack([valid[:, j].max() for j in range(4)])
        elif kind == "attention":
            scores = torch.stack([pooling.score(state)[0] for state in valid])
            weights = scores.exp() / scores.exp().sum()
            expected = sum(w * state for w, state in zip(weights, valid))
        else:
            expected = sum(valid) / len(valid)
        torch.testing.assert_close(got[i], expected)


def test_auto_takes_the_architecture_s_own_summary() -> None:
    summary = torch.randn(3, 4)
    assert Pooling("auto", 4)(Encoding(torch.randn(3, 5, 4), LENGTHS, summary)) is summary
