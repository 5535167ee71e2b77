"""Several processes that train one module, a device each (`trainer=ddp trainer.devices=N`).

Those of one machine are forked here, from a process that has everything loaded and CUDA asleep, so nothing is
composed or imported twice and a sweep's job can have them too.  Where torchrun or Slurm starts the processes, nothing
is forked.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import torch

from datamodules.errors import BadInput
from scripts.runs.launcher_env import started_elsewhere


def num_ranks(trainer: dict[str, Any]) -> int:
    """How many processes the Trainer's settings ask for on this machine."""
    devices = trainer.get("devices", 1)
    on_gpu = trainer.get("accelerator", "auto") in ("gpu", "cuda") or (
        trainer.get("accelerator", "auto") == "auto" and torch.cuda.device_count() > 0
    )
    if isinstance(devices, list):
        return len(devices)
    if devices in ("auto", -1, "-1"):
        return max(1, torch.cuda.device_count()) if on_gpu else 1
    return int(devices) if str(devices).isdigit() else len(str(devices).split(","))


def one_device(config: dict[str, Any]) -> dict[str, Any]:
    """The settings with the first of their devices only."""
    devices = config["trainer"].get("devices", 1)
    first = devices[:1] if isinstance(devices, list) else 1
    return {**config, "trainer": {**config["trainer"], "devices": first, "num_nodes": 1, "strategy": "auto"}}


@contextlib.contextmanager
def spawn_ranks(config: dict[str, Any], follow: Callable[[], Any]) -> Iterator[None]:
    """While inside, this process is rank 0 and every other rank runs `follow`.

    Raises:
        BadInput: one of them could not do it; its words are on standard error.
    """
    count = num_ranks(config["trainer"])
    if count == 1 or started_elsewhere():
        yield
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count), "NODE_RANK": "0"}
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // count))
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_rank, args=(i, shared, follow)) for i in range(1, count)]
    before = {key: os.environ.get(key) for key in (*shared, "LOCAL_RANK")}
    for process in processes:
        process.start()
    os.environ.update({**shared, "LOCAL_RANK": "0"})
    try:
        yield
        for process in processes:
            process.join()
        if any(process.exitcode for process in processes):
            raise BadInput("trainer: one of the processes failed; its words are above")
    finally:
        for process in processes:
            process.kill()
            process.join()
        for key, value in before.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value
        torch.set_num_threads(threads)


def destroy_process_group() -> None:
    """Leave the other ranks: from here on each process is alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _rank(number: int, shared: dict[str, str], follow: Callable[[], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first rank decides
    _die_with_parent()
    logging.disable(logging.WARNING)
    os.environ.update({**shared, "LOCAL_RANK": str(number)})
    try:
        follow()
    except Exception as error:
        # what all ranks raise is rank 0's to tell
        if type(error).__name__ not in ("Interrupted", "Pruned", "BadInput"):
            raise


def _die_with_parent() -> None:
    """Linux ends this process when the one that forked it ends."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
