"""compile=true: the same run through torch.compile, with a real compiler."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from lightning_modules.training import checkpoint_io
from tests.commands import run, run_process

SMALL = [
    "datamodule=energy", "module=mlp", "module.hidden_size=8", "datamodule.lookback=24", "datamodule.stride=31",
    "task.past_calendar=false", "scheduler=constant", "logger=none", "evaluate=[]",
    "datamodule.drop_last=true", "datamodule.batch_size=32",
]  # fmt: skip


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return checkpoint_io.load(folder / "checkpoints" / "last.ckpt")["state_dict"]


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler: apt-get install g++")
@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_plain_run_goes_on_from_a_compiled_one(tmp_path: Path, devices: int) -> None:
    plain, changing = tmp_path / "plain", tmp_path / "changing"
    run("train.py", *SMALL, "trainer=cpu", "trainer.max_epochs=2", f"hydra.run.dir={plain}")
    trainer = ["trainer=ddp", "trainer.devices=2"] if devices == 2 else ["trainer=cpu"]
    first = ["trainer.max_epochs=1", "compile=true", *trainer]
    for overrides in (first, ["trainer.max_epochs=2", f"resume={changing}"]):
        run("train.py", *SMALL, *overrides, "trainer.accelerator=cpu", f"hydra.run.dir={changing}")
    expected, found = weights(plain), weights(changing)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-4, rtol=1e-3)


def test_without_a_compiler_it_is_a_sentence(tmp_path: Path) -> None:
    none = {"CXX": "no-such-compiler", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    overrides = [*SMALL, "trainer=cpu", "compile=true", f"runs_dir={tmp_path}"]
    done = run_process("train.py", *overrides, status=2, variables=none)
    assert done.stderr.splitlines()[-1].startswith("compile=true: torch.compile does not work here (")
    assert done.stderr.splitlines()[-1].endswith("compile=false needs none")
    assert "Traceback" not in done.stderr
