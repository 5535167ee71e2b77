"""What a machine may lack: a sentence each, and nothing that was finished is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from datamodules.errors import BadInput
from lightning_modules.training import checkpoint_io
from scripts.console.errors import resource_error
from tests.commands import PROJECT, run

SMALL = ["module.hidden_size=8", "datamodule.batch_size=16", "trainer.max_epochs=1", "logger=none", "evaluate=[val]"]


def test_a_full_disk(names_folder: Path, tmp_path: Path) -> None:
    """Files may grow to so many kB: all fit but a checkpoint, which a larger network makes larger."""
    overrides = [f"datamodule.data_dir={names_folder}", *SMALL, f"hydra.run.dir={tmp_path / 'run'}"]
    command = " ".join([sys.executable, str(PROJECT / "scripts/train.py"), *(f"'{word}'" for word in overrides)])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 24; exec {command}"], capture_output=True, text=True, cwd=PROJECT, timeout=240
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == f"{tmp_path}/run/checkpoints/best.ckpt: cannot be written (File too large)"
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "run" / "checkpoints").iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    checkpoint_io.save({"state_dict": {}, "config": {}, "spec": {}, "n": 1}, path)
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *how: opened(Path("/dev/full"), *how))
    with pytest.raises(BadInput, match=r"last\.ckpt: cannot be written \(No space left on device\); the one that was"):
        checkpoint_io.save({"weights": torch.zeros(100_000), "n": 2}, path)
    assert checkpoint_io.load(path)["n"] == 1
    assert os.listdir(tmp_path) == ["last.ckpt"]


def test_a_folder_that_cannot_be_made(names_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    overrides = [f"datamodule.data_dir={names_folder}", *SMALL, f"runs_dir={tmp_path / 'file'}"]
    message = run("train.py", *overrides, status=2).stderr
    assert "Traceback" not in message
    assert message.splitlines()[-1].startswith(f"{tmp_path}/file/names")
    assert message.splitlines()[-1].endswith(": Not a directory; what was finished before is kept")


def test_a_folder_that_may_not_be_written(names_folder: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    command = [sys.executable, str(PROJECT / "scripts/train.py")]
    if os.geteuid() == 0:  # who may write everywhere, unless told otherwise
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everywhere, and there is no setpriv (util-linux) to change that")
        command = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override", *command]
    overrides = [f"datamodule.data_dir={names_folder}", f"runs_dir={closed}", *SMALL]
    for several in ([], ["-m", "seed=1,2"]):
        done = subprocess.run(
            [*command, *several, *overrides], capture_output=True, text=True, cwd=PROJECT, timeout=240
        )
        assert done.returncode == 2, done.stderr
        assert done.stderr.splitlines()[-1].endswith(
            "/closed/names: Permission denied; what was finished before is kept"
        )
        assert "Traceback" not in done.stderr


def test_memory_that_does_not_suffice() -> None:
    error = RuntimeError("while training")
    error.__cause__ = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore")
    message = resource_error(error)
    assert message is not None
    assert message.startswith(
        "out of memory (CUDA out of memory. Tried to allocate 2.00 GiB.): a smaller datamodule.batch"
    )
    assert resource_error(ValueError("a bug")) is None
    assert resource_error(FileNotFoundError(2, "No such file", "x")) is None
