"""Several runs on one GPU at once, as `sweep.gpus_per_job` packs them: steps a second of all together.

`python benchmarks/gpu.py --part packing` runs it; `python -m benchmarks.packing STEPS [OVERRIDE ...]` is one of the
runs: it says "ready", waits for a line on standard input, trains, and says its steps a second.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.workloads import TIMED, WORKLOADS
from datamodules.errors import BadInput

WORKLOAD = "names_gru_64"
PROJECT = Path(__file__).resolve().parents[1]


def has_mps() -> bool:
    """Whether CUDA's multi-process service can be started here."""
    return shutil.which("nvidia-cuda-mps-control") is not None


def measure(jobs: int, mps: bool, steps: int, extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """Steps a second of so many runs together, from their common start to the end of the last."""
    with _service() if mps else contextlib.nullcontext({}) as variables:
        command = [sys.executable, "-m", "benchmarks.packing", str(steps), *extra]
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        environment = {**os.environ, "PYTHONPATH": path, **variables}
        running = [
            subprocess.Popen(command, text=True, cwd=PROJECT, env=environment, **pipes)  # type: ignore[call-overload]
            for _ in range(jobs)
        ]
        try:
            if not all(job.stdout.readline().strip() == "ready" for job in running):
                raise BadInput(f"{jobs} runs at once: one of them failed before its first step")
            start = time.perf_counter()
            for job in running:
                job.stdin.write("go\n")
                job.stdin.flush()
            alone = [float(job.stdout.readline() or "nan") for job in running]
            seconds = time.perf_counter() - start
        finally:
            for job in running:
                job.kill()
                job.communicate()
    return {"workload": WORKLOAD, "steps_per_second": jobs * steps / seconds, "of_one": min(alone)}


@contextlib.contextmanager
def _service() -> Iterator[dict[str, str]]:
    """The multi-process service, for as long as it is needed; the variables by which runs find it."""
    with tempfile.TemporaryDirectory() as folder:
        variables = {"CUDA_MPS_PIPE_DIRECTORY": f"{folder}/pipe", "CUDA_MPS_LOG_DIRECTORY": f"{folder}/log"}
        for name in variables.values():
            Path(name).mkdir()
        environment = {**os.environ, **variables}
        subprocess.run(["nvidia-cuda-mps-control", "-d"], env=environment, check=True)
        try:
            yield variables
        finally:
            subprocess.run(["nvidia-cuda-mps-control"], input="quit\n", text=True, env=environment, check=False)


def job(steps: int, extra: list[str]) -> None:
    """One of the runs."""
    from benchmarks.overhead import quiet
    from scripts.config.composing import compose
    from scripts.runs.folder import RunFolder
    from scripts.runs.training import setup_training

    quiet()
    config = compose(*TIMED, *WORKLOADS[WORKLOAD].overrides, "logger=none", "callbacks.progress=null", *extra)
    config["trainer"]["max_steps"] = steps
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        setup = setup_training(config, RunFolder(Path(folder)))
        print("ready", file=sys.__stdout__, flush=True)
        sys.stdin.readline()
        start = time.perf_counter()
        setup.trainer.fit(setup.module, datamodule=setup.datamodule)
        print(steps / (time.perf_counter() - start), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    job(int(sys.argv[1]), sys.argv[2:])
