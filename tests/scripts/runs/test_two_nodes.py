"""Two nodes of two processes each, as two torchrun agents on this machine, train as one process does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import torch

from lightning_modules.training import checkpoint_io
from scripts.config.composing import compose
from scripts.console import logs
from scripts.runs import training
from scripts.runs.folder import RunFolder
from tests.commands import ENVIRONMENT, wait_for
from tests.conftest import PROJECT
from tests.ports import free_ports

pytestmark = pytest.mark.slow  # four processes, each of which imports everything: 40 seconds of a processor

SETTINGS = [
    "module.hidden_size=8", "datamodule.batch_size=10", "datamodule.evaluation_batch_size=3", "scheduler=constant",
    "trainer.accelerator=cpu", "task.token_dropout=0", "logger=none", "callbacks.progress=null", "evaluate=[val]",
]  # fmt: skip
NODES = ["trainer.num_nodes=2", "trainer.devices=2"]


def weights(folder: Path) -> torch.Tensor:
    state = checkpoint_io.load(folder / "checkpoints" / "last.ckpt")["state_dict"]
    return torch.cat([value.flatten() for value in state.values()])


@pytest.fixture(scope="module")
def folder(names_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs `ddp` and `fsdp` of two nodes, the latter resumed after its first epoch, and `one` of one process."""
    folder = tmp_path_factory.mktemp("nodes")
    words = [*SETTINGS, f"datamodule.data_dir={names_folder}"]
    agents_port, *ports = free_ports(4)
    runs = [
        {
            "folder": str(folder / strategy),
            "overrides": [*words, f"trainer={strategy}", *NODES, f"trainer.max_epochs={epochs}"],
            "resume": resume,
            "port": port,
        }
        for (strategy, epochs, resume), port in zip(
            [("ddp", 2, False), ("fsdp", 1, False), ("fsdp", 2, True)], ports, strict=True
        )
    ]
    (folder / "runs.json").write_text(json.dumps(runs))
    agents = [
        subprocess.Popen(
            [
                sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=2",
                f"--node-rank={node}", "--master-addr=127.0.0.1", f"--master-port={agents_port}",
                "-m", "tests.scripts.runs.of_each_node", str(folder / "runs.json"),
            ],
            cwd=PROJECT, env={**os.environ, **ENVIRONMENT, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for node in range(2)
    ]  # fmt: skip
    logs.quiet_lightning()
    training.train(compose(*words, "trainer.max_epochs=2"), RunFolder(folder / "one"), [])
    try:
        for agent in agents:
            said, _ = agent.communicate(timeout=120)
            assert agent.returncode == 0, said
    finally:
        for agent in agents:
            agent.kill()
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_nodes_train_as_one_process(strategy: str, folder: Path) -> None:
    torch.testing.assert_close(weights(folder / strategy), weights(folder / "one"), rtol=0, atol=1e-5)
    expected, got = (json.loads((folder / name / "metrics.json").read_text()) for name in ("one", strategy))
    for key, value in expected.items():
        if "/" in key or key in ("steps", "epochs"):
            assert got[key] == pytest.approx(value, abs=1e-5), key


def test_the_first_process_of_the_first_node_alone_writes(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"runs.json", "one", "ddp", "fsdp"}
    assert not list(folder.glob("ddp/checkpoints/*rank*"))


def started(node: int, port: int, words: list[str]) -> subprocess.Popen[str]:
    """A node of one process, as a person starts it by torchrun, in a session of its own."""
    launch = ["--nnodes=2", "--nproc-per-node=1", f"--node-rank={node}", "--master-addr=127.0.0.1"]
    train = [f"--master-port={port}", "scripts/train.py", *words, "trainer=ddp", "trainer.num_nodes=2"]
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *launch, *train, "trainer.devices=1"],
        cwd=PROJECT, env={**os.environ, **ENVIRONMENT, "OMP_NUM_THREADS": "1"}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def of_session(agent: subprocess.Popen[str]) -> list[psutil.Process]:
    """A node's processes: torchrun starts its workers in sessions of their own."""
    return [psutil.Process(agent.pid), *psutil.Process(agent.pid).children(recursive=True)]


@pytest.mark.filterwarnings("ignore")
def test_a_killed_node_ends_the_other_and_both_go_on(names_folder: Path, tmp_path: Path) -> None:
    words = [*SETTINGS, f"datamodule.data_dir={names_folder}", "callbacks.checkpoints.every_seconds=0.5"]
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    first, second = free_ports(2)
    left: list[psutil.Process] = []
    try:
        endless = [*words, f"hydra.run.dir={tmp_path}/run", "trainer.max_epochs=100000"]
        agents = [started(node, first, endless) for node in range(2)]
        wait_for(last.exists, seconds=120)
        left += of_session(agents[0])
        for process in of_session(agents[1]):
            process.kill()
        said, _ = agents[0].communicate(timeout=60)
        assert agents[0].returncode != 0
        assert "another process of this run is gone (Connection reset by peer), its own node says why" in said
        assert f"resume={tmp_path}/run, the run goes on from its last checkpoint" in said
        assert "third_party/gloo" not in said, "a sentence in place of a traceback"
        epochs = checkpoint_io.load(last)["epoch"] + 3
        agents = [
            started(node, second, [f"resume={tmp_path}/run", f"trainer.max_epochs={epochs}"]) for node in range(2)
        ]
        left += [process for agent in agents for process in of_session(agent)]
        for agent in agents:
            said, _ = agent.communicate(timeout=120)
            assert agent.returncode == 0, said
    finally:
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    logs.quiet_lightning()
    training.train(compose(*words, f"trainer.max_epochs={epochs}"), RunFolder(tmp_path / "one"), [])
    torch.testing.assert_close(weights(tmp_path / "run"), weights(tmp_path / "one"), rtol=0, atol=1e-4)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["epochs"] == epochs
