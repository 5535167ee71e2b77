"""Lock of a folder: one process at a time writes into it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datamodules.errors import BadInput


@contextmanager
def only_writer(folder: Path, what: str, lock_timeout: float = 0.0) -> Iterator[None]:
    """Hold the folder's lock; the system lets go of it when the process ends, however it ends.

    Args:
        folder: made if it does not exist.
        what: name of the folder in the message.
        lock_timeout: seconds to wait for another process to release it.

    Raises:
        BadInput: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as file:
        deadline = time.monotonic() + lock_timeout
        while not _taken(file.fileno()):
            if time.monotonic() >= deadline:
                file.seek(0)
                owner = file.read().strip()
                raise BadInput(f"{what}: process {owner or 'of another machine'} is writing into {folder}")
            time.sleep(0.05)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
