"""Every architecture with every task that it makes sense with, at a size that tests can afford."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from datamodules.base import SequenceDataModule
from datamodules.batches import TokenBatch, WindowBatch
from lightning_modules.base import SequenceModule
from lightning_modules.building import build
from scripts.configuration.check import misfit
from scripts.configuration.composing import compose
from scripts.configuration.overrides import options

#: name -> the overrides that choose a data set and a task, small.
WORKLOADS = {
    "names-classification": ["datamodule=names", "task=classification", "datamodule.batch_size=16"],
    "energy-forecasting": [
        "datamodule=energy",
        "task=forecasting",
        "datamodule.batch_size=16",
        "datamodule.lookback=24",
        "datamodule.horizon=3",
        "datamodule.stride=97",
        "task.past_calendar=true",
    ],
}

#: Settings that make an architecture small.
SMALL = {
    "rnn": ["module.hidden_size=12"],
    "lstm": ["module.hidden_size=12", "module.bidirectional=true", "module.num_layers=2"],
    "gru": ["module.hidden_size=12", "module.bidirectional=true"],
    "transformer": ["module.hidden_size=16", "module.num_heads=2"],
    "baseline/lightgbm": ["module.num_rounds=5", "module.num_leaves=4"],
    "peephole_lstm": ["module.hidden_size=12", "module.bidirectional=true", "module.peephole=full"],
    "attention_lstm": ["module.hidden_size=12", "module.bidirectional=true", "module.attention_size=8"],
    "mlp": ["module.hidden_size=12"],
    "bag": ["module.hidden_size=8", "module.num_buckets=1000"],
    "ensemble": ["module.members.recurrent.hidden_size=12", "module.members.bag.num_buckets=1000"],
}


class ReadsImages(SequenceModule):
    """An architecture that no text task can serve."""

    reads = "image"


def small_settings(
    module: str, workload: str, data_dir: str | None = None, words: Sequence[str] = ()
) -> dict[str, Any]:
    """Args: data_dir: of a workload that reads names; the others make their data up."""
    data = [f"datamodule.data_dir={data_dir}"] if data_dir and workload.startswith("names") else []
    return compose(f"module={module}", *WORKLOADS[workload], *SMALL.get(module, []), *data, *words)


def datamodule_for(config: dict[str, Any]) -> SequenceDataModule:
    datamodule = build(config["datamodule"])
    datamodule.setup()
    return datamodule


def alone(batch: Any, i: int) -> Any:
    """The batch of its `i`-th example."""
    one = copy.copy(batch)
    if isinstance(batch, TokenBatch):
        one.tokens, one.lengths = batch.tokens[i : i + 1, : int(batch.lengths[i])], batch.lengths[i : i + 1]
    elif isinstance(batch, WindowBatch):
        one.past, one.series, one.first = (t[i : i + 1] for t in (batch.past, batch.series, batch.first))
    return one


FITTING = [
    (module, workload)
    for module in options("module")
    for workload in WORKLOADS
    if misfit(small_settings(module, workload)) is None
]
PAIRS = [pair for pair in FITTING if not pair[0].startswith("baseline/")]
BASELINES = [pair for pair in FITTING if pair[0].startswith("baseline/")]
