"""Resources of one machine for jobs: processors, and GPUs or shares of them."""

from __future__ import annotations

import os
from dataclasses import dataclass


def num_processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """Names of the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` has them; CUDA stays asleep."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() and name.strip() != "-1"]
    import torch

    return [str(i) for i in range(torch.cuda.device_count())]


@dataclass(frozen=True)
class Place:
    """Threads and GPUs of one job."""

    gpus: tuple[str, ...]
    threads: int

    def environment(self) -> dict[str, str]:
        """The variables that keep a process inside its place."""
        threads = {name: str(self.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")}
        return {**threads, "CUDA_VISIBLE_DEVICES": ",".join(self.gpus)} if self.gpus else threads


class Resources:
    """Places for jobs, handed out and taken back.

    Args:
        gpus: names of the GPUs to share out; none for jobs on the CPU.
        gpus_per_job: whole GPUs, or a share of one.
        workers: most jobs at a time; as many as the GPUs or processors allow when None.
        threads: of each job on the CPU.
        processors: to be divided between them.
    """

    def __init__(
        self,
        gpus: list[str],
        gpus_per_job: float = 1,
        workers: int | None = None,
        threads: int | None = None,
        processors: int | None = None,
    ) -> None:
        processors = processors or num_processors()
        self.share = min(1.0, gpus_per_job)
        self.whole = max(1, int(gpus_per_job))
        self.load = dict.fromkeys(gpus, 0.0)
        most = processors
        if gpus:
            most = len(gpus) // self.whole if self.share == 1.0 else len(gpus) * int(1 / self.share + 1e-9)
        self.workers = max(1, most if workers is None else workers if not gpus else min(workers, most))
        self.threads = threads or max(1, processors // self.workers)
        self.taken = 0

    def take(self) -> Place | None:
        """A place on the least busy GPUs, or None while all are taken."""
        if self.taken >= self.workers:
            return None
        room = sorted(
            (load, i, gpu) for i, (gpu, load) in enumerate(self.load.items()) if load + self.share <= 1 + 1e-9
        )
        if self.load and len(room) < self.whole:
            return None
        gpus = tuple(gpu for _, _, gpu in room[: self.whole])
        for gpu in gpus:
            self.load[gpu] += self.share
        self.taken += 1
        return Place(gpus, self.threads)

    def give_back(self, place: Place) -> None:
        self.taken -= 1
        for gpu in place.gpus:
            self.load[gpu] -= self.share
