"""Environment of launchers (torchrun, Slurm): whether this process is one of several ranks, and which."""

from __future__ import annotations

import os

#: Variables by which launchers tell a process its rank.
RANK_VARIABLES = ("RANK", "SLURM_PROCID", "LOCAL_RANK")


def rank() -> int:
    """Of this process among those that another program started; 0 where none did."""
    if not started_elsewhere():
        return 0
    return next(int(os.environ[name]) for name in RANK_VARIABLES if name in os.environ)


def started_elsewhere() -> bool:
    """Whether torchrun or Slurm started this process as one of several."""
    if "TORCHELASTIC_RUN_ID" in os.environ or "LOCAL_RANK" in os.environ:
        return True
    return int(os.environ.get("SLURM_NTASKS", "1")) > 1 and "SLURM_PROCID" in os.environ
