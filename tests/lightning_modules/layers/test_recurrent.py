"""Layers of torch's own recurrences in one call: to the last bit what a call for each of them gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.layers import recurrent
from lightning_modules.layers.recurrent import RecurrentLayers
from lightning_modules.layers.stacked import flatten_stack, weights_of

B, T, D, H = 5, 7, 4, 6
KINDS: dict[str, Callable[[int, int], nn.Module]] = {
    "gru": lambda i, h: nn.GRU(i, h, batch_first=True),
    "lstm": lambda i, h: nn.LSTM(i, h, batch_first=True),
    "tanh": lambda i, h: nn.RNN(i, h, batch_first=True),
    "relu": lambda i, h: nn.RNN(i, h, nonlinearity="relu", batch_first=True),
}
LENGTHS = torch.tensor([7, 1, 3, 7, 2])


def layers_of(kind: str, **settings: Any) -> RecurrentLayers:
    torch.manual_seed(3)
    return RecurrentLayers(KINDS[kind], D, H, **settings)


def states_and_gradients(layers: RecurrentLayers, x: Tensor, lengths: Tensor | None) -> list[Tensor]:
    torch.manual_seed(4)
    states, summary = layers(x, lengths)
    (states.square().sum() + summary.sum()).backward()
    gradients = [parameter.grad for parameter in layers.parameters()]
    layers.zero_grad()
    return [states, summary, *gradients]


def calls_of(layers: RecurrentLayers, x: Tensor, lengths: Tensor | None) -> int:
    """How many recurrences torch is asked for."""
    with mock.patch.object(recurrent, "call_recurrent", side_effect=recurrent.call_recurrent) as called:
        layers(x, lengths)
    return called.call_count


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_one_call_gives_what_a_call_for_each_layer_gives(kind: str, bidirectional: bool) -> None:
    layers = layers_of(kind, num_layers=3, bidirectional=bidirectional)
    x, lengths = torch.randn(B, T, D), None if bidirectional else LENGTHS
    assert calls_of(layers, x, lengths) == 1
    together = states_and_gradients(layers, x, lengths)
    with mock.patch.object(RecurrentLayers, "_in_one_call", lambda *_: False):
        assert calls_of(layers, x, lengths) == (6 if bidirectional else 3)
        apart = states_and_gradients(layers, x, lengths)
    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_dropout_between_layers_is_that_of_torch(kind: str, bidirectional: bool) -> None:
    layers = layers_of(kind, num_layers=3, bidirectional=bidirectional, dropout=0.4)
    x = torch.randn(B, T, D)
    cls = {"gru": nn.GRU, "lstm": nn.LSTM}.get(kind, nn.RNN)
    more = {"nonlinearity": kind} if cls is nn.RNN else {}
    settings = {"num_layers": 3, "bidirectional": bidirectional, "dropout": 0.4, "batch_first": True, **more}
    reference = cls(D, H, **settings)
    for own, weight in zip(reference.parameters(), weights_of(list(layers.forwards), list(layers.backwards))):
        own.data.copy_(weight)
    torch.manual_seed(4)
    expected = reference(x)[0]
    torch.manual_seed(4)
    assert torch.equal(layers(x, None)[0], expected)
    torch.manual_seed(5)
    assert not torch.equal(layers(x, None)[0], expected)


@pytest.mark.parametrize(
    ("settings", "lengths", "calls"),
    [
        ({"num_layers": 1}, LENGTHS, 1),
        ({"num_layers": 2, "bidirectional": True}, LENGTHS, 4),  # backwards, padding would come first
        ({"num_layers": 3, "residual": True}, None, 3),
        ({"num_layers": 2, "recurrent_dropout": 0.2}, None, 2),
        ({"num_layers": 2, "dropout": 0.2, "variational": True}, None, 2),
    ],
)
def test_layers_are_called_apart_where_something_is_done_between_them(
    settings: dict[str, Any], lengths: Tensor | None, calls: int
) -> None:
    assert calls_of(layers_of("gru", **settings), torch.randn(B, T, D), lengths) == calls


def test_layers_that_a_hook_watches_are_called_by_themselves() -> None:
    layers, seen = layers_of("gru", num_layers=2), []
    layers.forwards[1].register_forward_hook(lambda *_: seen.append(1))
    layers(torch.randn(B, T, D), None)
    assert seen == [1]


def test_in_evaluation_nothing_is_dropped() -> None:
    layers = layers_of("lstm", num_layers=2, dropout=0.9).eval()
    x = torch.randn(B, T, D)
    assert calls_of(layers, x, LENGTHS) == 1
    assert torch.equal(layers(x, LENGTHS)[0], layers(x, LENGTHS)[0])


def test_the_weights_keep_the_names_of_single_layers() -> None:
    names = {name for name, _ in layers_of("gru", num_layers=2, bidirectional=True).named_parameters()}
    assert {"forwards.0.weight_ih_l0", "forwards.1.bias_hh_l0", "backwards.1.weight_hh_l0"} <= names
    assert len(names) == 16


def test_on_a_gpu_the_weights_of_all_layers_are_put_into_one_buffer() -> None:
    """What torch is asked to put there; whether it does is for a GPU to show."""
    layers = layers_of("lstm", num_layers=2, bidirectional=True)
    with (
        mock.patch.object(Tensor, "is_cuda", True),
        mock.patch("torch.backends.cudnn.is_acceptable", return_value=True),
        mock.patch("torch.backends.cudnn.rnn.get_cudnn_mode", return_value=2),
        mock.patch("torch.cuda.device_of"),
        mock.patch("torch._cudnn_rnn_flatten_weight") as flatten,
    ):
        flatten_stack(list(layers.forwards), list(layers.backwards))
    weights, *settings = flatten.call_args.args
    reference = nn.LSTM(D, H, num_layers=2, bidirectional=True, batch_first=True)
    assert [weight.shape for weight in weights] == [weight.shape for weight in reference._flat_weights]
    assert weights[4] is layers.backwards[0].weight_ih_l0
    assert settings == [4, D, 2, H, 0, 2, True, True]


def test_the_buffer_is_made_once_for_each_way_of_calling() -> None:
    layers, made = layers_of("gru", num_layers=2), []
    with (
        mock.patch.object(Tensor, "is_cuda", True),
        mock.patch.object(recurrent, "flatten_stack", lambda *_: made.append("together")),
        mock.patch.object(nn.RNNBase, "flatten_parameters", lambda _: made.append("apart")),
    ):
        for together in (True, True, False, False, True):
            layers.flatten_parameters(together)
        assert made == ["together", "apart", "apart", "together"]
        layers._apply(lambda tensor: tensor)
        layers.flatten_parameters(together=True)
    assert made[-1] == "together"
