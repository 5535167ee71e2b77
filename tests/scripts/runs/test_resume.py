"""Runs as processes that are killed at random moments, and go on."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from datamodules.errors import BadInput
from lightning_modules.training import checkpoint_io
from scripts.config.composing import compose
from scripts.runs.folder import RunFolder
from scripts.runs.lock import only_writer
from scripts.runs.resume import checkpoint_to_resume, settings_to_resume
from tests.commands import PROJECT, run

LONG = [
    "module.hidden_size=8", "task.output_dropout=0.1", "datamodule.batch_size=7", "trainer.max_epochs=14",
    "logger=none", "trainer.accelerator=cpu", "evaluate=[val]",
]  # fmt: skip
EVERY_STEP = "callbacks.checkpoints.every_seconds=0"


def killed(overrides: list[str], number: signal.Signals, last: Path | None, runs: Path) -> tuple[int, str]:
    """Start a run, send it the signal soon after its last.ckpt has been (re)written; its exit status and messages."""
    before = last.stat().st_mtime_ns if last else 0
    process = subprocess.Popen(
        [sys.executable, str(PROJECT / "scripts/train.py"), *overrides], stderr=subprocess.PIPE, text=True, cwd=PROJECT
    )
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        written = [p for p in runs.glob("names/*/checkpoints/last.ckpt") if p.stat().st_mtime_ns > before]
        if written:
            break
        time.sleep(0.01)
    time.sleep(random.uniform(0.0, 0.2))
    process.send_signal(number)
    _, words_said = process.communicate(timeout=300)
    return process.returncode, words_said


def test_killed_at_random_steps_it_ends_as_undisturbed(names_folder: Path, tmp_path: Path) -> None:
    overrides = [f"datamodule.data_dir={names_folder}", *LONG]
    undisturbed = Path(run("train.py", *overrides, f"runs_dir={tmp_path / 'undisturbed'}").stdout.strip())
    runs = tmp_path / "killed"
    overrides += [f"runs_dir={runs}", EVERY_STEP]
    assert killed(overrides, signal.SIGKILL, None, runs)[0] == -signal.SIGKILL
    (folder,) = (runs / "names").iterdir()
    last = folder / "checkpoints" / "last.ckpt"
    first_stop = checkpoint_io.load(last)["global_step"]
    status, message = killed([f"resume={folder}"], signal.SIGTERM, last, runs)
    assert status == 128 + signal.SIGTERM
    assert f"stopped by SIGTERM; resume={folder} goes on" in message
    assert "Traceback" not in message
    assert checkpoint_io.load(last)["global_step"] > first_stop
    done = run("train.py", "resume=auto", *overrides)  # the same command as at first
    assert done.stdout == f"{folder}\n"
    for name in ("best.ckpt", "last.ckpt"):
        resumed, undisturbed_state = (checkpoint_io.load(f / "checkpoints" / name) for f in (folder, undisturbed))
        assert resumed["state_dict"].keys() == undisturbed_state["state_dict"].keys()
        assert all(
            torch.equal(resumed["state_dict"][key], value) for key, value in undisturbed_state["state_dict"].items()
        )
    assert list(runs.glob("names/*")) == [folder]


def test_a_run_goes_on_with_its_own_settings(tmp_path: Path) -> None:
    run_folder = RunFolder(tmp_path)
    run_folder.write_config(compose("module=gru", "trainer.max_epochs=2"))
    longer = ["module=gru", "trainer.max_epochs=9"]
    settings = settings_to_resume(run_folder, compose(*longer), [f"resume={tmp_path}", *longer])
    assert settings["trainer"]["max_epochs"] == 9
    assert settings["module"] == run_folder.config()["module"]
    for word, has in (("module=lstm", "gru"), ("module.hidden_size=7", "128"), ("seed=3", "1")):
        with pytest.raises(BadInput, match=f"^{word}: the run {tmp_path} has {has}; a run goes on with its own"):
            settings_to_resume(run_folder, compose(word), [word])


def test_a_torn_checkpoint_is_named_and_the_one_before_goes_on(names_folder: Path, tmp_path: Path) -> None:
    overrides = [f"datamodule.data_dir={names_folder}", *LONG, f"runs_dir={tmp_path}", "trainer.max_epochs=2"]
    folder = Path(run("train.py", *overrides, EVERY_STEP).stdout.strip())
    last, previous, best = (folder / "checkpoints" / f"{name}.ckpt" for name in ("last", "previous", "best"))
    torn = last.read_bytes()[:-1000]
    last.write_bytes(torn)
    run_folder = RunFolder(folder)
    new_run = f"init_from={folder} starts a new run from the weights of best.ckpt"
    with pytest.raises(BadInput, match=r"last\.ckpt: not a checkpoint.*or a torn one") as refused:
        checkpoint_to_resume(run_folder, [f"resume={folder}"])
    assert str(refused.value).endswith(f"; resume={previous} goes on from the one before it, {new_run}")
    with pytest.raises(BadInput, match=r"best\.ckpt: holds weights, not the state of training; resume="):
        checkpoint_to_resume(run_folder, [f"resume={best}"])
    assert last.read_bytes() == torn
    assert run("train.py", f"resume={previous}", "trainer.max_epochs=3").stdout == f"{folder}\n"
    assert checkpoint_io.load(last)["epoch"] == 3
    previous.write_bytes(b"")
    with pytest.raises(BadInput, match=r"previous\.ckpt: not a checkpoint") as refused:
        checkpoint_to_resume(run_folder, [f"resume={previous}"])
    assert str(refused.value).endswith(f"; {new_run}")


def test_only_one_process_writes_into_a_folder(tmp_path: Path) -> None:
    hold = "import sys, time; from scripts.runs.lock import only_writer; from pathlib import Path\n"
    hold += "with only_writer(Path(sys.argv[1]), 'x'): print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(BadInput, match=f"^here: process {holder.pid} is writing into"), only_writer(tmp_path, "here"):
        pass
    holder.kill()
    holder.wait()
    with only_writer(tmp_path, "here"):  # the system let go
        pass
