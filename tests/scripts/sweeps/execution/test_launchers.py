"""The same sweep through other launchers of Hydra's kind, where they are installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import run

SMALL = ["trainer.max_epochs=1", "module.hidden_size=4", "logger=none", "trainer.accelerator=cpu", "evaluate=[val]"]
TROUBLED = "module._target_=tests.scripts.sweeps.troubled.Troubled"
LAUNCHERS = {
    "submitit": ("hydra_plugins.hydra_submitit_launcher", ["hydra/launcher=submitit_local"]),
    "ray": ("hydra_plugins.hydra_ray_launcher", ["hydra/launcher=ray"]),
}


@pytest.mark.parametrize("name", LAUNCHERS)
def test_jobs_fail_and_go_on_through(name: str, names_folder: Path, tmp_path: Path) -> None:
    module, choice = LAUNCHERS[name]
    pytest.importorskip(module, reason=f"the extra `{'slurm' if name == 'submitit' else name}` is not installed")
    overrides = [
        "-m", TROUBLED, "module.trouble=none,raise", f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}",
        *SMALL, f"sweep.name={name}", *choice,
    ]  # fmt: skip
    done = run("train.py", *overrides, status=1)
    sweep = tmp_path / "names" / name
    assert done.stdout == f"{sweep}\n"
    jobs = {job["folder"]: job for job in json.loads((sweep / "sweep.json").read_text())["jobs"]}
    assert {folder: job["state"] for folder, job in jobs.items()} == {
        "trouble-none": "finished",
        "trouble-raise": "failed",
    }
    assert jobs["trouble-raise"]["reason"] == "ArithmeticError: it does not add up"
    metrics = sweep / "trouble-none" / "metrics.json"
    first = metrics.stat().st_mtime_ns
    run("train.py", *overrides, status=1)  # nothing is left to do
    assert metrics.stat().st_mtime_ns == first

    before = json.loads(metrics.read_text())
    metrics.unlink()  # as a job that was killed before its end leaves its folder
    again = run("train.py", *overrides, status=1)
    assert f"goes on from {sweep}/trouble-none/checkpoints/last.ckpt" in again.stderr + logs_of(sweep)
    after = json.loads(metrics.read_text())
    assert after["val/accuracy"] == before["val/accuracy"] and after["steps"] == before["steps"]


def logs_of(sweep: Path) -> str:
    """What the jobs said themselves, wherever their launcher keeps it."""
    return "".join(path.read_text(errors="replace") for path in sweep.rglob("*.log") if path.is_file())
