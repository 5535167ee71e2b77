"""The time of each part of a training step, each waited for: what a step is made of.

`python benchmarks/gpu.py --part phases` runs it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

import torch

from benchmarks.overhead import fresh, wait
from benchmarks.workloads import TIMED, WORKLOADS
from lightning_modules.training.optimization import clip_gradients
from scripts.config.composing import compose


def measure(name: str, steps: int | None = None, extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """Medians in milliseconds; `together` is a step whose parts do not wait for one another.

    Args:
        steps: those of the workload if None; a quarter more come before them.
        extra: settings.
    """
    workload = WORKLOADS[name]
    config = compose(*TIMED, *workload.overrides, *extra)
    datamodule, module = fresh(config)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    module = module.to(device).train()
    optimizer, groups = module.build_optimizer(), [list(group) for group in module.clip_groups()]
    clip_val = config["trainer"]["gradient_clip_val"]
    count = steps or workload.steps_here()
    times: dict[str, list[float]] = {part: [] for part in ("gather", "forward", "backward", "clip", "optimizer")}
    wholes = []
    rows = cycle(datamodule.train_dataloader())

    def timed(part: str, run: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        value = run()
        wait(device)
        times[part].append(time.perf_counter() - start)
        return value

    for index_batch in islice(rows, count + count // 4 + 1):
        batch = timed("gather", lambda index_batch=index_batch: index_batch.to(device))
        optimizer.zero_grad()
        loss = timed("forward", lambda batch=batch: module.loss(batch))
        timed("backward", loss.backward)
        timed("clip", lambda: clip_gradients(groups, clip_val, "norm"))
        timed("optimizer", optimizer.step)
        start = time.perf_counter()
        optimizer.zero_grad()
        module.loss(index_batch.to(device)).backward()
        clip_gradients(groups, clip_val, "norm")
        optimizer.step()
        wait(device)
        wholes.append(time.perf_counter() - start)
    medians = {f"{part}_ms": 1000 * statistics.median(found[count // 4 :]) for part, found in times.items()}
    return {**medians, "together_ms": 1000 * statistics.median(wholes[count // 4 :])}
