"""Every architecture with every task that it makes sense with, at a size that tests can afford."""

from __future__ import annotations

from typing import Any

from datamodules.base import SequenceDataModule
from lightning_modules.base import SequenceModule
from lightning_modules.building import build
from scripts.configuration.check import misfit
from scripts.configuration.composing import compose
from scripts.configuration.overrides import options

#: name -> the overrides that choose a data set and a task, small.
WORKLOADS = {
    "names-classification": ["datamodule=names", "task=classification", "datamodule.batch_size=16"],
}

#: Settings that make an architecture small.
SMALL = {
    "rnn": ["module.hidden_size=12"],
    "lstm": ["module.hidden_size=12", "module.bidirectional=true", "module.num_layers=2"],
    "gru": ["module.hidden_size=12", "module.bidirectional=true"],
    "transformer": ["module.hidden_size=16", "module.num_heads=2"],
    "bag": ["module.hidden_size=8", "module.num_buckets=1000"],
    "ensemble": ["module.members.recurrent.hidden_size=12", "module.members.bag.num_buckets=1000"],
}


class ReadsImages(SequenceModule):
    """An architecture that no text task can serve."""

    reads = "image"


def small_settings(module: str, workload: str, data_dir: str | None = None) -> dict[str, Any]:
    data = [f"datamodule.data_dir={data_dir}"] if data_dir else []
    return compose(f"module={module}", *WORKLOADS[workload], *SMALL.get(module, []), *data)


def datamodule_for(config: dict[str, Any]) -> SequenceDataModule:
    datamodule = build(config["datamodule"])
    datamodule.setup()
    return datamodule


PAIRS = [
    (module, workload)
    for module in options("module")
    for workload in WORKLOADS
    if not module.startswith("baseline/") and misfit(small_settings(module, workload)) is None
]
