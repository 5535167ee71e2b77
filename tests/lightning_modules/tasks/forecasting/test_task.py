"""What a forecast is made of, against the same written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.energy import Energy
from lightning_modules.tasks.forecasting.task import Forecasting, pinball
from lightning_modules.training.instantiate import build
from scripts.runs.training import build_module
from tests.lightning_modules.numpy_cells import gru as numpy_gru
from tests.pairs import datamodule_for, small_settings


def made(*overrides: str, module: str = "gru") -> tuple[Any, Any, Any]:
    """A module on the synthetic series, its data module and a batch of training windows."""
    config = small_settings(module, "energy-forecasting", overrides=overrides)
    datamodule = datamodule_for(config)
    network = build_module(config, datamodule)
    batch = datamodule.source.collate(datamodule.indices["train"][::40], 0)
    return network, datamodule, batch


def test_a_gru_forecaster_against_its_equations() -> None:
    overrides = (
        "module.bidirectional=false", "datamodule.horizon=1", "datamodule.calendar=ordinal", "task.relative_to=none",
        "task.linear_skip=false", "task.series_embedding_size=0", "task.head=relu", "task.target_calendar=false",
    )  # fmt: skip
    network, _, batch = made(*overrides)
    network.eval()
    with torch.no_grad():
        forecasts = network(batch)
    weights = {name: w.detach().double().numpy() for name, w in network.layers.forwards[0].named_parameters()}
    weights = {name.removesuffix("_l0"): w for name, w in weights.items()}
    output = network.task.output[-1]
    for i in range(0, len(batch), 5):
        x = torch.cat([batch.past[i], batch.past_calendar(24)[i]], dim=1).double().numpy()
        states = numpy_gru(x, weights, np.zeros((24, 12)))[0]
        expected = output.weight.detach().double().numpy() @ np.maximum(states[-1], 0) + output.bias.item()
        assert forecasts[i, 0, 0].item() == pytest.approx(expected.item(), abs=1e-5)


@pytest.mark.parametrize("module", ["gru", "mlp", "linear", "transformer"])
def test_the_first_forecast_is_the_last_value(module: str) -> None:
    network, _, batch = made(module=module)
    network.eval()
    last = batch.past[:, -1:].expand(-1, 3, -1)
    assert torch.allclose(network(batch), last, atol=1e-6)


def test_nlinear_written_out() -> None:
    network, _, batch = made(module="linear")
    torch.nn.init.normal_(network.weight)
    torch.nn.init.normal_(network.bias)
    forecasts = network(batch)
    for i in range(len(batch)):
        s, x = int(batch.series[i]), batch.past[i, :, 0]
        expected = x[-1] + network.weight[s, 0] @ (x - x[-1]) + network.bias[s, 0]
        assert torch.allclose(forecasts[i, :, 0], expected, atol=1e-4)
    batch.series = torch.full_like(batch.series, -1)
    unknown = network(batch)[0, :, 0]
    x = batch.past[0, :, 0]
    expected = x[-1] + network.weight.mean(0)[0] @ (x - x[-1]) + network.bias.mean(0)[0]
    assert torch.allclose(unknown, expected, atol=1e-4)


def test_window_scaling_makes_a_forecast_follow_level_and_size() -> None:
    network, _, batch = made("task.relative_to=window", "task.series_embedding_size=0", module="mlp")
    torch.nn.init.normal_(network.task.output[-1].weight)
    network.eval()
    first = network(batch)
    batch.past = 7 * batch.past + 3
    assert torch.allclose(network(batch), 7 * first + 3, atol=0.05)


def test_a_recursive_forecast_feeds_itself() -> None:
    network, _, batch = made("task.decoder=recursive", "module.bidirectional=false")
    torch.nn.init.normal_(network.task.output[-1].weight, std=0.1)
    network.train()
    assert network(batch).shape == (len(batch), 1, 1), "it is trained one row ahead"
    network.eval()
    forecasts = network(batch)
    one = batch
    for step in range(3):
        expected = network.forward_once(one)[:, :1]
        assert torch.allclose(forecasts[:, step : step + 1], expected, atol=1e-6)
        one = type(batch)(torch.cat([one.past[:, 1:], expected], dim=1), one.series, one.first + 1, one.calendar, 1)


def test_a_taught_decoder_says_the_same_as_one_that_is_right() -> None:
    network, _, batch = made("task.decoder=recurrent", "task.linear_skip=false")
    torch.nn.init.normal_(network.task.output.weight, std=0.5)
    network.eval()
    stepwise = network(batch)
    batch.future = stepwise.detach()  # the truth is what it says: teaching changes nothing
    network.train()
    assert torch.allclose(network(batch), stepwise, atol=1e-5)


def test_patches_are_steps() -> None:
    network, _, batch = made("task.patch_length=6", "task.past_calendar=true")
    steps = network.task.embed(batch)
    assert steps.shape == (len(batch), 4, network.task.input_size)
    relative = batch.past[:, :, 0] - batch.past[:, -1:, 0]
    assert torch.equal(steps[:, 1, :6], relative[:, 6:12])
    assert torch.equal(steps[:, 1, 6:], batch.past_calendar(24)[:, 11])


def test_losses_by_hand() -> None:
    datamodule = Energy(lookback=24, horizon=1)
    datamodule.setup()
    output, target = torch.tensor([[[0.3]], [[-1.0]]]), torch.tensor([[[0.25]], [[1.0]]])
    batch = type("Batch", (), {"future": target})
    for loss, expected in (("mse", (0.05**2 + 4) / 2), ("mae", (0.05 + 2) / 2), ("huber", None)):
        task = Forecasting(datamodule.spec, loss=loss)
        by_hand = expected if expected is not None else (0.5 * 0.05**2 + 0.1 * (2 - 0.05)) / 2
        assert task.loss(output, batch).item() == pytest.approx(by_hand, rel=1e-5)
    levels = torch.tensor([0.1, 0.5, 0.9])
    lost = pinball(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([1.5]), levels)
    assert lost[0].tolist() == pytest.approx([0.15, 0.25, 0.05])


def test_quantiles_come_out_in_their_place() -> None:
    network, _, batch = made("task.loss=quantile", module="mlp")
    assert network(batch).shape == (len(batch), 3, 1, 3)
    network.loss(batch).backward()
    columns = network.task.columns(network(batch), batch)
    assert set(columns) == {
        "target", "prediction", "quantile_0.1", "quantile_0.9", "score", "percentage_error",
        "absolute_error", "squared_error",
    }  # fmt: skip
    assert len(columns["target"][0]) == 3


def test_settings_that_make_no_sense_are_refused() -> None:
    from datamodules.errors import BadInput

    with pytest.raises(BadInput, match="has to divide the 24 rows"):
        made("task.patch_length=7")
    with pytest.raises(BadInput, match=r"0\.5 among them"):
        made("task.loss=quantile", "task.quantiles=[0.1,0.9]")
    with pytest.raises(BadInput, match=r"datamodule\.lookback=168"):
        config = small_settings("baseline/seasonal_naive", "energy-forecasting", overrides=["module.season=168"])
        build_module(config, datamodule_for(config))


def test_naive_forecasts() -> None:
    network, _, batch = made("module.season=5", module="baseline/seasonal_naive")
    assert torch.equal(network(batch), batch.past[:, [-5, -4, -3]])
    network, _, batch = made(module="baseline/persistence")
    assert torch.equal(network(batch), batch.past[:, [-1, -1, -1]])


def test_trees_learn_a_rule() -> None:
    network, datamodule, batch = made("module.num_rounds=60", module="baseline/lightgbm")
    network.fit(datamodule)
    naive = (batch.past[:, -1:] - batch.future).square().mean()
    assert (network(batch) - batch.future).square().mean() < 0.25 * naive
    copied = build(small_settings("baseline/lightgbm", "energy-forecasting")["module"], task=network.task)
    copied.load_state_dict(network.state_dict())
    assert torch.equal(copied(batch), network(batch))


@pytest.fixture(scope="module")
def weather_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Load that follows a temperature nobody could foresee."""
    rng = np.random.default_rng(0)
    hours = np.arange(24 * 60)
    temperature = 10 + rng.normal(0, 5, len(hours))
    load = 1000 + 200 * np.sin(2 * np.pi * hours / 24) - 20 * temperature + rng.normal(0, 1, len(hours))
    stamps = np.datetime64("2021-01-01T00:00:00") + hours.astype("timedelta64[h]")
    rows = [f"{t},{x:.3f},{c:.3f}".replace("T", " ") for t, x, c in zip(stamps, load, temperature)]
    path = tmp_path_factory.mktemp("weather") / "load.csv"
    path.write_text("Datetime,load,temperature\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("name", ["baseline/ridge", "baseline/lightgbm"])
def test_a_covariate_known_ahead_is_worth_what_it_says(name: str, weather_file: Path) -> None:
    errors = {}
    for covariates in ("null", "[temperature]"):
        overrides = (
            f"datamodule.data_dir={weather_file}", "datamodule.target_columns=[load]", "datamodule.stride=1",
            f"datamodule.future_covariates={covariates}",
        )  # fmt: skip
        rounds = ("module.num_rounds=60",) if name.endswith("lightgbm") else ()
        network, datamodule, _ = made(*overrides, *rounds, module=name)
        network.fit(datamodule)
        batch = datamodule.source.collate(datamodule.indices["test"], 0)
        errors[covariates] = (network(batch) - batch.future).abs().mean().item()
    assert errors["[temperature]"] < (0.1 if name.endswith("ridge") else 0.8) * errors["null"]


@pytest.mark.parametrize("module", ["gru", "mlp", "linear", "transformer", "seq2seq"])
@pytest.mark.parametrize("role", ["past_covariates", "future_covariates"])
def test_every_architecture_reads_covariates(module: str, role: str, weather_file: Path) -> None:
    overrides = (
        f"datamodule.data_dir={weather_file}", "datamodule.target_columns=[load]",
        f"datamodule.{role}=[temperature]", "datamodule.stride=5",
    )  # fmt: skip
    network, _, batch = made(*overrides, module=module)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    network.eval()
    before = network(batch)
    rows = batch.row[:1] - 1 if role == "past_covariates" else batch.row[:1] + 1
    batch.covariates = batch.covariates.clone()
    batch.covariates[rows] += 3.0
    assert not torch.allclose(network(batch)[0], before[0])
    batch.covariates[:] = torch.nan
    if role == "past_covariates":
        batch.covariates[: int(batch.row[0])] = 0.0
        assert network(batch)[0].isfinite().all(), "what is known only of the past is never read ahead"


def test_quantiles_never_cross() -> None:
    for overrides in ((), ("task.decoder=recurrent",)):
        network, _, batch = made("task.loss=quantile", *overrides, module="gru")
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        network.eval()
        assert (network(batch).diff(dim=-1) >= 0).all()
