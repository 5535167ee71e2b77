"""Two hundred runs in one sweep: the process that starts them and the server of processes take no more and no more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.commands import PROJECT

RUNS = 200
TINY = [
    "datamodule=names", "module=bag", "module.hidden_size=4", "module.num_buckets=100", "trainer.max_steps=1",
    "trainer.limit_val_batches=1", "trainer.accelerator=cpu", "evaluate=[]", "logger=none",
]  # fmt: skip


def children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def taken(process: int) -> tuple[int, int, int]:
    """Kilobytes of memory, open files and threads."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(lines["VmRSS"].split()[0]), len(os.listdir(f"/proc/{process}/fd")), int(lines["Threads"])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measured through Linux's /proc")
def test_two_hundred_runs_leave_the_parent_as_it_was(names_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "scripts/train.py"), "-m", f"seed=range(1,{RUNS + 1})", *TINY]
    overrides = [f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", "sweep.name=soak", "sweep.workers=2"]
    with (tmp_path / "log").open("w") as log:
        sweep = subprocess.Popen([*command, *overrides], cwd=PROJECT, stdout=log, stderr=log)
        measured = []  # runs that have finished, then what the parent and its children take
        while sweep.poll() is None:
            finished = len(list(tmp_path.glob("names/soak/*/metrics.json")))
            if RUNS // 4 <= finished < RUNS:  # everything is loaded, nothing is being told yet
                try:
                    family = [sweep.pid, *children(sweep.pid)]
                    measured.append((finished, *np.sum([taken(one) for one in family], axis=0)))
                except (OSError, KeyError):  # one of them has ended meanwhile
                    pass
            time.sleep(0.25)
    assert sweep.returncode == 0, (tmp_path / "log").read_text()
    assert len(list(tmp_path.glob("names/soak/*/metrics.json"))) == RUNS
    runs, memory, files, threads = np.array(measured).T
    assert len(set(runs)) > 20
    for what, counted, most in (("kB", memory, 30), ("open files", files, 0.05), ("threads", threads, 0.05)):
        slope = np.polyfit(runs, counted, 1)[0]
        assert slope < most, f"{slope:.2f} {what} a run"
