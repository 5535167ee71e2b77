"""Environment of launchers (torchrun, Slurm): whether this process is one of several ranks, and which."""

from __future__ import annotations

import os


def rank() -> int:
    """Of this process among those that another program started; 0 where none did."""
    if not started_elsewhere():
        return 0
    names = ("RANK", "SLURM_PROCID", "LOCAL_RANK") if in_slurm_step() else ("RANK", "LOCAL_RANK")
    return next((int(os.environ[name]) for name in names if name in os.environ), 0)


def started_elsewhere() -> bool:
    """Whether torchrun or Slurm started this process as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ or "LOCAL_RANK" in os.environ or in_slurm_step()


def in_slurm_step() -> bool:
    """Whether `srun` started this process as one of several.

    A job's own script, and a shell in an allocation, have the variables of a rank too (`SLURM_NTASKS`,
    `SLURM_PROCID=0`), but what they start is alone.
    """
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1 and "SLURM_PROCID" in os.environ


def alone_in_slurm_job() -> bool:
    """Whether Slurm's variables speak of ranks that no `srun` has started: Lightning would wait for them."""
    return "SLURM_NTASKS" in os.environ and not in_slurm_step() and "TORCHELASTIC_RUN_ID" not in os.environ
