"""Two processes train as one does: the same steps on the same batches, in a single run and in a sweep's job."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import polars
import pytest
import torch
from pytorch_lightning import Callback

from datamodules.errors import BadInput
from datamodules.names import Names
from lightning_modules.training import checkpoint_io
from lightning_modules.training.callbacks.checkpoints import Checkpoints
from lightning_modules.training.callbacks.reporting import Pruned, Reporting
from scripts.config.composing import compose
from scripts.console import logs
from scripts.runs import ranks, training
from scripts.runs.folder import RunFolder
from tests.commands import run_process

SMALL = [
    "module.hidden_size=8", "trainer.max_epochs=4", "datamodule.batch_size=10", "datamodule.evaluation_batch_size=3",
    "trainer.accelerator=cpu", "trainer.log_every_n_steps=3", "task.token_dropout=0",
]  # fmt: skip
TWO = ["trainer=ddp", "trainer.devices=2"]


def weights(folder: Path, name: str = "last.ckpt") -> torch.Tensor:
    state = checkpoint_io.load(folder / "checkpoints" / name)["state_dict"]
    return torch.cat([value.flatten() for value in state.values()])


def test_two_processes_in_a_sweep_train_as_one(names_folder: Path, tmp_path: Path) -> None:
    logs.quiet_lightning()
    alone = tmp_path / "alone"
    settings = compose(*SMALL, "logger=none", f"datamodule.data_dir={names_folder}")
    expected = training.train(settings, RunFolder(alone), [])
    done = run_process(
        "train.py", "-m", "seed=1,2", *TWO, *SMALL, f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}",
        "sweep.name=both",
    )  # fmt: skip
    sweep = Path(done.stdout.strip())
    job = sweep / "seed-1"
    for name in ("best.ckpt", "last.ckpt"):
        torch.testing.assert_close(weights(job, name), weights(alone, name), rtol=0, atol=1e-5)
    got = json.loads((job / "metrics.json").read_text())
    for key, value in expected.items():
        if "/" in key or key in ("steps", "epochs", "best_epoch"):
            assert got[key] == pytest.approx(value, abs=1e-5), key
    one, two = (polars.read_parquet(folder / "predictions.parquet") for folder in (alone, job))
    assert one["id"].to_list() == two["id"].to_list()
    assert one["prediction"].to_list() == two["prediction"].to_list()
    assert len([p for p in job.iterdir() if p.name.startswith("events.")]) == 1
    assert {p.name for p in sweep.iterdir()} == {".lock", "seed-1", "seed-2", "sweep.json", "experiment", "report.html"}


def test_under_torchrun_the_first_process_writes(names_folder: Path, tmp_path: Path) -> None:
    done = run_process(
        "train.py", *TWO, *SMALL, f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", "logger=none",
        torchrun=2,
    )  # fmt: skip
    folder = Path(done.stdout.strip())
    assert [str(p) for p in tmp_path.glob("*/*")] == [str(folder)]
    assert json.loads((folder / "metrics.json").read_text())["steps"] == 24


class Stop(Checkpoints):
    """Ends the run before the batch that STOP_BEFORE names; ranks have the first one's environment, not its classes."""

    batches = 0

    def on_train_batch_start(self, trainer, pl_module, *args) -> None:
        self.batches += 1
        if self.batches == int(os.environ.get("STOP_BEFORE", "0")):
            self.write_between_batches(trainer)
            raise KeyError("stop")


@pytest.mark.filterwarnings("ignore")
def test_two_processes_go_on_to_the_last_bit(
    names_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.quiet_lightning()
    dropout = ["task.output_dropout=0.3", "callbacks.progress=null", "logger=none", "evaluate=[]"]
    words = [*TWO, *SMALL, *dropout, f"datamodule.data_dir={names_folder}"]
    settings = compose(*words, "callbacks.checkpoints._target_=tests.scripts.runs.test_ranks.Stop")
    environment = dict(os.environ)
    training.train(settings, RunFolder(tmp_path / "undisturbed"), [])
    monkeypatch.setenv("STOP_BEFORE", "5")
    try:
        with pytest.raises(KeyError):
            training.train(settings, RunFolder(tmp_path / "stopped"), [])
    finally:
        monkeypatch.delenv("STOP_BEFORE")
        training.ranks.destroy_process_group()
    training.train(settings, RunFolder(tmp_path / "stopped"), [], resume=True)
    assert torch.equal(weights(tmp_path / "stopped"), weights(tmp_path / "undisturbed"))
    assert dict(os.environ) == environment


class Shares(Callback):
    """What share of the weights this process holds at the end."""

    of_weights = 1.0

    def on_train_end(self, trainer, pl_module) -> None:
        parameters = [p for group in trainer.optimizers[0].param_groups for p in group["params"]]
        self.of_weights = sum(p.to_local().numel() for p in parameters) / sum(p.numel() for p in parameters)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("module", "tolerance"),
    [
        pytest.param(["gru"], 1e-5, id="gru"),
        # rounding alone moves the keys' biases, which have no gradient
        pytest.param(
            ["transformer", "module.num_heads=2", "module.dropout=0.0"], 1e-3, id="transformer", marks=pytest.mark.slow
        ),
    ],
)
def test_two_processes_that_share_the_weights_train_as_one(
    module: list[str], tolerance: float, names_folder: Path, tmp_path: Path
) -> None:
    logs.quiet_lightning()
    words = [f"module={module[0]}", *module[1:], *SMALL, f"datamodule.data_dir={names_folder}", "logger=none"]
    words += ["scheduler=constant", "trainer.accumulate_grad_batches=3"]
    expected = training.train(compose(*words), RunFolder(tmp_path / "alone"), [])
    two, shares = RunFolder(tmp_path / "two"), Shares()
    words += ["trainer=fsdp", "trainer.devices=2"]
    training.train(compose(*words, "trainer.max_epochs=2"), two, [])
    got = training.train(compose(*words), two, [], resume=True, extra_callbacks=[shares])
    assert shares.of_weights < 0.6
    torch.testing.assert_close(weights(two.path), weights(tmp_path / "alone"), rtol=0, atol=tolerance)
    for key, value in expected.items():
        if "/" in key or key in ("steps", "epochs"):
            assert got[key] == pytest.approx(value, abs=1e-5), key


@pytest.mark.filterwarnings("ignore")
def test_when_the_first_process_prunes_the_other_follows(names_folder: Path, tmp_path: Path) -> None:
    logs.quiet_lightning()
    words = [*TWO, *SMALL, "callbacks.progress=null", "logger=none", f"datamodule.data_dir={names_folder}"]
    asked: list[int] = []

    def is_pruned(validation: int, value: float) -> bool:
        asked.append(validation)
        return validation == 2

    try:
        with pytest.raises(Pruned):
            reporting = Reporting(lambda progress: None, is_pruned)
            training.train(compose(*words), RunFolder(tmp_path), [], extra_callbacks=[reporting])
    finally:
        training.ranks.destroy_process_group()
    assert asked == [1, 2]
    assert not (tmp_path / "metrics.json").exists()


class FailsInItsSecondProcess(Names):
    """Surnames; the process of the second device ends before it meets the first one."""

    def setup(self, stage: str | None = None) -> None:
        if os.environ.get("LOCAL_RANK") == "1":
            raise RuntimeError("CUDA out of memory, say")
        super().setup(stage)


def test_a_process_that_fails_before_they_meet_ends_the_run_with_its_reason(
    names_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = compose(*TWO, *SMALL, "logger=none", f"datamodule.data_dir={names_folder}")
    settings["datamodule"]["_target_"] = f"{__name__}.FailsInItsSecondProcess"
    started = time.monotonic()
    with pytest.raises(BadInput, match=r"the process of device 1 failed: RuntimeError: CUDA out of memory, say"):
        training.train(settings, RunFolder(tmp_path), [])
    assert time.monotonic() - started < 30, "the process group alone would wait for half an hour"
    assert json.loads((tmp_path / "status.json").read_text())["status"] == "failed"


class KilledAtItsThirdBatch(Callback):
    """The process of the second device is killed in the middle of training."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        if trainer.global_rank == 1 and batch_idx >= 2:
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_ends_the_run_with_its_reason(
    names_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = compose(*TWO, *SMALL, "logger=none", f"datamodule.data_dir={names_folder}")
    with pytest.raises(BadInput, match=r"the process of device 1 failed: killed by SIGKILL"):
        training.train(settings, RunFolder(tmp_path), [], extra_callbacks=[KilledAtItsThirdBatch()])


def test_several_machines_need_a_launcher() -> None:
    settings = compose("trainer=ddp", "trainer.num_nodes=2", "trainer.devices=2")
    refused = pytest.raises(BadInput, match=r"trainer\.num_nodes=2: .*torchrun --nnodes=2 --nproc-per-node=2")
    with refused, ranks.spawn_ranks(settings, lambda: None):
        pass
