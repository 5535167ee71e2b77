"""A run's row in TensorBoard's table of hyperparameters.

The row is a TensorBoard run of its own, the folder `final` inside the run folder: TensorBoard takes every scalar of
the run that holds the row for a column, so the curves have to be elsewhere.  No experiment summary is written, as
TensorBoard would take that of one run for all; without one it makes the columns, their types and domains from all rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.utils.tensorboard import SummaryWriter

#: Settings that a person may type and that say nothing about the run.
NOT_HYPERPARAMETERS = ("runs_dir", "name", "resume", "rerun", "init_from", "evaluate", "datamodule.data_dir")
NOT_GROUPS = ("logger", "callbacks", "hydra", "sweep")
COSTS = ("params", "fit_seconds", "samples_per_second", "peak_memory_mb")
ENDED_WELL = ("finished", "pruned")  # to TensorBoard, whose table shows `status` besides


def write_hyperparameters(
    folder: Path, config: dict[str, Any], overrides: Iterable[str], metrics: dict[str, float], status: str
) -> None:
    """Write the row: what was set, how the run ended, and its final metrics.

    Args:
        folder: the run folder.
        config: the run's settings, resolved.
        overrides: what a person or a sweep set, as `key=value` words.
        metrics: `test/...`, `val/...` (of the best checkpoint) and costs; what is missing leaves its cell empty.
        status: `finished`, `failed`, `pruned` or `interrupted`.
    """
    ended = api_pb2.STATUS_SUCCESS if status in ENDED_WELL else api_pb2.STATUS_FAILURE
    place = folder / "final"
    for earlier in place.glob("events.out.tfevents*"):  # of this run, before it went on
        earlier.unlink()
    with SummaryWriter(str(place)) as writer:
        file_writer = writer._get_file_writer()
        row = HParamsPluginData()
        for name, value in {**hyperparameters(config, overrides), "status": status}.items():
            cell = row.session_start_info.hparams[name]
            if isinstance(value, bool):
                cell.bool_value = value
            elif isinstance(value, (int, float)):
                cell.number_value = value
            else:
                cell.string_value = value
        end = HParamsPluginData()
        end.session_end_info.status = ended
        for tag, content in ((metadata.SESSION_START_INFO_TAG, row), (metadata.SESSION_END_INFO_TAG, end)):
            value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(content))
            file_writer.add_summary(Summary(value=[value]))
        for name, value in final_metrics(metrics).items():
            writer.add_scalar(name, value, 0)


def hyperparameters(config: dict[str, Any], overrides: Iterable[str]) -> dict[str, str | float | bool]:
    """Short names of what was set, with values of their own types; architecture and seed are always told.

    >>> hyperparameters({"seed": 1, "module": {"_target_": "a.GRU", "dropout": 0.5}}, ["module.dropout=.5"])
    {'module': 'GRU', 'seed': 1, 'dropout': 0.5}
    """
    typed = dict(word.lstrip("+~").partition("=")[::2] for word in overrides)
    keys = [key for key in dict.fromkeys(["module", "seed", *typed]) if _is_told(key)]
    last = [key.rpartition(".")[2] for key in keys]
    values: dict[str, str | float | bool] = {}
    for key, short in zip(keys, last):
        value = _setting(config, key)
        if value is None and key not in config:  # a choice that left no trace of its name, such as an experiment
            value = typed.get(key) or None
        if value is not None:
            values[short if last.count(short) == 1 else key] = value
    return values


def final_metrics(metrics: dict[str, float]) -> dict[str, float]:
    """The columns: test metrics, costs, validation metrics of the best checkpoint; what is not finite is left out.

    TensorBoard sorts them by name and shows the first five, so their names put the test metrics in front.
    """
    names = {name: name for name in metrics if name.startswith("test/")}
    names |= {name: f"training/{name}" for name in metrics if name in COSTS}
    names |= {name: name.replace("val/", "val_best/", 1) for name in metrics if name.startswith("val/")}
    return {shown: metrics[name] for name, shown in names.items() if math.isfinite(metrics[name])}


def _is_told(key: str) -> bool:
    return key not in NOT_HYPERPARAMETERS and key.partition(".")[0].partition("/")[0] not in NOT_GROUPS


def _setting(config: dict[str, Any], key: str) -> str | float | bool | None:
    """The value at a dotted key; a class's name where that is a group."""
    value: Any = config
    for part in key.partition("@")[0].split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, dict):
        return str(value.get("_target_", "")).rpartition(".")[2] or None
    if isinstance(value, (bool, str, int, float)):
        return value
    return None if value is None else ",".join(map(str, value)) if isinstance(value, list) else str(value)
