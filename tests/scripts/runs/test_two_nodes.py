"""Two nodes of two processes each, as two torchrun agents on this machine, train as one process does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lightning_modules.training import checkpoint_io
from scripts.config.composing import compose
from scripts.console import logs
from scripts.runs import training
from scripts.runs.folder import RunFolder
from tests.commands import ENVIRONMENT
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
