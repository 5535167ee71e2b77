"""A sweep whose processes are killed, one, some and all, ends as one that nobody touched."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
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
    "module=gru", "trainer.max_epochs=10", "datamodule.batch_size=10", "task.output_dropout=0.1", "logger=none",
    "trainer.accelerator=cpu", "evaluate=[val]",
]  # fmt: skip
#: So that a job can be killed in the midst of its training.
SLOW = ["module._target_=tests.scripts.sweeps.troubled.Slow", "callbacks.checkpoints.every_seconds=0"]
AXES = ["module.hidden_size=3,4", "seed=1,2"]


def start(overrides: list[str]) -> subprocess.Popen[str]:
    """The sweep as a process that can be killed."""
    return subprocess.Popen(
        [sys.executable, str(PROJECT / "scripts/train.py"), *overrides],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT,
    )  # fmt: skip


def jobs_of(sweep: Path, state: str) -> list[dict[str, Any]]:
    try:
        jobs = json.loads((sweep / "sweep.json").read_text())["jobs"]
    except FileNotFoundError:
        return []
    return [job for job in jobs if job["state"] == state]


def wait_for(sweep: Path, finished: int, checkpoints_after: float, process: subprocess.Popen[str] | None) -> Path:
    """Until so many jobs have finished and another is in the midst of its training; the folder of that one."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process is None or process.poll() is None, process.communicate()
        if len(jobs_of(sweep, "finished")) >= finished:
            for job in jobs_of(sweep, "running"):
                last = sweep / job["folder"] / "checkpoints" / "last.ckpt"
                if last.exists() and last.stat().st_mtime > checkpoints_after:
                    return sweep / job["folder"]
        time.sleep(0.01)
    raise AssertionError("no job got so far")


def interrupt(sweep: Path, finished: int, checkpoints_after: float) -> None:
    """Ctrl-C for the sweep that runs in this process, as soon as a job of it is in the midst of its training."""
    wait_for(sweep, finished, checkpoints_after, None)
    os.kill(os.getpid(), signal.SIGINT)


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
        "-m", *AXES, *SETTINGS, *SLOW, f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", "sweep.name=kept",
        "sweep.workers=2", "sweep.on_error=retry",
    ]  # fmt: skip
    process = start(command)
    running = wait_for(sweep, 0, 0, process)
    os.kill(int((running / ".lock").read_text()), signal.SIGKILL)  # a worker: its job is tried again
    process.send_signal(signal.SIGSTOP)  # so that it is not over before the next command has started
    other = run("train.py", *command, status=2)
    process.send_signal(signal.SIGCONT)
    assert other.stderr.startswith(f"sweep.name=kept: process {process.pid} is writing into {sweep}")
    wait_for(sweep, 1, time.time(), process)
    process.kill()  # the parent: its workers save and stop by themselves
    _, message = process.communicate(timeout=300)
    assert "killed by SIGKILL" in message

    began = time.time()
    process = start(command)
    wait_for(sweep, 1, began, process)
    tree = [process.pid, *descendants(process.pid)]
    assert len(tree) >= 3
    for number in tree:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    process.communicate(timeout=300)
    finished = {job["folder"] for job in jobs_of(sweep, "finished")}

    user = threading.Thread(target=interrupt, args=(sweep, len(finished), time.time()))
    user.start()
    stopped = run("train.py", *command, status=130)
    user.join()
    assert "stopping: jobs save their state" in stopped.stderr
    assert "jobs are not over; the same command with sweep.name=kept goes on" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert finished <= {job["folder"] for job in jobs_of(sweep, "finished")}
    assert not jobs_of(sweep, "running")
    assert jobs_of(sweep, "interrupted")

    done = run("train.py", *command)
    assert done.stdout == f"{sweep}\n"
    assert len(jobs_of(sweep, "finished")) == 4
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
