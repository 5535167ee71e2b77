"""Which process is one of several, by the variables that launchers set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from datamodules.errors import BadInput
from scripts.config.composing import compose
from scripts.runs import launcher_env
from scripts.runs.folder import RunFolder
from scripts.runs.training import make_trainer

RANK = {"SLURM_PROCID": "1", "SLURM_LOCALID": "0", "SLURM_NODEID": "1", "SLURM_NTASKS": "2"}


@pytest.mark.parametrize(
    ("variables", "is_one_of_several", "rank", "alone_in_slurm"),
    [
        ({}, False, 0, False),
        ({"RANK": "1", "WORLD_SIZE": "2"}, False, 0, False),  # left behind by another program
        ({"NODE_RANK": "1"}, False, 0, False),
        ({"TORCHELASTIC_RUN_ID": "x", "RANK": "3", "LOCAL_RANK": "1"}, True, 3, False),
        ({**RANK, "SLURM_STEP_NUM_TASKS": "2"}, True, 1, False),  # by srun
        ({**RANK, "SLURM_PROCID": "0"}, False, 0, True),  # python in a job's script: of two tasks, but no srun
        ({"SLURM_NTASKS": "1", "SLURM_PROCID": "0"}, False, 0, True),
        ({**RANK, "SLURM_PROCID": "0", "LOCAL_RANK": "1"}, True, 1, True),  # a rank that such a process started itself
        ({**RANK, "TORCHELASTIC_RUN_ID": "x", "RANK": "3", "LOCAL_RANK": "1"}, True, 3, False),  # torchrun in a job
        ({"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"}, False, 0, True),  # a sweep's job
    ],
)
def test_ranks(
    variables: dict[str, str], is_one_of_several: bool, rank: int, alone_in_slurm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("SLURM_") or name.endswith("RANK")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert launcher_env.started_elsewhere() is is_one_of_several
    assert launcher_env.rank() == rank
    assert launcher_env.alone_in_slurm_job() is alone_in_slurm


def test_a_gpu_for_each_task_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As srun --gpus-per-task=1 shows GPUs: the machine has several, each process sees one."""
    monkeypatch.setattr("lightning_fabric.accelerators.cuda.num_cuda_devices", lambda: 1)
    monkeypatch.setattr("pytorch_lightning.accelerators.cuda.num_cuda_devices", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name, value in {**RANK, "SLURM_STEP_NUM_TASKS": "2"}.items():
        monkeypatch.setenv(name, value)
    config = compose("trainer=ddp", "trainer.devices=2", "trainer.accelerator=gpu", "trainer.precision=32-true")
    with pytest.raises(BadInput, match=r"only has: .0.; srun's --gpus-per-task shows .* --gpus-per-node=N"):
        make_trainer(config, RunFolder(tmp_path), [], False)
