"""A sweep on a Ray cluster of two nodes, both this machine; a worker that is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.commands import PROJECT, wait_for

pytestmark = pytest.mark.slow


def workers() -> list[psutil.Process]:
    """The processes that have a job."""
    return [
        process for process in psutil.process_iter(["cmdline"]) if "ray::_run_job" in (process.info["cmdline"] or [])
    ]


def test_jobs_run_on_both_nodes_and_one_whose_worker_is_killed_goes_on(names_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason="the extra `ray` is not installed")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    sweep, log = tmp_path / "names" / "s", tmp_path / "log"
    words = [
        "-m", "module=gru", "seed=1,2", f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", "sweep.name=s",
        "trainer.max_epochs=400", "module.hidden_size=4", "logger=none", "trainer.accelerator=cpu", "evaluate=[val]",
        "callbacks.checkpoints.every_seconds=0.5", "hydra/launcher=ray_cluster",
        f"hydra.launcher.ray.init.address={cluster.address}",
    ]  # fmt: skip
    with log.open("w") as out:
        command = [sys.executable, str(PROJECT / "scripts/train.py"), *words]
        running = subprocess.Popen(command, cwd=PROJECT, stdout=out, stderr=out)
    try:
        wait_for(lambda: all((sweep / f"seed-{seed}/checkpoints/last.ckpt").exists() for seed in (1, 2)), log)
        both = workers()
        assert len(both) == 2, "a job on each node, of one processor each"
        both[0].kill()
        running.wait(timeout=120)
    finally:
        running.kill()
        cluster.shutdown()
    said = log.read_text()
    assert running.returncode == 0, said
    jobs = {job["folder"]: job["state"] for job in json.loads((sweep / "sweep.json").read_text())["jobs"]}
    assert jobs == {"seed-1": "finished", "seed-2": "finished"}
    assert said.count("goes on from") == 1, said
    assert [json.loads((sweep / job / "metrics.json").read_text())["epochs"] for job in jobs] == [400, 400]
