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
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

import torch

from datamodules.errors import BadInput
from scripts.runs.launcher_env import started_elsewhere

#: For rank 0 to notice by itself (a broken connection) that another rank has failed, before it is ended.
SECONDS_TO_NOTICE = 10.0


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


@dataclass
class _Rank:
    """Another rank, as rank 0 sees it."""

    process: Any
    pipe: connection.Connection
    reason: str = ""  # why it failed, in its own words

    def listen(self) -> str | None:
        """The next message of the process: "ready", or None where it has failed or ended."""
        try:
            kind, self.reason = self.pipe.recv()
        except (EOFError, OSError):
            return None
        return kind if kind == "ready" else None


_others: list[_Rank] = []  # of rank 0
_to_first: connection.Connection | None = None  # of every other rank


@contextlib.contextmanager
def spawn_ranks(config: dict[str, Any], follow: Callable[[], Any]) -> Iterator[None]:
    """While inside, this process is rank 0 and every other rank runs `follow`.

    Raises:
        BadInput: `trainer.num_nodes` without a launcher, or one of the ranks has failed; with its reason.
    """
    trainer = config["trainer"]
    if trainer.get("num_nodes", 1) not in (1, None) and not started_elsewhere():
        raise BadInput(
            f"trainer.num_nodes={trainer['num_nodes']}: processes of other machines are started by a launcher:"
            f" torchrun --nnodes={trainer['num_nodes']} --nproc-per-node={num_ranks(trainer)} --rdzv-backend=c10d"
            " --rdzv-endpoint=HOST:29500 scripts/train.py ... on each, or srun; trainer.num_nodes=1 needs none"
        )
    count = num_ranks(trainer)
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
    before = {key: os.environ.get(key) for key in (*shared, "LOCAL_RANK")}
    for number in range(1, count):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_rank, args=(number, shared, follow, sender))
        process.start()
        sender.close()
        _others.append(_Rank(process, receiver))
    os.environ.update({**shared, "LOCAL_RANK": "0"})
    finished = threading.Event()
    threading.Thread(target=_watch, args=(list(_others), finished), daemon=True).start()
    try:
        yield
        for other in _others:
            other.process.join()
        _raise_failure()
    except BadInput:
        raise
    except Exception as error:
        _raise_failure(besides=_reason(error))  # a rank that failed first says more than the connection that broke
        raise
    finally:
        finished.set()
        for other in _others:
            other.process.kill()
            other.process.join()
        _others.clear()
        destroy_process_group()  # of a run that failed: the next one of this process is not to talk to dead ranks
        for key, value in before.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value
        torch.set_num_threads(threads)


def meet() -> None:
    """Wait until every rank of this machine is about to train, so that none waits for one that has failed.

    The process group itself waits for its members for half an hour.

    Raises:
        BadInput: in rank 0, a rank has failed before that; with its reason.
    """
    if _to_first is not None:
        _to_first.send(("ready", ""))
    for other in _others:
        if other.listen() is None:
            other.process.join()
            _raise_failure(other)


def _reason(error: Exception) -> str:
    words = " ".join(str(error).split())[:500]
    return words if isinstance(error, BadInput) else f"{type(error).__name__}: {words}"


def _raise_failure(failed: _Rank | None = None, besides: str = "") -> None:
    """Raises: BadInput: a rank has failed (exit status other than 0) by another reason than `besides`; with its own."""
    for number, other in enumerate(_others, 1):
        other.process.join(0.5 if failed is None else None)
        while not other.reason and other.pipe.poll():
            if other.listen() is None:
                break
        if (other is failed or other.process.exitcode) and not (besides and other.reason == besides):
            status = other.process.exitcode
            reason = other.reason or (
                f"killed by {signal.Signals(-status).name}" if status and status < 0 else f"exit status {status}"
            )
            raise BadInput(f"trainer.devices: the process of device {number} failed: {reason}")


def _watch(others: list[_Rank], finished: threading.Event) -> None:
    """End rank 0 when another rank has failed and it does not notice: it may wait inside a collective for ever."""
    sentinels = {other.process.sentinel: other for other in others}
    while sentinels and not finished.is_set():
        for sentinel in connection.wait(list(sentinels), timeout=0.5):
            other = sentinels.pop(sentinel)  # type: ignore[arg-type]
            other.process.join(1)
            if other.process.exitcode and not finished.wait(SECONDS_TO_NOTICE):
                print("trainer.devices: another process failed; this one waits for it and ends", file=sys.stderr)
                sys.stderr.flush()
                os._exit(1)


def destroy_process_group() -> None:
    """Leave the other ranks: from here on each process is alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _rank(number: int, shared: dict[str, str], follow: Callable[[], Any], to_first: connection.Connection) -> None:
    global _to_first
    _to_first = to_first
    _others.clear()  # those that rank 0 had started before this one was forked
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first rank decides
    _die_with_parent()
    logging.disable(logging.WARNING)
    os.environ.update({**shared, "LOCAL_RANK": str(number)})
    try:
        follow()
    except Exception as error:
        if type(error).__name__ in ("Interrupted", "Pruned"):  # which rank 0 raises too
            return
        with contextlib.suppress(OSError):
            to_first.send(("failed", _reason(error)))
        if not isinstance(error, BadInput):
            raise


def _die_with_parent() -> None:
    """Linux ends this process when the one that forked it ends."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
