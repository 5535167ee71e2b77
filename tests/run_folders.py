"""Run folders made of the files that runs leave, without training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars
import yaml

MODULES = {"GRU": "lightning_modules.gru.GRU", "LSTM": "lightning_modules.lstm.LSTM"}
MODULES |= {"Majority": "lightning_modules.baselines.majority.Majority"}


def write_run(
    folder: Path,
    scores: list[float] | None = None,
    *,
    module: str = "GRU",
    seed: int = 1,
    settings: dict[str, Any] | None = None,
    metrics: dict[str, float] | None = None,
    datamodule: dict[str, Any] | None = None,
    fingerprint: str = "a" * 64,
    columns: dict[str, list] | None = None,
    status: dict[str, str] | None = None,
    task: str = "classification.task.Classification",
    facts: dict[str, Any] | None = None,
    started: str = "",
) -> Path:
    """A run whose test examples scored `scores`; without them (and without `metrics`) one that has not finished.

    `facts` are those of its metrics, as environment.json stores them; those of the task's class count where None.
    """
    folder.mkdir(parents=True)
    target = task if task.count(".") > 2 else f"lightning_modules.tasks.{task}"
    config = {
        "seed": seed,
        "task": {"_target_": target, "embedding_size": 8},
        "module": {"_target_": MODULES[module], **({"hidden_size": 8} if module != "Majority" else {})},
        "datamodule": {"_target_": "datamodules.names.Names", "data_dir": "x", "batch_size": 4, **(datamodule or {})},
        "optimizer": {"_target_": "torch.optim.Adam", "lr": 0.001},
        "callbacks": {"progress": {"every_seconds": seed}},
    }
    for key, value in (settings or {}).items():
        group, _, name = key.partition(".")
        config[group][name] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    environment: dict[str, Any] = {
        "fingerprint": fingerprint,
        "python": "3.11",
        "overrides": [f"seed={seed}"],
        "data": {"texts": 9},
    }
    environment |= {"metrics": facts} if facts else {}
    environment |= {"started": started} if started else {}
    (folder / "environment.json").write_text(json.dumps(environment))
    if status:
        (folder / "status.json").write_text(json.dumps(status))
    if scores is not None:
        examples = {"id": [f"file:{i}" for i in range(len(scores))], "score": scores, **(columns or {})}
        polars.DataFrame(examples).write_parquet(folder / "predictions.parquet")
        metrics = {"test/accuracy": sum(scores) / len(scores), **(metrics or {})}
    if metrics is not None:
        costs = {"params": 10, "fit_seconds": 1.5, "samples_per_second": 100.0, "peak_memory_mb": 50.0}
        (folder / "metrics.json").write_text(json.dumps({**metrics, **costs}))
    return folder
