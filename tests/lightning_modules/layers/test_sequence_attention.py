from __future__ import annotations

import math

import pytest
import torch

from lightning_modules.attention_lstm import AttentionLSTM
from lightning_modules.layers.sequence_attention import SequenceAttention
from tests.lightning_modules.plain_task import PlainTask

LENGTHS = [3, 5, 1]


@pytest.mark.parametrize("kind", ["additive", "dot"])
def test_a_masked_softmax_by_hand(kind: str) -> None:
    attention = SequenceAttention(4, 6, kind, attention_size=5).double()
    query, states = torch.randn(3, 4).double(), torch.randn(3, 5, 6).double()
    valid = torch.arange(5) < torch.tensor(LENGTHS).unsqueeze(1)
    context, weights = attention(query, states, valid)
    for i, length in enumerate(LENGTHS):
        scores = []
        for t in range(length):
            if kind == "additive":
                inside = attention.of_state.weight @ states[i, t] + attention.of_query(query[i])
                scores.append(float(attention.score.weight[0] @ inside.tanh()))
            else:
                scores.append(float(attention.of_query(query[i]) @ states[i, t]) / math.sqrt(6))
        shares = [math.exp(s) / sum(map(math.exp, scores)) for s in scores]
        assert weights[i].tolist() == pytest.approx([*shares, *[0.0] * (5 - length)], abs=1e-6)
        expected = sum(share * states[i, t] for t, share in enumerate(shares))
        torch.testing.assert_close(context[i], expected, atol=1e-5, rtol=1e-5)


def test_the_weights_stay_for_pictures() -> None:
    module = AttentionLSTM(PlainTask(input_size=4), hidden_size=3, bidirectional=True)
    encoding = module.encode(torch.randn(3, 5, 4), torch.tensor(LENGTHS))
    assert encoding.weights.shape == (3, 5)
    torch.testing.assert_close(encoding.weights.sum(dim=1), torch.ones(3))
    assert encoding.weights[0, 3:].tolist() == [0, 0]
    assert encoding.summary.shape == (3, 6)
