"""Every architecture with every task that it makes sense with, at a size that tests can afford."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch.nn import functional

from datamodules.base import SequenceDataModule
from datamodules.batches import TokenBatch
from lightning_modules.base import SequenceModule
from lightning_modules.building import build
from lightning_modules.tasks.transcription import Steps
from scripts.configuration.check import misfit
from scripts.configuration.composing import compose
from scripts.configuration.overrides import options

#: name -> the overrides that choose a data set and a task, small.
WORKLOADS = {
    "names-classification": ["datamodule=names", "task=classification", "datamodule.batch_size=16"],
    "lines-transcription": [
        "datamodule=text_lines", "datamodule.rendered_lines=16", "datamodule.batch_size=6", "task.feature_size=16",
        "datamodule.augmentation=null",
    ],
}  # fmt: skip

#: Fixture -> the workloads that read it; the others need no files.
FILES = {"names_folder": ("names-classification",)}

#: Settings that make an architecture small.
SMALL = {
    "rnn": ["module.hidden_size=12"],
    "lstm": ["module.hidden_size=12", "module.bidirectional=true", "module.num_layers=2"],
    "gru": ["module.hidden_size=12", "module.bidirectional=true"],
    "transformer": ["module.hidden_size=16", "module.num_heads=2"],
    "bag": ["module.hidden_size=8", "module.num_buckets=1000"],
    "crnn": ["module.hidden_size=12"],
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


def padded(batch: Any, extra: int) -> Any:
    """The batch with `extra` more padding at each example's end."""
    name = "tokens" if isinstance(batch, TokenBatch) else "images"
    return dataclasses.replace(batch, **{name: functional.pad(getattr(batch, name), (0, extra))})


def alone(batch: Any, i: int) -> Any:
    """A batch of one example, without padding."""
    taken = {
        field.name: getattr(batch, field.name)[i : i + 1]
        for field in dataclasses.fields(batch)
        if getattr(batch, field.name) is not None
    }
    name = "tokens" if isinstance(batch, TokenBatch) else "images"
    return dataclasses.replace(batch, **{**taken, name: taken[name][..., : int(batch.lengths[i])]})


def answers(output: Any) -> list[torch.Tensor]:
    """The numbers that answer each example, without padding."""
    if isinstance(output, Steps):
        return [output.log_probs[:length, i] for i, length in enumerate(output.lengths.tolist())]
    return list(output)


PAIRS = [
    (module, workload)
    for module in options("module")
    for workload in WORKLOADS
    if not module.startswith("baseline/") and misfit(small_settings(module, workload)) is None
]
