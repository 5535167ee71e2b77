"""Environment of a run: versions, hardware, git state."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from datamodules import __version__

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("torch", "pytorch-lightning", "hydra-core", "omegaconf", "torchmetrics", "tensorboard", "numpy", "polars")


def environment() -> dict[str, Any]:
    """Versions, hardware and the state of the code, as JSON holds it."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "version": __version__,
        "packages": {name: _version(name) for name in PACKAGES},
        "cpu": _cpu_name(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": gpu_names(),
        **git_state(),
    }


def gpu_names() -> list[str]:
    """The names of the GPUs that this process sees.

    torch would wake CUDA to know them, which takes a second and memory of each GPU, and forbids to fork this process:
    where it sleeps, `nvidia-smi` is asked.
    """
    count = torch.cuda.device_count()
    if not count or torch.cuda.is_initialized():
        return [torch.cuda.get_device_name(number) for number in range(count)]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader", *([f"--id={visible}"] if visible else [])]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ["a CUDA device"] * count
    return [name.strip() for name in listed.stdout.splitlines() if name.strip()]


def git_state() -> dict[str, Any]:
    """The commit of the project's code, and whether files differed from it; None where it is no checkout."""

    def git(*arguments: str) -> str | None:
        try:
            result = subprocess.run(
                ["git", "-C", str(PROJECT), *arguments], capture_output=True, text=True, timeout=10, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return result.stdout.strip()

    commit = git("rev-parse", "HEAD")
    status = git("status", "--porcelain") if commit else None
    return {"git_commit": commit, "git_dirty": None if status is None else bool(status)}


def peak_memory_mb(device: torch.device) -> float:
    """The most memory held so far: of the GPU if the run is on one, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
