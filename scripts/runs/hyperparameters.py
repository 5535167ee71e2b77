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

from scripts.config.keys import facts
from scripts.config.override import parse_all
from scripts.config.private_names import tensorboard_writer
from scripts.runs.costs import COSTS
from scripts.runs.folder import RunFolder
from scripts.runs.metric_facts import KEY

SUCCESSES = ("finished", "pruned")  # to TensorBoard, whose table shows `status` besides


def write_hyperparameters(
    folder: Path, config: dict[str, Any], overrides: Iterable[str], metrics: dict[str, float], status: str
) -> None:
    """Write the row: what was set, how the run ended, and its final metrics.

    Args:
        folder: the run folder.
        config: the run's settings, resolved.
        overrides: of the command or the sweep, `key=value`.
        metrics: `test/...`, `val/...` (of the best checkpoint) and costs; what is missing leaves its cell empty.
        status: `finished`, `failed`, `pruned` or `interrupted`.
    """
    outcome = api_pb2.STATUS_SUCCESS if status in SUCCESSES else api_pb2.STATUS_FAILURE
    place = folder / "final"
    for earlier in place.glob("events.out.tfevents*"):  # of this run, before it went on
        earlier.unlink()
    with SummaryWriter(str(place)) as writer:
        file_writer = tensorboard_writer(writer)
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
        end.session_end_info.status = outcome
        for tag, content in ((metadata.SESSION_START_INFO_TAG, row), (metadata.SESSION_END_INFO_TAG, end)):
            value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(content))
            file_writer.add_summary(Summary(value=[value]))
        for name, value in final_metrics(metrics, _monitor(folder)).items():
            writer.add_scalar(name, value, 0)


def hyperparameters(config: dict[str, Any], overrides: Iterable[str]) -> dict[str, str | float | bool]:
    """Short names of overridden keys, with typed values; architecture and seed are always among them.

    >>> hyperparameters({"seed": 1, "module": {"_target_": "a.GRU", "dropout": 0.5}}, ["module.dropout=.5"])
    {'module': 'GRU', 'seed': 1, 'dropout': 0.5}
    """
    overridden = {override.key: override for override in parse_all(overrides)}
    keys = [key for key in dict.fromkeys(["module", "seed", *overridden]) if facts(key).hyperparameter]
    last = [key.rpartition(".")[2] for key in keys]
    values: dict[str, str | float | bool] = {}
    for key, short in zip(keys, last):
        value = _setting(config, key)
        if value is None and "." not in key and key not in config:  # a choice that left no trace, as of an experiment
            value = overridden[key].text or None if key in overridden and overridden[key].text != "null" else None
        if value is not None:
            values[short if last.count(short) == 1 else key] = value
    return values


def final_metrics(metrics: dict[str, float], monitor: str | None = None) -> dict[str, float]:
    """The columns: test metrics, costs, validation metrics of the best checkpoint; what is not finite is left out.

    TensorBoard sorts them by name and shows the first five, so their names put the metric that chooses in front
    (`chosen_by/val/accuracy`), then the test metrics.

    Args:
        metrics: of metrics.json.
        monitor: the metric, without its split, by which checkpoints and configurations are chosen.
    """
    names = {name: name for name in metrics if name.startswith("test/")}
    names |= {name: f"training/{name}" for name in metrics if name in COSTS and COSTS[name].heading}
    names |= {name: name.replace("val/", "val_best/", 1) for name in metrics if name.startswith("val/")}
    names |= {f"val/{monitor}": f"chosen_by/val/{monitor}"} if f"val/{monitor}" in metrics else {}
    return {shown: metrics[name] for name, shown in names.items() if math.isfinite(metrics[name])}


def _monitor(folder: Path) -> str | None:
    """The metric by which the run's checkpoints are chosen, as environment.json says it."""
    run = RunFolder(folder)
    stored = run.environment().get(KEY) if run.environment_file.exists() else None
    return stored.get("monitor") if isinstance(stored, dict) else None


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
