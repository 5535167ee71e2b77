from __future__ import annotations

import numpy as np
import pytest
import torch

from datamodules.batching.batches import WindowBatch
from datamodules.series.spec import ForecastSeries
from lightning_modules.tasks.forecasting.metrics import ForecastMetrics, smape

SPEC = ForecastSeries(
    names=("A", "B"), columns=("MW",), offset=((1000.0,), (100.0,)), scale=((50.0,), (2.0,)),
    naive_error=((20.0,), (1.0,)), lookback=4, horizon=2, step="1h", calendar="none", calendar_size=0, holidays=None,
    scaler="standard", reading={}, synthetic=False,
)  # fmt: skip


def batch(series: list[int], future: torch.Tensor) -> WindowBatch:
    offset, scale = (torch.tensor(table)[series] for table in (SPEC.offset, SPEC.scale))
    size = len(series)
    first, hours = torch.arange(size) + 4, torch.arange(100) % 24
    past = torch.zeros(size, 4, 1)
    return WindowBatch(past, torch.tensor(series), first, torch.zeros(100, 0), 2, future, hours, offset, scale)


def test_smape_by_hand() -> None:
    answer, target = torch.tensor([110.0, 0.0, 5.0]), torch.tensor([90.0, 0.0, 0.0])
    assert smape(answer, target).tolist() == pytest.approx([20.0, 0.0, 200.0])


@pytest.mark.parametrize("units", ["original", "scaled"])
def test_metrics_against_numpy(units: str) -> None:
    rng = np.random.default_rng(0)
    metrics = ForecastMetrics(SPEC, units)
    pairs_of_series: dict[int, list] = {0: [], 1: []}
    for _ in range(3):
        series = rng.integers(0, 2, 7).tolist()
        output, future = (torch.tensor(rng.normal(size=(7, 2, 1)), dtype=torch.float32) for _ in range(2))
        metrics.update(output, batch(series, future))
        for s, o, f in zip(series, output.numpy(), future.numpy()):
            pairs_of_series[s].append((o, f))
    expected: dict[str, list] = {name: [] for name in ("smape", "smape_quarter", "mae", "mse", "rmse", "mase")}
    for s, pairs in pairs_of_series.items():
        o, f = (np.stack(values).astype(float) for values in zip(*pairs))
        offset, scale = SPEC.offset[s][0], SPEC.scale[s][0]
        real_o, real_f = o * scale + offset, f * scale + offset
        percent = (200 * abs(real_o - real_f) / (abs(real_o) + abs(real_f))).mean()
        error = real_o - real_f if units == "original" else o - f
        expected["smape"].append(percent)
        expected["smape_quarter"].append((100 * abs(real_o - real_f) / (real_o + real_f) / 2).mean())
        expected["mae"].append(abs(error).mean())
        expected["mse"].append((error**2).mean())
        expected["rmse"].append((error**2).mean() ** 0.5)
        expected["mase"].append(abs(real_o - real_f).mean() / SPEC.naive_error[s][0])
    computed = metrics.compute()
    assert computed.keys() == expected.keys()
    for name, values in expected.items():
        assert computed[name] == pytest.approx(np.mean(values), rel=1e-5), name
    rows = metrics.tables()["series"]
    assert [row["series"] for row in rows] == ["A", "B"]
    assert rows[0]["smape"] == pytest.approx(expected["smape"][0], rel=1e-5)


def test_quantiles_are_counted() -> None:
    metrics = ForecastMetrics(SPEC, "scaled", (0.1, 0.5, 0.9))
    future = torch.tensor([[[0.0], [3.0]]])
    output = torch.tensor([-1.0, 0.5, 1.0]).expand(1, 2, 1, 3)
    metrics.update(output, batch([0], future))
    computed = metrics.compute()
    assert computed["coverage"] == 0.5
    lost = [0.1 * 1, 0.5 * 0.5, 0.1 * 1, 0.1 * 4, 0.5 * 2.5, 0.9 * 2]
    assert computed["pinball"] == pytest.approx(sum(lost) / 6)
    assert computed["mae"] == pytest.approx((0.5 + 2.5) / 2)


def test_a_series_of_another_run_has_a_row_of_its_own() -> None:
    metrics = ForecastMetrics(SPEC, "original")
    windows = batch([0, 1], torch.ones(2, 2, 1))
    windows.series = torch.tensor([-1, 1])
    metrics.update(torch.zeros(2, 2, 1), windows)
    assert [row["series"] for row in metrics.tables()["series"]] == ["B", "not of this run"]
    assert metrics.compute()["mase"] == pytest.approx((2.0 + 50.0) / 2), "without an error of its own: original units"
    other = ForecastMetrics(SPEC, "original")
    windows.naive_error = torch.tensor([[10.0], [1.0]])
    other.update(torch.zeros(2, 2, 1), windows)
    assert other.compute()["mase"] == pytest.approx((2.0 + 5.0) / 2)


def test_pictures_are_drawn() -> None:
    metrics = ForecastMetrics(SPEC, "original", (0.1, 0.5, 0.9))
    metrics.update(torch.randn(30, 2, 1, 3), batch([0] * 20 + [1] * 10, torch.randn(30, 2, 1)))
    figures = metrics.figures()
    assert set(figures) == {"forecasts", "error_by_hour", "error_by_step"}
    assert len(figures["forecasts"].axes) == 2
