"""A run on the processor of a machine with a GPU: CUDA is not woken, and costs are those of the processor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_modules.training.rng import random_state, set_random_state
from scripts.runs.environment import gpu_names, peak_memory_mb
from tests.commands import run


@pytest.fixture
def sleeping_gpu(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine that says it has a GPU; whatever wakes it is remembered, and fails."""
    woken: list[str] = []

    def wake(*_: Any) -> None:
        woken.append("woken")
        raise AssertionError("CUDA was woken")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "_lazy_init", wake)
    if hasattr(torch.accelerator, "current_accelerator"):  # of torch's CUDA build, which optimisers ask at each step
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda *_, **__: torch.device("cuda"))
        monkeypatch.setattr(torch.accelerator, "current_stream", wake)
    return woken


def test_a_run_on_the_processor_never_wakes_cuda(sleeping_gpu: list[str], names_folder: Path, tmp_path: Path) -> None:
    """Training, checkpoints, evaluation, figures, prediction; a process forked from one that woke it would die."""
    done = run(
        "train.py", "trainer=cpu", f"datamodule.data_dir={names_folder}", "trainer.max_epochs=1",
        "module.hidden_size=4", f"runs_dir={tmp_path}", "logger=none",
    )  # fmt: skip
    folder = Path(done.stdout.strip())
    assert run("predict.py", folder, "Alexakis", variables={"CUDA_VISIBLE_DEVICES": ""}).stdout
    assert not sleeping_gpu
    assert json.loads((folder / "environment.json").read_text())["gpus"], "named without waking it"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["peak_memory_mb"] > 100, "that of the process, which has imported torch"


def test_names_of_sleeping_gpus_are_asked_of_the_driver(
    sleeping_gpu: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "NVIDIA H100 80GB HBM3 $3"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert gpu_names() == ["NVIDIA H100 80GB HBM3 --id=2"]
    assert not sleeping_gpu


def test_random_numbers_of_a_gpu_are_kept_only_of_one_that_is_awake(
    sleeping_gpu: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = random_state()
    assert state["cuda"] == []
    set_random_state(state)
    assert not sleeping_gpu
    states, given = [torch.arange(16, dtype=torch.uint8)], []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: states)
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", given.append)
    set_random_state(random_state())
    assert given == [states]


def test_peak_memory_of_a_gpu_is_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: {1: 3 * 2**20}[device.index])
    assert peak_memory_mb(torch.device("cuda", 1)) == 3.0
    assert peak_memory_mb(torch.device("cpu")) > 100
