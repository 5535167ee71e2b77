"""A real Slurm of two nodes, both this machine: sweeps, ranks on both, signals, and a job that fails."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import PROJECT, wait_for
from tests.ports import free_ports

PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sbatch", "scancel", "sinfo")
SMALL = ["module.hidden_size=4", "datamodule.batch_size=10", "trainer.accelerator=cpu", "logger=none", "evaluate=[val]"]
SETTINGS = """
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={ports[0]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 State=UNKNOWN
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, str]]:
    """The environment in which Slurm's commands, and ours, find it."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip("Slurm is not installed (apt-get install slurm-wlm munge)")
    if os.geteuid() != 0:
        pytest.skip("a Slurm of its own needs root")
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="the extra `slurm` is not installed")
    folder = Path("/tmp") / f"slurm-{os.getpid()}"  # a socket's path has to be short
    folder.mkdir(mode=0o755)
    (folder / "state").mkdir()
    (folder / "key").write_bytes(os.urandom(128))
    (folder / "key").chmod(0o600)
    host = socket.gethostname().split(".")[0]
    (folder / "slurm.conf").write_text(SETTINGS.format(host=host, folder=folder, ports=free_ports(3)))
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "MASTER_ADDR": "127.0.0.1"}
    munge = [f"--{name}={folder}/{file}" for name, file in (
        ("socket", "munge.socket"), ("key-file", "key"), ("pid-file", "munge.pid"), ("log-file", "munge.log"),
        ("seed-file", "munge.seed"),
    )]  # fmt: skip
    servers = []
    try:
        daemons = [["slurmd", "-D", "-N", name] for name in ("n1", "n2")]
        for command in (["munged", "--force", "-F", *munge], ["slurmctld", "-D"], *daemons):
            with (folder / f"{command[0]}.out").open("a") as log:
                servers.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
            time.sleep(1)
        for _ in range(40):
            output = subprocess.run(["sinfo", "-h", "-o", "%D %t"], env=environment, capture_output=True, text=True)
            if output.stdout.strip() == "2 idle":
                break
            time.sleep(0.5)
        else:
            pytest.skip(f"a Slurm of its own does not come up here: {(folder / 'slurmd.out').read_text()[-500:]}")
        yield environment
        subprocess.run(["scancel", "--user=root"], env=environment, capture_output=True)
        for _ in range(20):  # its processes end before the servers that end them
            if not subprocess.run(["squeue", "-h"], env=environment, capture_output=True, text=True).stdout:
                break
            time.sleep(0.5)
    finally:
        for server in reversed(servers):
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def command(cluster: dict[str, str], *overrides: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*map(str, overrides)], env=cluster, cwd=PROJECT, capture_output=True, text=True, timeout=240
    )  # fmt: skip
    assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
    return done


TRAIN = (sys.executable, PROJECT / "scripts/train.py")


def test_the_jobs_of_a_sweep(cluster: dict[str, str], names_folder: Path, tmp_path: Path) -> None:
    overrides = [f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", "trainer.max_epochs=1", *SMALL]
    overrides += ["hydra/launcher=slurm", "hydra.launcher.timeout_min=5", "hydra.launcher.cpus_per_task=1"]
    done = command(cluster, *TRAIN, "-m", "module=gru,lstm", "sweep.name=both", *overrides)
    sweep = Path(done.stdout.strip())
    jobs = json.loads((sweep / "sweep.json").read_text())["jobs"]
    assert {job["folder"]: job["state"] for job in jobs} == {"module-gru": "finished", "module-lstm": "finished"}
    assert list(sweep.glob(".submitit/*/*_submission.sh")), "submitted to Slurm, not run here"


def test_two_ranks_and_a_signal(cluster: dict[str, str], names_folder: Path, tmp_path: Path) -> None:
    overrides = [f"datamodule.data_dir={names_folder}", *SMALL, "callbacks.checkpoints.every_seconds=1000"]
    srun = ("srun", "-N1", "--ntasks-per-node=2")
    done = command(
        cluster, *srun, *TRAIN, *overrides, f"runs_dir={tmp_path}/two", "trainer.max_epochs=2", "trainer=ddp",
        "trainer.devices=2",
    )  # fmt: skip
    (folder,) = tmp_path.glob("two/*/*")
    assert done.stdout.split() == [str(folder)], "only the first rank tells and writes"
    assert json.loads((folder / "metrics.json").read_text())["epochs"] == 2

    script = tmp_path / "job.sh"
    run = [*map(str, TRAIN), *overrides, f"hydra.run.dir={tmp_path}/long", "trainer.max_epochs=100000"]
    script.write_text(f"#!/bin/bash\n#SBATCH --output={tmp_path}/log\nexec srun {' '.join(run)}\n")
    job = command(cluster, "sbatch", "--parsable", "--ntasks-per-node=1", script).stdout.strip()
    log, status = tmp_path / "log", tmp_path / "long" / "status.json"
    wait_for(lambda: log.exists() and "epoch" in log.read_text(), log)
    command(cluster, "scancel", "--signal=USR1", job)
    wait_for(status.exists, log)
    assert json.loads(status.read_text())["status"] == "interrupted"
    assert f"stopped by SIGUSR1; resume={tmp_path}/long goes on" in log.read_text()
    done = command(
        cluster, *TRAIN, *overrides, f"resume={tmp_path}/long", "trainer.max_epochs=100000", "trainer.max_steps=1"
    )
    assert "goes on from" in done.stderr


@pytest.mark.parametrize("tasks", [1, 2])
def test_a_script_without_srun_starts_its_ranks_itself(
    tasks: int, cluster: dict[str, str], names_folder: Path, tmp_path: Path
) -> None:
    overrides = [f"datamodule.data_dir={names_folder}", *SMALL, f"runs_dir={tmp_path}/runs", "trainer.max_epochs=1"]
    run = [*map(str, TRAIN), *overrides, "trainer=ddp", "trainer.devices=2"]
    script, log = tmp_path / "job.sh", tmp_path / "log"
    script.write_text(f"#!/bin/bash\n#SBATCH --output={log}\n{' '.join(run)}\n")
    command(cluster, "sbatch", "-N1", f"--ntasks-per-node={tasks}", script)
    wait_for(lambda: list(tmp_path.glob("runs/*/*/metrics.json")), log)


def test_two_nodes_train_as_one(cluster: dict[str, str], names_folder: Path, tmp_path: Path) -> None:
    overrides = [f"datamodule.data_dir={names_folder}", *SMALL, "trainer.max_epochs=2", "task.token_dropout=0"]
    done = command(
        cluster, "srun", "-N2", "--ntasks-per-node=1", *TRAIN, *overrides, f"runs_dir={tmp_path}/two", "trainer=ddp",
        "trainer.num_nodes=2", "trainer.devices=1",
    )  # fmt: skip
    (two,) = tmp_path.glob("two/*/*")
    assert done.stdout.split() == [str(two)], "only the first rank of the first node tells and writes"
    one = command(cluster, *TRAIN, *overrides, f"runs_dir={tmp_path}/one").stdout.strip()
    for name, value in json.loads((Path(one) / "metrics.json").read_text()).items():
        if name.startswith("val/"):
            assert json.loads((two / "metrics.json").read_text())[name] == pytest.approx(value, abs=1e-6), name


def test_a_job_that_fails_ends_no_other(cluster: dict[str, str], names_folder: Path, tmp_path: Path) -> None:
    overrides = [f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", "sweep.name=s", *SMALL]
    overrides += ["hydra/launcher=slurm", "hydra.launcher.timeout_min=5", "hydra.launcher.cpus_per_task=1"]
    sweep = tmp_path / "names" / "s"
    grid = [*map(str, TRAIN), "-m", "optimizer=sgd", "optimizer.lr=0.1,1e38", "trainer.max_epochs=2", *overrides]
    grid.append("trainer.gradient_clip_val=null")
    done = command(cluster, *grid, status=1)
    states = {job["folder"]: job["state"] for job in json.loads((sweep / "sweep.json").read_text())["jobs"]}
    assert sorted(states.values()) == ["failed", "finished"], done.stderr


@pytest.mark.slow
def test_a_job_whose_time_is_over_is_queued_again_and_goes_on(
    cluster: dict[str, str], names_folder: Path, tmp_path: Path
) -> None:
    overrides = [f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", "sweep.name=s", *SMALL]
    overrides += ["hydra/launcher=slurm", "hydra.launcher.timeout_min=5", "hydra.launcher.cpus_per_task=1"]
    overrides += ["trainer.max_epochs=600", "callbacks.checkpoints.every_seconds=1"]
    sweep, log = tmp_path / "names" / "s", tmp_path / "log"
    with log.open("w") as out:
        running = subprocess.Popen(
            [*map(str, TRAIN), "-m", "seed=1,2", *overrides], env=cluster, cwd=PROJECT, stdout=out, stderr=out
        )
    try:
        wait_for((sweep / "seed-1/checkpoints/last.ckpt").exists, log)
        (job,) = (line.split()[0] for line in queued(cluster) if line.split()[0].endswith("_0"))
        command(cluster, "scancel", "--signal=USR2", job)  # what Slurm sends before the time is over
        wait_for(lambda: any("BeginTime" in line for line in queued(cluster)), log)
        command(cluster, "scontrol", "update", f"JobId={job}", "StartTime=now")  # else in two minutes
        running.wait(timeout=150)
    finally:
        running.kill()
    assert running.returncode == 0, log.read_text()
    states = {job["folder"]: job["state"] for job in json.loads((sweep / "sweep.json").read_text())["jobs"]}
    assert states == {"seed-1": "finished", "seed-2": "finished"}
    said = "".join(path.read_text() for path in sweep.glob(".submitit/*/*_log.err"))
    assert said.count(f"goes on from {sweep}/seed-1/checkpoints/last.ckpt") == 1 and "seed-2/checkpoints" not in said
    metrics = json.loads((sweep / "seed-1/metrics.json").read_text())
    assert (
        metrics["epochs"] == 600
        and metrics["steps"] == json.loads((sweep / "seed-2/metrics.json").read_text())["steps"]
    )


def queued(cluster: dict[str, str]) -> list[str]:
    """Of each job in the queue: its id (of the array, and in it) and why it waits."""
    return command(cluster, "squeue", "-h", "-o", "%i %r").stdout.splitlines()
