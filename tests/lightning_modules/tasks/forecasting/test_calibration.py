"""Conformal calibration against its definition, and the coverage that it gives."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from lightning_modules.layers.quantiles import monotone
from lightning_modules.tasks.forecasting.calibration import ConformalCalibration
from tests.commands import run

LEVELS = (0.1, 0.5, 0.9)


def windows(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Outputs, targets, series and look-backs whose noise has the size of the look-back's changes."""
    rng = torch.Generator().manual_seed(seed)
    size = torch.rand(count, 1, 1, generator=rng) * 3 + 0.5
    past = size * torch.randn(count, 48, 1, generator=rng)
    target = size * torch.randn(count, 4, 1, generator=rng)
    output = torch.tensor([-0.1, 0.0, 0.1]).expand(count, 4, 1, 3)  # far too narrow
    return output, target, torch.randint(2, (count,), generator=rng), past


def test_coverage_becomes_the_nominal_one() -> None:
    calibration = ConformalCalibration(2, 4, 1, LEVELS, season=24)
    output, target, series, past = windows(4000, 0)
    calibration.start()
    assert torch.equal(calibration(output, series, past), output), "unshifted while residuals are observed"
    for start in range(0, 4000, 1000):
        calibration.observe(*(x[start : start + 1000] for x in (output, target, series, past)))
    calibration.finish()
    output, target, series, past = windows(8000, 1)
    shifted = monotone(calibration(output, series, past))
    for low, high, nominal in ((0, 2, 0.8), (0, 1, 0.4), (1, 2, 0.4)):
        inside = (target >= shifted[..., low]) & (target <= shifted[..., high])
        assert inside.float().mean().item() == pytest.approx(nominal, abs=0.01)
        assert inside[series == 1].float().mean().item() == pytest.approx(nominal, abs=0.015)


def test_the_shift_is_the_rank_of_the_definition() -> None:
    calibration = ConformalCalibration(1, 4, 1, LEVELS, season=24)
    output, target, series, past = windows(150, 2)  # too few for stretches
    calibration.start()
    calibration.observe(output, target, torch.zeros_like(series), past)
    calibration.finish()
    for row in range(300)[:3]:
        change = (past[row, 24:, 0] - past[row, :-24, 0]).abs().mean()
        assert calibration.change_of(past)[row].item() == pytest.approx(change.item())
    change = (past[:, 24:, 0] - past[:, :-24, 0]).abs().mean(dim=1)
    for step in range(4):
        for q, level in enumerate(LEVELS):
            residual = np.sort(((target[:, step, 0] - output[:, step, 0, q]) / change).numpy())
            assert calibration.shift[0, step, 0, q].item() == pytest.approx(residual[math.ceil(151 * level) - 1])
    assert torch.equal(calibration.shift[0], calibration.shift[1]), "an unknown series has the shifts of all together"


def test_a_stretch_is_covered_by_what_another_shows() -> None:
    """Two stretches whose errors lie apart: the levels are those at which each one's quantiles cover the other."""
    calibration = ConformalCalibration(1, 1, 1, LEVELS, season=24)
    rng = np.random.default_rng(0)
    one, two = rng.normal(0.0, 1.0, 500), rng.normal(0.8, 1.0, 500)
    residuals = torch.from_numpy(np.concatenate([one, two])).float().view(1000, 1, 1, 1).expand(-1, -1, -1, 3)
    levels = calibration._levels([residuals])
    for q, level in zip(LEVELS, levels):
        below = np.mean([np.mean(two <= np.quantile(one, level)), np.mean(one <= np.quantile(two, level))])
        assert below == pytest.approx(q, abs=0.01)
    assert levels[0] < 0.06
    assert levels[2] > 0.94
    alike = torch.from_numpy(rng.normal(size=2000)).float().view(-1, 1, 1, 1).expand(-1, -1, -1, 3)
    assert calibration._levels([alike]) == pytest.approx(list(LEVELS), abs=0.02)


def test_a_run_on_made_load_covers_its_test_split(tmp_path: Path) -> None:
    done = run(
        "train.py", "datamodule=energy", "datamodule.horizon=6", "datamodule.lookback=48", "datamodule.stride=20",
        "module=linear", "task.loss=quantile", "task.calibrate=conformal", "trainer.max_epochs=1", "logger=none",
        f"runs_dir={tmp_path}",
    )  # fmt: skip
    metrics = json.loads((Path(done.stdout.strip()) / "metrics.json").read_text())
    assert metrics["val/coverage"] == pytest.approx(0.8, abs=0.002), "the stored checkpoint has its own calibration"
    assert metrics["test/coverage"] == pytest.approx(0.8, abs=0.03)
