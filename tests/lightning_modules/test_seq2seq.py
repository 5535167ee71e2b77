"""Networks that write: shapes, one pass against step by step, attention by hand, what padding cannot do."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from lightning_modules.layers.encoding import valid_steps
from lightning_modules.layers.sequence_attention import SequenceAttention
from lightning_modules.seq2seq import Seq2Seq
from lightning_modules.transformer import Transformer
from tests.lightning_modules.plain_task import PlainWritingTask

LENGTHS = torch.tensor([7, 3, 5, 1])

WRITERS = {
    f"{cell}-{attention}-{context}": lambda task, c=cell, a=attention, k=context: Seq2Seq(
        task, c, 16, 2, bidirectional=a == "dot", context=k, attention=a, attention_size=6
    )
    for cell, attention, context in [
        ("lstm", "none", "state"), ("lstm", "additive", "state"), ("gru", "none", "every"), ("gru", "dot", "every"),
        ("rnn", "additive", "every"),
    ]
}  # fmt: skip
WRITERS |= {
    f"transformer-{norm}": lambda task, n=norm: Transformer(task, 16, 2, 2, norm=n, decoder_layers=2)
    for norm in ("pre", "post")
}


@pytest.mark.parametrize("name", WRITERS)
def test_shapes(name: str) -> None:
    """Batch 4, length 7, embedding 8, hidden 16; attention weights of each step over the valid steps of the input."""
    network = WRITERS[name](PlainWritingTask(8, 8)).eval()
    encoding = network.encode(torch.randn(4, 7, 8), LENGTHS)
    assert encoding.states.shape == (4, 7, 32 if "dot" in name else 16), "both directions where it is bidirectional"
    states, _, weights = network.decode_step(torch.randn(4, 7, 8), network.init_decoder_state(encoding))
    assert states.shape == (4, 7, 16)
    if "none" in name:
        assert weights is None
        return
    assert weights.shape == (4, 7, 7)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(4, 7))
    for row, length in zip(weights, LENGTHS.tolist()):
        assert not row[:, length:].any()
        assert (row[:, :length] > 0).all()


@pytest.mark.parametrize("name", WRITERS)
def test_the_decoder_depends_on_each_encoder_state_through_attention_alone(name: str) -> None:
    """With the summary as it was, another state of a valid step changes the output; without attention it does not."""
    network = WRITERS[name](PlainWritingTask(8, 5)).eval()
    written = torch.randn(4, 3, 5)
    with torch.no_grad():
        encoding = network.encode(torch.randn(4, 7, 8), LENGTHS)
        before, _, _ = network.decode_step(written, network.init_decoder_state(encoding))
        changed = encoding.states.clone()
        changed[:, 0] += torch.randn(changed.shape[2])
        other = dataclasses.replace(encoding, states=changed)
        after, _, _ = network.decode_step(written, network.init_decoder_state(other))
    differs = (before - after).abs().amax(dim=2) > 1e-6  # (4, 3)
    assert differs.all() if "none" not in name else not differs.any()


@pytest.mark.parametrize("name", WRITERS)
def test_a_pass_over_the_truth_equals_step_by_step(name: str) -> None:
    network = WRITERS[name](PlainWritingTask(8, 5)).eval()
    x, written = torch.randn(4, 7, 8), torch.randn(4, 6, 5)
    with torch.no_grad():
        encoding = network.encode(x, LENGTHS)
        at_once, _, weights = network.decode_step(written, network.init_decoder_state(encoding))
        state, steps, weighed = network.init_decoder_state(encoding), [], []
        for piece in written.split([1, 1, 2, 1, 1], dim=1):
            states, state, part = network.decode_step(piece, state)
            steps.append(states)
            weighed.append(part)
    torch.testing.assert_close(torch.cat(steps, dim=1), at_once, atol=1e-5, rtol=1e-5)
    if "none" not in name:
        torch.testing.assert_close(torch.cat(weighed, dim=1), weights, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("make", WRITERS.values(), ids=WRITERS)
def test_padding_is_never_read(make) -> None:
    network = make(PlainWritingTask(8, 5)).eval()
    x, written = torch.randn(4, 7, 8), torch.randn(4, 6, 5)
    with torch.no_grad():
        together, _, _ = network.decode_step(written, network.init_decoder_state(network.encode(x, LENGTHS)))
        for i, length in enumerate(LENGTHS.tolist()):
            encoding = network.encode(x[i : i + 1, :length], LENGTHS[i : i + 1])
            alone, _, _ = network.decode_step(written[i : i + 1], network.init_decoder_state(encoding))
            torch.testing.assert_close(alone[0], together[i], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["additive", "dot"])
def test_attention_of_several_queries_is_the_masked_softmax(kind: str) -> None:
    attention = SequenceAttention(5, 4, kind, attention_size=3)
    query, states = torch.randn(2, 3, 5), torch.randn(2, 6, 4)
    valid = valid_steps(torch.tensor([6, 2]), states)
    context, weights = attention(query, states, valid)
    for b in range(2):
        for u in range(3):
            steps = range(6 if b == 0 else 2)
            if kind == "additive":
                scores = [
                    attention.score(torch.tanh(attention.of_state(states[b, t]) + attention.of_query(query[b, u])))
                    for t in steps
                ]
            else:
                scores = [(attention.of_query(query[b, u]) @ states[b, t] / 2).unsqueeze(0) for t in steps]
            expected = torch.cat(scores).softmax(dim=0)
            torch.testing.assert_close(weights[b, u, : len(steps)], expected)
            torch.testing.assert_close(context[b, u], sum(w * states[b, t] for w, t in zip(expected, steps)))
    assert not weights[1, :, 2:].any()
    one, _ = attention(query[:, 1], states, valid)
    torch.testing.assert_close(one, context[:, 1])
