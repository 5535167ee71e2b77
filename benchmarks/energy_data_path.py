"""One way to prepare windows of the PJM files and to draw batches of them, measured in this process.

    python -m benchmarks.energy_data_path loye|this_project FOLDER

`loye`: what Loye's code does (README, Sources), written anew: each file scaled, each window of 90 hours copied into an
array, all arrays joined, batches collated window by window.  Prints a JSON object.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars
import torch
import torch.utils.data

LOOKBACK, BATCH, BATCHES = 90, 1024, 60


def loye(folder: Path) -> tuple[int, Callable[[], Iterator[Any]]]:
    inputs, labels = [], []
    for path in sorted(folder.glob("*_hourly.csv")):
        table = polars.read_csv(path, try_parse_dates=True).sort(polars.nth(0))
        stamp = table.to_series(0).dt
        columns = [table.to_series(1), stamp.hour(), stamp.weekday(), stamp.month(), stamp.ordinal_day()]
        rows = np.stack([column.to_numpy().astype(np.float64) for column in columns], axis=1)
        low, high = rows.min(axis=0), rows.max(axis=0)
        rows = (rows - low) / (high - low)
        x = np.zeros((len(rows) - LOOKBACK, LOOKBACK, rows.shape[1]))
        y = np.zeros((len(rows) - LOOKBACK, 1))
        for i in range(LOOKBACK, len(rows)):
            x[i - LOOKBACK] = rows[i - LOOKBACK : i]
            y[i - LOOKBACK] = rows[i, 0]
        training = len(x) - int(0.1 * len(x))
        inputs.append(x[:training])
        labels.append(y[:training])
    data = torch.utils.data.TensorDataset(
        torch.from_numpy(np.concatenate(inputs)), torch.from_numpy(np.concatenate(labels))
    )
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True)
    return len(data), lambda: ((x.float(), y.float()) for x, y in loader)


def this_project(folder: Path) -> tuple[int, Callable[[], Iterator[Any]]]:
    from datamodules.energy import Energy

    datamodule = Energy(
        str(folder), duplicates="keep", gaps="ignore", calendar="ordinal", scaler="minmax", scaler_fit="all",
        lookback=LOOKBACK, horizon=1, split_by="windows", val_fraction=0.0, test_fraction=0.1, batch_size=BATCH,
        drop_last=True,
    )  # fmt: skip
    datamodule.setup()

    def batches() -> Iterator[Any]:
        for block in datamodule.train_dataloader():
            for batch in block:
                yield batch.past_with_calendar(LOOKBACK), batch.future

    return len(datamodule.indices["train"]), batches


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(prepare: Callable[[Path], tuple[int, Callable[[], Iterator[Any]]]], folder: Path) -> dict[str, float]:
    import pytorch_lightning  # noqa: F401  counted with the imports

    before, start = memory_mb(), time.perf_counter()
    windows, batches = prepare(folder)
    result = {"windows": windows, "prepare_seconds": time.perf_counter() - start, "prepare_mb": memory_mb() - before}
    iterator = batches()
    next(iterator)  # the order of the epoch is drawn with the first
    times = []
    for _ in range(BATCHES):
        start = time.perf_counter()
        next(iterator)
        times.append(time.perf_counter() - start)
    return {**result, "batch_ms": 1000 * statistics.median(times)}


if __name__ == "__main__":
    print(json.dumps(measured({"loye": loye, "this_project": this_project}[sys.argv[1]], Path(sys.argv[2]))))
