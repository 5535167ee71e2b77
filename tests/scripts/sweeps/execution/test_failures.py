"""Jobs that fail, each in its own way, beside one that does not."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands import run

SMALL = ["trainer.max_epochs=1", "module.hidden_size=4", "logger=none", "trainer.accelerator=cpu", "evaluate=[test]"]


def test_each_failure_is_told_with_its_log_and_the_others_finish(names_folder: Path, tmp_path: Path) -> None:
    done = run(
        "train.py", "-m", "module._target_=tests.scripts.sweeps.troubled.Troubled",
        "module.trouble=none,raise,memory,hang", f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", *SMALL,
        "sweep.name=troubled", "sweep.workers=4", "sweep.job_timeout=6", "sweep.grace=0.5", status=1,
    )  # fmt: skip
    sweep = tmp_path / "names" / "troubled"
    assert done.stdout == f"{sweep}\n"
    jobs = {job["folder"]: job for job in json.loads((sweep / "sweep.json").read_text())["jobs"]}
    assert {name: job["state"] for name, job in jobs.items()} == {
        "trouble-none": "finished", "trouble-raise": "failed", "trouble-memory": "failed", "trouble-hang": "failed"
    }  # fmt: skip
    assert jobs["trouble-raise"]["reason"] == "ArithmeticError: it does not add up"
    assert jobs["trouble-memory"]["reason"].startswith("out of memory: ")
    assert jobs["trouble-hang"]["reason"] == "took longer than job_timeout=6 seconds"
    log = sweep / "trouble-raise" / "train.log"
    assert "Traceback" in log.read_text()
    assert "ArithmeticError: it does not add up" in log.read_text()
    assert "Traceback" not in done.stderr
    assert f"failed: trouble-raise: ArithmeticError: it does not add up\n        {log}\n" in done.stderr
    assert (sweep / "trouble-none" / "metrics.json").exists()


def test_a_setting_that_cannot_be_is_told_before_anything_starts(names_folder: Path, tmp_path: Path) -> None:
    done = run(
        "train.py", "-m", "module.hidden_size=4,0", f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}",
        "sweep.name=wrong", status=2,
    )  # fmt: skip
    assert done.stderr.strip() == "module.hidden_size=0: must be greater than 0"
    assert not list(tmp_path.rglob("config.yaml"))
