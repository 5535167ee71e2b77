"""Recurrent cells against their equations in NumPy, gradients included, at ragged lengths and in both directions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from datamodules.errors import BadInput
from lightning_modules.attention_lstm import AttentionLSTM
from lightning_modules.gru import GRU
from lightning_modules.layers import recurrence
from lightning_modules.layers.recurrent import dropped_state_weights
from lightning_modules.lstm import LSTM
from lightning_modules.peephole_lstm import PeepholeLSTM
from lightning_modules.rnn import RNN
from lightning_modules.tasks.classification.task import Classification
from lightning_modules.tasks.forecasting.task import Forecasting
from lightning_modules.tasks.generation.task import Generation
from tests.lightning_modules import numpy_cells
from tests.lightning_modules.plain_task import PlainTask

LENGTHS = [5, 1, 7, 3]
CELLS = {
    "rnn-tanh": (lambda task, **s: RNN(task, cell="tanh", **s), numpy_cells.elman),
    "rnn-relu": (
        lambda task, **s: RNN(task, cell="relu", **s),
        lambda x, w, grad_output: numpy_cells.elman(x, w, grad_output, "relu"),
    ),
    "lstm": (LSTM, numpy_cells.lstm),
    "gru": (GRU, numpy_cells.gru),
    "peephole-diagonal": (PeepholeLSTM, numpy_cells.peephole_lstm),
    "peephole-full": (lambda task, **s: PeepholeLSTM(task, peephole="full", **s), numpy_cells.peephole_lstm),
    "layer-norm-lstm": (lambda task, **s: LSTM(task, layer_norm=True, **s), numpy_cells.layer_norm_lstm),
    "layer-norm-gru": (lambda task, **s: GRU(task, layer_norm=True, **s), numpy_cells.layer_norm_gru),
}


def weights(layer: nn.Module) -> dict[str, np.ndarray]:
    return {name.removesuffix("_l0"): p.detach().numpy() for name, p in layer.named_parameters()}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_and_gradients_follow_the_equations(name: str, bidirectional: bool, monkeypatch) -> None:
    monkeypatch.setattr(recurrence, "IN_CACHE", 24)  # back through time in stretches of two steps
    make, by_hand = CELLS[name]
    module = make(PlainTask(input_size=4), hidden_size=3, bidirectional=bidirectional).double()
    for vector in (p for p in module.parameters() if p.dim() == 1):  # gains of 1 and biases of 0 would hide mistakes
        torch.nn.init.uniform_(vector, -1, 1)
    lengths = torch.tensor(LENGTHS)
    x = torch.randn(len(LENGTHS), max(LENGTHS), 4, dtype=torch.float64, requires_grad=True)
    encoding = module.encode(x, lengths)
    size = 6 if bidirectional else 3
    assert encoding.states.shape == (4, 7, size)
    grad_output = torch.randn_like(encoding.states)
    for i, length in enumerate(LENGTHS):
        grad_output[i, length:] = 0  # nothing is read off the padding
    (encoding.states * grad_output).sum().backward()

    directions = [(module.layers.forwards[0], 1)] + ([(module.layers.backwards[0], -1)] if bidirectional else [])
    expected_dx = np.zeros(x.shape)
    summaries = []
    for number, (layer, step) in enumerate(directions):
        of_weights: dict[str, np.ndarray] = {}
        part = slice(3 * number, 3 * number + 3)
        ends = []
        for i, length in enumerate(LENGTHS):
            sequence, grad_gates = x.detach().numpy()[i, :length][::step], grad_output.numpy()[i, :length, part][::step]
            states, dx, grads = by_hand(sequence, weights(layer), grad_gates)
            np.testing.assert_allclose(encoding.states.detach().numpy()[i, :length, part], states[::step], atol=1e-12)
            ends.append(states[-1])
            expected_dx[i, :length] += dx[::step]
            for key, grad in grads.items():
                of_weights[key] = of_weights.get(key, 0) + grad
        summaries.append(np.stack(ends))
        for key, parameter in layer.named_parameters():
            np.testing.assert_allclose(parameter.grad.numpy(), of_weights[key.removesuffix("_l0")], atol=1e-11)
    np.testing.assert_allclose(x.grad.numpy(), expected_dx, atol=1e-11)
    np.testing.assert_allclose(encoding.summary.detach().numpy(), np.concatenate(summaries, axis=1), atol=1e-12)


def test_without_peepholes_it_is_an_lstm() -> None:
    peephole, lstm = (make(PlainTask(input_size=4), hidden_size=3) for make in (PeepholeLSTM, LSTM))
    own = peephole.layers.forwards[0].state_dict()
    lstm.layers.forwards[0].load_state_dict({name: w for name, w in own.items() if not name.startswith("peephole")})
    for name, parameter in peephole.layers.forwards[0].named_parameters():
        if name.startswith("peephole"):
            torch.nn.init.zeros_(parameter)
    x, lengths = torch.randn(4, 7, 4), torch.tensor(LENGTHS)
    torch.testing.assert_close(peephole.encode(x, lengths).states, lstm.encode(x, lengths).states)


def test_the_concat_cell_follows_the_tutorial() -> None:
    module = RNN(PlainTask(input_size=4), cell="concat", hidden_size=3).double()
    x = torch.randn(len(LENGTHS), max(LENGTHS), 4, dtype=torch.float64, requires_grad=True)
    encoding = module.encode(x, torch.tensor(LENGTHS))
    assert module.encoding_size == 7
    linear = module.layers.forwards[0].linear
    grad_output = torch.zeros_like(encoding.states)
    summary_pull = torch.randn_like(encoding.summary)
    (encoding.summary * summary_pull).sum().backward()
    total = {"weight": 0.0, "bias": 0.0}
    for i, length in enumerate(LENGTHS):
        grad_output[i, length - 1] = summary_pull[i]  # the answer is read at the last letter
        weight, bias = (p.detach().numpy() for p in (linear.weight, linear.bias))
        read, dx, grads = numpy_cells.concat(
            x.detach().numpy()[i, :length], weight, bias, grad_output[i, :length].numpy()
        )
        np.testing.assert_allclose(encoding.states.detach().numpy()[i, :length], read, atol=1e-12)
        np.testing.assert_allclose(encoding.summary.detach().numpy()[i], read[-1], atol=1e-12)
        np.testing.assert_allclose(x.grad.numpy()[i, :length], dx, atol=1e-12)
        assert (x.grad.numpy()[i, length:] == 0).all()
        total = {key: total[key] + grads[key] for key in total}
    np.testing.assert_allclose(linear.weight.grad.numpy(), total["weight"], atol=1e-12)
    np.testing.assert_allclose(linear.bias.grad.numpy(), total["bias"], atol=1e-12)


@pytest.mark.parametrize("make", [RNN, LSTM, GRU])
def test_layers_and_directions_equal_torch_on_packed_sequences(make) -> None:
    module = make(PlainTask(input_size=4), hidden_size=3, num_layers=3, bidirectional=True).double()
    reference = {RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU}[make](4, 3, 3, batch_first=True, bidirectional=True).double()
    with torch.no_grad():
        for number in range(3):
            for suffix, layers in (("", module.layers.forwards), ("_reverse", module.layers.backwards)):
                for name, parameter in layers[number].named_parameters():
                    getattr(reference, f"{name.removesuffix('_l0')}_l{number}{suffix}").copy_(parameter)
    lengths = torch.tensor(LENGTHS)
    x = torch.randn(4, 7, 4, dtype=torch.float64)
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    states, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    got = module.encode(x, lengths).states
    for i, length in enumerate(LENGTHS):
        torch.testing.assert_close(got[i, :length], states[i, :length])
    full = module.encode(x, None).states
    torch.testing.assert_close(full, reference(x)[0])


@pytest.mark.parametrize("name", ["concat", *(name for name in CELLS if "peephole" in name or "norm" in name)])
def test_steps_one_by_one_are_the_same(name: str) -> None:
    make = CELLS[name][0] if name in CELLS else lambda task, **s: RNN(task, cell="concat", **s)
    (layer,) = make(PlainTask(input_size=4), hidden_size=3).double().layers.forwards
    input_projection = layer.input_projection(torch.randn(2, 6, 4, dtype=torch.float64))
    torch.testing.assert_close(layer.stepwise(input_projection), layer.recurrence(input_projection))


def test_bfloat16_is_the_recurrence_in_float32() -> None:
    """A cell that adds up small terms would lose them in half precision."""
    for make in (PeepholeLSTM, lambda task, **s: GRU(task, layer_norm=True, **s)):
        module = make(PlainTask(input_size=4), hidden_size=8)
        x = torch.randn(2, 50, 4)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = module.encode(x, None).states
            states.sum().backward()  # inside autocast, as training steps are
        assert states.dtype == torch.float32
        torch.testing.assert_close(states, module.encode(x, None).states, atol=0.02, rtol=0.02)


def test_residuals_by_hand() -> None:
    settings = {"hidden_size": 3, "num_layers": 3, "bidirectional": True, "residual": True}
    module = LSTM(PlainTask(input_size=4), **settings)
    x, lengths = torch.randn(4, 7, 4), torch.tensor(LENGTHS)
    states = x
    for forwards, backwards in zip(module.layers.forwards, module.layers.backwards):
        made = torch.zeros(4, 7, 6)
        for i, length in enumerate(LENGTHS):
            one = states[i : i + 1, :length]
            there, back = forwards(one)[0][0], backwards(one.flip(1))[0][0].flip(0)
            made[i, :length] = torch.cat([there, back], dim=1)
        states = made if states is x else made + states  # the first layer reads 4 features and has 6
    encoding = module.encode(x, lengths)
    for i, length in enumerate(LENGTHS):
        torch.testing.assert_close(encoding.states[i, :length], states[i, :length])
        end = torch.cat([states[i, length - 1, :3], states[i, 0, 3:]])
        torch.testing.assert_close(encoding.summary[i], end)


def test_variational_dropout_has_one_mask_for_all_steps_and_another_for_each_sequence() -> None:
    settings = {"hidden_size": 32, "num_layers": 2, "dropout": 0.5}
    for variational in (True, False):
        layers = GRU(PlainTask(input_size=4), variational=variational, **settings).layers
        read = []
        layers.forwards[1].register_forward_pre_hook(lambda layer, inputs, read=read: read.append(inputs[0]))
        layers(torch.randn(3, 6, 4), None)
        dropped = read[0] == 0  # (B, T, H)
        assert 0.3 < dropped.float().mean() < 0.7
        assert (dropped == dropped[:, :1]).all().item() is variational
        assert not (dropped[0] == dropped[1]).all()
        layers.eval()(torch.randn(3, 6, 4), None)
        assert not (read[1] == 0).any()


@pytest.mark.parametrize("name", [*CELLS, "concat"])
def test_recurrent_dropout_leaves_out_weights_from_state_to_state(name: str) -> None:
    make = CELLS[name][0] if name in CELLS else lambda task, **s: RNN(task, cell="concat", **s)
    module = make(PlainTask(input_size=4), hidden_size=6, recurrent_dropout=0.5)
    layer = module.layers.forwards[0]
    x = torch.randn(2, 5, 4)
    torch.manual_seed(3)
    got = module.encode(x, None).states
    torch.manual_seed(3)
    dropped = dropped_state_weights(layer, 0.5)
    assert len(dropped) == 1
    for key, weight in dropped.items():
        own = dict(layer.named_parameters())[key]
        of_state = (slice(None), slice(4, None) if name == "concat" else slice(None))
        assert ((weight[of_state] == 0) | torch.isclose(weight[of_state], 2 * own[of_state])).all()
        assert 0.2 < (weight[of_state] == 0).float().mean() < 0.8
        if name == "concat":
            assert torch.equal(weight[:, :4], own[:, :4])
        own.data.copy_(weight)
    module.eval()
    torch.testing.assert_close(got, module.encode(x, None).states)


def test_what_a_cell_has_not_is_refused() -> None:
    task = PlainTask(input_size=4)
    with pytest.raises(BadInput, match=r"module.residual=true: cell=concat is read off its input and state"):
        RNN(task, cell="concat", residual=True)
    with pytest.raises(BadInput, match=r"module.bidirectional=true: cell=concat reads forwards only"):
        RNN(task, cell="concat", bidirectional=True)
    task.causal = True
    with pytest.raises(BadInput, match=r"module.bidirectional=true: task=plain_task reads forwards only; false is"):
        GRU(task, bidirectional=True)
    assert GRU(task).can_be_causal
    assert not AttentionLSTM.can_be_causal


def test_whole_sequences_are_read_both_ways_unless_told() -> None:
    task = PlainTask(input_size=4)
    cases = [(False, None, False), (True, None, True), (True, False, False), (False, True, True)]
    for of_task, given, both in cases:
        task.bidirectional = of_task
        assert bool(len(GRU(task, bidirectional=given).layers.backwards)) is both
    task.bidirectional = True
    assert not len(RNN(task, cell="concat").layers.backwards), "it reads forwards only"
    assert [cls.bidirectional for cls in (Classification, Forecasting, Generation)] == [True, False, False]


def test_initialisation_by_option() -> None:
    task = PlainTask(input_size=4)
    layer = LSTM(task, hidden_size=8, initialization="orthogonal", forget_bias=1.0).layers.forwards[0]
    for gate in layer.weight_hh_l0.split(8):
        torch.testing.assert_close(gate @ gate.t(), torch.eye(8), atol=1e-5, rtol=0)
    bias = (layer.bias_ih_l0 + layer.bias_hh_l0).detach()
    assert (bias[8:16] == 1.0).all()
    assert (bias[:8].abs() < 1.0).all()
    peephole = PeepholeLSTM(task, hidden_size=8, forget_bias=1.0).layers.forwards[0]
    assert ((peephole.bias_ih_l0 + peephole.bias_hh_l0)[8:16] == 1.0).all()
    normed = LSTM(task, hidden_size=8, layer_norm=True, initialization="orthogonal", forget_bias=1.0).layers.forwards[0]
    assert normed.bias_ih_l0.tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16
    bound = (6 / (4 + 32)) ** 0.5
    xavier = LSTM(PlainTask(4), hidden_size=8, initialization="xavier").layers.forwards[0].weight_ih_l0
    assert 0.8 * bound < xavier.abs().max() <= bound
