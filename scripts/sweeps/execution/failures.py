"""Why a job failed, in a few overrides."""

from __future__ import annotations

import signal
from pathlib import Path

from datamodules.errors import BadInput

OUT_OF_MEMORY = "out of memory"
_SIGNS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "cublas_status_alloc",
)


def reason_of(error: BaseException) -> str:
    """The line of the end table for what a job raised."""
    message = " ".join(str(error).split())
    if isinstance(error, MemoryError) or any(sign in message.lower() for sign in _SIGNS):
        return f"{OUT_OF_MEMORY}: {message}" if message else OUT_OF_MEMORY
    return (
        message
        if isinstance(error, BadInput)
        else f"{type(error).__name__}: {message}"
        if message
        else type(error).__name__
    )


def reason_of_exit(exit_code: int, kills_before: int) -> str:
    """The line for a process that ended without a word."""
    if exit_code >= 0:
        return f"ended with exit status {exit_code}"
    if exit_code == -signal.SIGKILL and out_of_memory_kills() > kills_before:
        return f"{OUT_OF_MEMORY}: killed by the system"
    return f"killed by {signal.Signals(-exit_code).name}"


def out_of_memory_kills() -> int:
    """Processes that the system has ended for want of memory, so far."""
    for file in ("/sys/fs/cgroup/memory.events", "/proc/vmstat"):
        try:
            for line in Path(file).read_text(encoding="utf-8").splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
        except OSError:
            continue
    return 0
