"""Losses and gradients that are infinite or not a number: named where they rise, and never in a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from lightning_modules.training import checkpoint_io
from tests.commands import run

SMALL = [
    "datamodule=energy", "module=mlp", "module.hidden_size=8", "datamodule.lookback=24", "datamodule.batch_size=64",
    "datamodule.scaler=none", "trainer.max_epochs=3", "trainer.log_every_n_steps=5", "trainer.accelerator=cpu",
    "callbacks.checkpoints.every_seconds=0", "logger=none", "evaluate=[val]",
]  # fmt: skip


def load(folder: Path, poison: str = "") -> Path:
    """Made-up hours of one series; the 300th may be poisoned."""
    hours = np.datetime64("2024-01-01T00") + np.arange(700) * np.timedelta64(1, "h")
    rows = [f"{hour}:00:00,{10 + np.sin(i / 4)}" for i, hour in enumerate(hours)]
    rows[300] = f"{hours[300]}:00:00,{poison}" if poison else rows[300]
    path = folder / "load_hourly.csv"
    path.write_text("\n".join(["Datetime,MW", *rows]) + "\n")
    return path


def checkpoints_are_finite(folder: Path) -> bool:
    states = [checkpoint_io.load(path)["state_dict"] for path in (folder / "checkpoints").glob("*.ckpt")]
    assert states
    return all(torch.isfinite(value).all() for state in states for value in state.values())


def test_a_poisoned_example_is_found(tmp_path: Path) -> None:
    where = tmp_path / "run"
    overrides = [f"datamodule.data_dir={load(tmp_path, '1e39')}", f"hydra.run.dir={where}"]
    done = run("train.py", *SMALL, *overrides, status=2)
    message = done.stderr.splitlines()[-1]
    assert message.startswith("step 1, epoch 1: the loss is nan; its examples: load 2024-01-")
    assert "largest activations, with the weights of step 0: input" in message
    assert "Traceback" not in done.stderr
    report = json.loads((where / "non_finite.json").read_text())
    assert len(report["examples"]) == 64
    assert report["largest_activations"]["input"] == float("inf")
    assert json.loads((where / "status.json").read_text())["status"] == "failed"
    assert checkpoints_are_finite(where)

    done = run("train.py", *SMALL, *overrides, f"resume={where}", "non_finite=skip")
    assert "left out, loss nan, gradient nan: load 2024-01-" in done.stderr
    assert np.isfinite(json.loads((where / "metrics.json").read_text())["val/loss"])
    assert checkpoints_are_finite(where)


def test_a_run_that_blows_up_tells_the_losses_before(tmp_path: Path) -> None:
    steep = ["optimizer=sgd", "optimizer.lr=1e8", "task.loss=mse", "trainer.gradient_clip_val=null"]
    done = run("train.py", *SMALL, *steep, f"datamodule.data_dir={load(tmp_path)}", f"runs_dir={tmp_path}", status=2)
    assert "the loss is nan (before it" in done.stderr.splitlines()[-1]
    (folder,) = (tmp_path / "energy").iterdir()
    assert checkpoints_are_finite(folder)
