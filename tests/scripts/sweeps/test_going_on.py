"""A sweep whose processes are killed, one, some and all, ends as one that nobody touched."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lightning_modules.training import checkpoint_io
from scripts.config.composing import compose
from scripts.console import logs
from scripts.runs import training
from scripts.runs.folder import RunFolder
from tests.commands import PROJECT, run

SETTINGS = [
    "module=gru", "module._target_=tests.scripts.sweeps.troubled.Slow", "trainer.max_epochs=25",
    "datamodule.batch_size=8", "task.output_dropout=0.1", "logger=none", "trainer.accelerator=cpu", "evaluate=[val]",
    "callbacks.checkpoints.every_seconds=0",
]  # fmt: skip
AXES = ["module.hidden_size=3,4", "seed=1,2"]


class Sweeping:
    """The sweep as a process that can be waited for and killed."""

    def __init__(self, sweep: Path, overrides: list[str]) -> None:
        self.sweep = sweep
        self.process = subprocess.Popen(
            [sys.executable, str(PROJECT / "scripts/train.py"), *overrides],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT,
        )  # fmt: skip

    def jobs(self, state: str) -> list[dict[str, Any]]:
        try:
            jobs = json.loads((self.sweep / "sweep.json").read_text())["jobs"]
        except FileNotFoundError:
            return []
        return [job for job in jobs if job["state"] == state]

    def wait_for(self, finished: int, checkpoints_after: float) -> Path:
        """Until so many jobs have finished and another is in the midst of its training; the folder of that one."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()
            if len(self.jobs("finished")) >= finished:
                for job in self.jobs("running"):
                    last = self.sweep / job["folder"] / "checkpoints" / "last.ckpt"
                    if last.exists() and last.stat().st_mtime > checkpoints_after:
                        return self.sweep / job["folder"]
            time.sleep(0.01)
        raise AssertionError("no job got so far")

    def ended(self) -> tuple[int, str]:
        _, message = self.process.communicate(timeout=300)
        return self.process.returncode, message


def descendants(process: int) -> list[int]:
    """Processes below one, the nearest first."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == process:
            found.append(int(status.parent.name))
    return found + [below for child in found for below in descendants(child)]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_whatever_is_killed_the_same_command_goes_on(names_folder: Path, tmp_path: Path) -> None:
    sweep = tmp_path / "names" / "kept"
    command = [
        "-m", *AXES, *SETTINGS, f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", "sweep.name=kept",
        "sweep.workers=2", "sweep.on_error=retry",
    ]  # fmt: skip
    sweeping = Sweeping(sweep, command)
    running = sweeping.wait_for(finished=0, checkpoints_after=0)
    os.kill(int((running / ".lock").read_text()), signal.SIGKILL)  # a worker: its job is tried again
    sweeping.process.send_signal(signal.SIGSTOP)  # so that it is not over before the next command has started
    other = run("train.py", *command, status=2)
    sweeping.process.send_signal(signal.SIGCONT)
    assert other.stderr.startswith(f"sweep.name=kept: process {sweeping.process.pid} is writing into {sweep}")
    sweeping.wait_for(finished=1, checkpoints_after=time.time())
    sweeping.process.kill()  # the parent: its workers save and stop by themselves
    status, message = sweeping.ended()
    assert "killed by SIGKILL" in message

    began = time.time()
    sweeping = Sweeping(sweep, command)
    sweeping.wait_for(finished=1, checkpoints_after=began)
    tree = [sweeping.process.pid, *descendants(sweeping.process.pid)]
    assert len(tree) >= 3
    for process in tree:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    sweeping.ended()
    finished = {job["folder"] for job in sweeping.jobs("finished")}

    began = time.time()
    sweeping = Sweeping(sweep, command)
    sweeping.wait_for(finished=len(finished), checkpoints_after=began)
    sweeping.process.send_signal(signal.SIGINT)
    status, message = sweeping.ended()
    assert status == 130
    assert "stopping: jobs save their state" in message
    assert "jobs are not over; the same command with sweep.name=kept goes on" in message
    assert "Traceback" not in message
    assert finished <= {job["folder"] for job in sweeping.jobs("finished")}
    assert not sweeping.jobs("running")
    assert sweeping.jobs("interrupted")

    done = run("train.py", *command)
    assert done.stdout == f"{sweep}\n"
    assert len(sweeping.jobs("finished")) == 4
    best = yaml.safe_load((sweep / "experiment" / "best.yaml").read_text())
    assert best["module"]["hidden_size"] in (3, 4)
    logs.quiet_lightning()
    for hidden_size in (3, 4):
        for seed in (1, 2):
            folder = tmp_path / "undisturbed" / f"hidden_size-{hidden_size}_seed-{seed}"
            overrides = [f"module.hidden_size={hidden_size}", f"seed={seed}", f"datamodule.data_dir={names_folder}"]
            settings = compose(*SETTINGS, *overrides)
            expected = training.train(settings, RunFolder(folder), [])
            got = RunFolder(sweep / folder.name).metrics()
            assert got is not None
            assert {k: v for k, v in got.items() if "/" in k} == {k: v for k, v in expected.items() if "/" in k}
            resumed, undisturbed_state = (
                checkpoint_io.load(f / "checkpoints/last.ckpt") for f in (sweep / folder.name, folder)
            )
            assert all(
                torch.equal(resumed["state_dict"][key], value) for key, value in undisturbed_state["state_dict"].items()
            )

    changed = [word.replace("seed=1,2", "seed=1") for word in command]
    refused = run("train.py", *changed, status=2)
    assert refused.stderr.startswith(
        f"sweep.name=kept: there is another sweep of that name in {sweep}: its job module."
    )
