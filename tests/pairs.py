"""Every architecture with every task that it makes sense with, at a size that tests can afford."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import torch
import yaml
from pytorch_lightning import Trainer
from torch.nn import functional

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import LineBatch, WindowBatch
from lightning_modules.base import SequenceModule
from lightning_modules.layers.symbols import IGNORE_INDEX
from lightning_modules.tasks.autoregressive import Seq2SeqOutput
from lightning_modules.tasks.generation.output import NextSymbols
from lightning_modules.tasks.transcription.output import Steps
from lightning_modules.training.instantiate import build
from scripts.config.check import incompatibility
from scripts.config.composing import compose
from scripts.config.overrides import CONF, options

#: name -> the overrides that choose a data set and a task, small.
WORKLOADS = {
    "names-classification": ["datamodule=names", "task=classification", "datamodule.batch_size=16"],
    "names-generation": ["datamodule=names", "task=generation", "datamodule.batch_size=16"],
    "pairs-transduction": ["datamodule=text_pairs", "datamodule.batch_size=8", "task.embedding_size=12"],
    "energy-forecasting": [
        "datamodule=energy", "task=forecasting", "datamodule.batch_size=16", "datamodule.lookback=24",
        "datamodule.horizon=3", "datamodule.stride=97", "task.past_calendar=true",
    ],
    "lines-transcription": [
        "datamodule=text_lines", "datamodule.rendered_lines=16", "datamodule.batch_size=6", "task.feature_size=16",
        "datamodule.augmentation=null",
    ],
}  # fmt: skip

#: Fixture -> the workloads that read it; the others need no files.
FILES = {"names_folder": ("names-classification", "names-generation"), "pairs_file": ("pairs-transduction",)}

#: Settings that make an architecture small.
SMALL = {
    "cnn": ["module.hidden_size=6", "module.num_layers=2", "module.dropout=0.1"],
    "rnn": ["module.hidden_size=12"],
    "lstm": [
        "module.hidden_size=12", "module.bidirectional=true", "module.num_layers=2", "module.residual=true",
        "module.dropout=0.1", "module.variational=true", "module.recurrent_dropout=0.1",
    ],
    "gru": ["module.hidden_size=12", "module.bidirectional=true"],
    "transformer": ["module.hidden_size=16", "module.num_heads=2", "module.kernel_size=3"],
    "baseline/lightgbm": ["module.num_rounds=5", "module.num_leaves=4"],
    "peephole_lstm": ["module.hidden_size=12", "module.bidirectional=true", "module.peephole=full"],
    "attention_lstm": ["module.hidden_size=12", "module.bidirectional=true", "module.attention_size=8"],
    "mlp": ["module.hidden_size=12"],
    "seq2seq": ["module.hidden_size=12", "module.attention_size=8", "module.cell=lstm", "module.bidirectional=true"],
    "bag": ["module.hidden_size=8", "module.num_buckets=1000"],
    "crnn": ["module.hidden_size=12"],
    "ensemble": ["module.members.recurrent.hidden_size=12", "module.members.bag.num_buckets=1000"],
}  # fmt: skip


class ReadsImages(SequenceModule):
    """An architecture that no text task can serve."""

    input_kind = "image"


#: Settings that a task needs of an architecture.
NEEDED = {
    "names-generation": {
        "lstm": ["module.bidirectional=false", "module.layer_norm=true"],
        "gru": ["module.bidirectional=false", "module.layer_norm=true"],
        "peephole_lstm": ["module.bidirectional=false"],
    }
}


def small_settings(
    module: str, workload: str, data_dir: str | None = None, overrides: Sequence[str] = ()
) -> dict[str, Any]:
    """Args: data_dir: of a workload that reads names; the others make their data up."""
    data = [f"datamodule.data_dir={data_dir}"] if data_dir and workload.startswith(("names", "pairs")) else []
    return composed(
        f"module={module}",
        *WORKLOADS[workload],
        *SMALL.get(module, []),
        *NEEDED.get(workload, {}).get(module, []),
        *data,
        *overrides,
    )


def with_values(config: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Settings with other values at dotted keys, without composing anew."""
    for key, value in values.items():
        *groups, name = key.split(".")
        functools.reduce(lambda settings, group: settings[group], groups, config)[name] = value
    return config


def composed(*overrides: str) -> dict[str, Any]:
    """What `compose` gives, composed once for all tests that ask for the same: it takes 0.15 s."""
    return copy.deepcopy(_composed(*overrides))


@functools.cache
def _composed(*overrides: str) -> dict[str, Any]:
    return compose(*overrides)


def files_of(request: pytest.FixtureRequest, workload: str) -> str | None:
    """The small files of a workload that reads some."""
    fixture = next((name for name, workloads in FILES.items() if workload in workloads), None)
    return str(request.getfixturevalue(fixture)) if fixture else None


def losses_of(module: SequenceModule, batch: Any, steps: int) -> list[float]:
    """The loss of one batch before each of some optimiser steps on it."""
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    losses = []
    for _ in range(steps):
        loss = module.loss(batch)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def datamodule_for(config: dict[str, Any]) -> SequenceDataModule:
    """The data module of these settings, set up; its examples are shared by all tests that ask for the same ones."""
    datamodule = copy.copy(_loaded(json.dumps(config["datamodule"], sort_keys=True)))
    datamodule.indices, datamodule._copies = dict(datamodule.indices), {}
    return datamodule


@functools.lru_cache(maxsize=32)
def _loaded(settings: str) -> SequenceDataModule:
    datamodule = build(json.loads(settings))
    datamodule.setup()
    return datamodule


@pytest.fixture
def shared_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """`setup_training` takes its data module from `datamodule_for`."""

    def build_or_share(settings: dict[str, Any], **given: Any) -> Any:
        is_data = "datamodules." in settings["_target_"]
        return datamodule_for({"datamodule": settings}) if is_data else build(settings, **given)

    monkeypatch.setattr("scripts.runs.training.build", build_or_share)


def fit(module: SequenceModule, datamodule: SequenceDataModule, **trainer_settings: Any) -> Trainer:
    """Train with nothing around it."""
    settings = {"accelerator": "cpu", **trainer_settings}
    trainer = Trainer(
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **settings,
    )
    torch.manual_seed(7)
    trainer.fit(module, datamodule=datamodule)
    return trainer


def padded(batch: Any, extra: int) -> Any:
    """The batch with `extra` more padding at each example's end."""
    name = "images" if isinstance(batch, LineBatch) else "tokens"
    return dataclasses.replace(batch, **{name: functional.pad(getattr(batch, name), (0, extra))})


def alone(batch: Any, i: int) -> Any:
    """A batch of one example, without padding."""
    if isinstance(batch, WindowBatch):
        of_examples = ("past", "series", "first", "row", "future", "offset", "scale", "naive_error")
        taken = {name: getattr(batch, name)[i : i + 1] for name in of_examples if getattr(batch, name) is not None}
        return dataclasses.replace(batch, **taken)
    taken = {
        field.name: getattr(batch, field.name)[i : i + 1]
        for field in dataclasses.fields(batch)
        if isinstance(getattr(batch, field.name), torch.Tensor)
    }
    name = "images" if isinstance(batch, LineBatch) else "tokens"
    return dataclasses.replace(batch, **{**taken, name: taken[name][..., : int(batch.lengths[i])]})


def answers(output: Any) -> list[torch.Tensor]:
    """The numbers that answer each example, without padding."""
    if isinstance(output, Steps):
        return [output.log_probs[:length, i] for i, length in enumerate(output.lengths.tolist())]
    if isinstance(output, Seq2SeqOutput):
        assert output.scores is not None and output.targets is not None
        return [scores[targets != IGNORE_INDEX] for scores, targets in zip(output.scores, output.targets)]
    if isinstance(output, NextSymbols):
        return [scores[targets != IGNORE_INDEX] for scores, targets in zip(output.scores, output.targets)]
    return list(output)


def _module_settings(module: str) -> dict[str, Any]:
    """The settings of an architecture; composed only where its file has others' in it (0.15 s each)."""
    settings = yaml.safe_load((CONF / "module" / f"{module}.yaml").read_text(encoding="utf-8"))
    return composed(f"module={module}")["module"] if "defaults" in settings else settings


def _fitting() -> list[tuple[str, str]]:
    modules = [module for module in options("module") if module != "ensemble_of_runs"]  # which needs finished runs
    settings = {module: _module_settings(module) for module in modules}
    of_workload = {workload: composed(*words) for workload, words in WORKLOADS.items()}
    return [
        (module, workload)
        for module in modules
        for workload in WORKLOADS
        if incompatibility({**of_workload[workload], "module": settings[module]}) is None
    ]


FITTING = _fitting()
PAIRS = [pair for pair in FITTING if not pair[0].startswith("baseline/")]
#: Architectures that loop over time steps in Python: each step is traced anew.
LOOPING = ("attention_lstm", "peephole_lstm", "seq2seq")


def _covering(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each architecture and each workload at least once, for what takes seconds a pair: the cheap ones first, and of
    these what has no other workload."""
    count = Counter(module for module, _ in pairs)
    ordered = sorted(pairs, key=lambda pair: (pair[0] in LOOPING or pair[1] == "pairs-transduction", count[pair[0]]))
    return [
        (module, workload)
        for i, (module, workload) in enumerate(ordered)
        if module not in {before for before, _ in ordered[:i]} or workload not in {before for _, before in ordered[:i]}
    ]


COVERING = _covering(PAIRS)
BASELINES = [pair for pair in FITTING if pair[0].startswith("baseline/")]
