"""Several processes that train one module, a device each (`trainer=ddp trainer.devices=N`).

Those of one machine come from a fork server: a process that has everything imported and never computes.  A process
that has trained cannot be forked, because the threads of autograd, of OpenMP and of CUDA do not survive it, and who
trains in a notebook trains more than once.  What a rank is given is pickled.  Where torchrun or Slurm starts the
processes, none is started here.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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


def single_device(config: dict[str, Any]) -> dict[str, Any]:
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
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self, timeout: float | None = None) -> int | None:
        """Its exit status once it has ended; None where it has not within `timeout` seconds."""
        with self._lock:  # the fork server sends the status once: the first reader has it
            self.process.join(timeout)
            return self.process.exitcode

    def listen(self) -> str | None:
        """The next message of the process: "ready", or None where it has failed or ended."""
        try:
            kind, self.reason = self.pipe.recv()
        except (EOFError, OSError):
            return None
        return kind if kind == "ready" else None


_spawned: list[_Rank] = []  # of rank 0
_to_first: connection.Connection | None = None  # of every other rank


@contextlib.contextmanager
def spawn_ranks(config: dict[str, Any], follow: Callable[[], Any]) -> Iterator[None]:
    """While inside, this process is rank 0 and every other rank runs `follow`.

    Args:
        config: settings of a run, of which the Trainer's count.
        follow: can be pickled: a function of a module, with arguments that can be.

    Raises:
        BadInput: `trainer.num_nodes` without a launcher, something that cannot be given to another process, or one of
            the ranks has failed; with its reason.
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
    started = _Start(dict(os.environ), shared, max(1, threads // count), _pickled(follow))
    torch.set_num_threads(started.threads)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["scripts.runs.training"])
    before = {key: os.environ.get(key) for key in (*shared, "LOCAL_RANK")}
    for number in range(1, count):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_rank, args=(number, started, sender))
        process.start()
        sender.close()
        _spawned.append(_Rank(process, receiver))
    os.environ.update({**shared, "LOCAL_RANK": "0"})
    finished = threading.Event()
    threading.Thread(target=_watch, args=(list(_spawned), finished), daemon=True).start()
    try:
        yield
        for rank in _spawned:
            rank.join()
        _raise_failure()
    except BadInput:
        raise
    except Exception as error:
        _raise_failure(besides=_reason(error))  # a rank that failed first says more than the connection that broke
        raise
    finally:
        finished.set()
        for rank in _spawned:
            rank.process.kill()
            rank.join()
        _spawned.clear()
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
    for rank in _spawned:
        if rank.listen() is None:
            rank.join()
            _raise_failure(rank)


#: How gloo and NCCL say that the other end of a connection is gone.
GONE = ("Connection reset by peer", "Connection closed by peer", "Broken pipe", "remote process exited")


class RankLost(RuntimeError):
    """A process that another program started, on this machine or another, is gone."""

    exit_status = 1


@contextlib.contextmanager
def explain_lost_ranks(folder: object) -> Iterator[None]:
    """Say so where processes of torchrun or Slurm lose one of theirs; those started here know its own reason.

    Args:
        folder: of the run.

    Raises:
        RankLost: in place of what a collective raises.
    """
    try:
        yield
    except RuntimeError as error:
        sign = next((sign for sign in GONE if sign in str(error)), None)
        if sign is None or not started_elsewhere():
            raise
        raise RankLost(
            f"another process of this run is gone ({sign}), its own node says why; started again everywhere with"
            f" resume={folder}, the run goes on from its last checkpoint"
        ) from error


def _reason(error: Exception) -> str:
    message = " ".join(str(error).split())[:500]
    return message if isinstance(error, BadInput) else f"{type(error).__name__}: {message}"


def _raise_failure(failed: _Rank | None = None, besides: str = "") -> None:
    """Raises: BadInput: a rank has failed (exit status other than 0) by another reason than `besides`; with its own."""
    for number, rank in enumerate(_spawned, 1):
        status = rank.join(0.5 if failed is None else None)
        while not rank.reason and rank.pipe.poll():
            if rank.listen() is None:
                break
        if (rank is failed or status) and not (besides and rank.reason == besides):
            reason = rank.reason or (
                f"killed by {signal.Signals(-status).name}" if status and status < 0 else f"exit status {status}"
            )
            raise BadInput(f"trainer.devices: the process of device {number} failed: {reason}")


def _watch(ranks: list[_Rank], finished: threading.Event) -> None:
    """End rank 0 when another rank has failed and it does not notice: it may wait inside a collective for ever."""
    sentinels = {rank.process.sentinel: rank for rank in ranks}
    while sentinels and not finished.is_set():
        for sentinel in connection.wait(list(sentinels), timeout=0.5):
            rank = sentinels.pop(sentinel)  # type: ignore[arg-type]
            if rank.join(1) and not finished.wait(SECONDS_TO_NOTICE):
                print("trainer.devices: another process failed; this one waits for it and ends", file=sys.stderr)
                sys.stderr.flush()
                os._exit(1)


def destroy_process_group() -> None:
    """Leave the other ranks: from here on each process is alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@dataclass
class _Start:
    """What a rank begins with."""

    environment: dict[str, str]  # of rank 0: the fork server may be older
    shared: dict[str, str]  # variables by which the ranks find each other
    threads: int
    follow: bytes  # pickled, so that what it needs is imported when the environment is set


def _pickled(follow: Callable[[], Any]) -> bytes:
    try:
        return pickle.dumps(follow)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise BadInput(
            f"trainer.devices: something of this run cannot be given to another process ({error}); a callback of a"
            " module that can be imported can, or torchrun starts the processes"
        ) from None


def _rank(number: int, start: _Start, to_first: connection.Connection) -> None:
    global _to_first
    _to_first = to_first
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first rank decides
    _die_with_parent()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")  # the first rank has said it
    os.environ.clear()
    os.environ.update({**start.environment, **start.shared, "LOCAL_RANK": str(number)})
    torch.set_num_threads(start.threads)
    try:
        pickle.loads(start.follow)()
    except Exception as error:
        if type(error).__name__ in ("Interrupted", "Pruned"):  # which rank 0 raises too
            return
        with contextlib.suppress(OSError):
            to_first.send(("failed", _reason(error)))
        if not isinstance(error, BadInput):
            raise


def _die_with_parent() -> None:
    """Linux ends this process when the fork server ends, which it does when the process that it serves ends."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
