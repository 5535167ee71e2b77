"""Two processes, and batches that are accumulated, train as one process with one large batch does, for every task.

Where the loss is a mean over symbols or is weighted by class, a plain mean over processes or batches is another one.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch

from datamodules.batching.samplers import RandomBatchSampler
from scripts.runs import ranks
from scripts.runs.launcher_env import rank
from scripts.runs.training import build_module
from tests.pairs import PAIRS, datamodule_for, files_of, fit, small_settings

#: Name -> module, workload and settings; no dropout, which differs between ranks and batches.
CASES: dict[str, tuple[str, str, list[str]]] = {
    "classification": ("gru", "names-classification", ["task.token_dropout=0"]),
    "balanced classes": ("gru", "names-classification", ["task.token_dropout=0", "task.class_weights=balanced"]),
    "generation": ("gru", "names-generation", ["task.token_dropout=0"]),
    "transduction": ("seq2seq", "pairs-transduction", ["task.token_dropout=0"]),
    "forecasting": ("gru", "energy-forecasting", ["datamodule.stride=487"]),
    "transcription": ("gru", "lines-transcription", ["task.features=columns", "task.columns_per_step=8"]),
    "decoded lines": ("seq2seq", "lines-transcription", ["task.features=columns", "task.columns_per_step=8"]),
}
BATCH = 12
STEPS = 3
BOTH = "balanced classes"  # two processes and accumulation at once


def weights_after_training(settings: dict[str, Any], accumulate: int, devices: int) -> torch.Tensor:
    settings["datamodule"]["batch_size"] = BATCH // accumulate
    datamodule = datamodule_for(settings)
    rows = datamodule.indices["train"]  # in an order that does not depend on the size of the batches
    datamodule.training_sampler = lambda: RandomBatchSampler(rows, datamodule.batch_size, seed=0)
    torch.manual_seed(5)
    module = build_module(settings, datamodule)
    strategy = "ddp" if devices > 1 else "auto"
    limits = {"max_steps": STEPS, "limit_val_batches": 0}
    fit(module, datamodule, accumulate_grad_batches=accumulate, devices=devices, strategy=strategy, **limits)
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def train_all(cases: dict[str, dict[str, Any]], file: Path) -> None:
    """In two processes."""
    trained = {
        (name, accumulate): weights_after_training(settings, accumulate, devices=2)
        for name, settings in cases.items()
        for accumulate in ((1, 3) if name == BOTH else (1,))
    }
    if rank() == 0:
        torch.save(trained, file)


def settings_of(name: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    module, workload, words = CASES[name]
    words = [*words, "optimizer=sgd", "optimizer.lr=0.2", "module.dropout=0", "task.output_dropout=0"]
    return small_settings(module, workload, data_dir=files_of(request, workload), overrides=words)


@pytest.fixture(scope="module")
def of_two_processes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, int], torch.Tensor]:
    file = tmp_path_factory.mktemp("two") / "weights.pt"
    work = functools.partial(train_all, {name: settings_of(name, request) for name in CASES}, file)
    with ranks.spawn_ranks({"trainer": {"devices": 2, "accelerator": "cpu"}}, work):
        work()
    return torch.load(file)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_two_processes_and_accumulation_train_as_one(
    name: str, of_two_processes: dict[tuple[str, int], torch.Tensor], request: pytest.FixtureRequest
) -> None:
    expected = weights_after_training(settings_of(name, request), 1, devices=1)
    accumulated = weights_after_training(settings_of(name, request), 3, devices=1)
    untrained = settings_of(name, request)
    torch.manual_seed(5)
    start = build_module(untrained, datamodule_for(untrained))
    assert (expected - torch.cat([p.detach().flatten() for p in start.parameters()])).abs().max() > 1e-3
    torch.testing.assert_close(accumulated, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(of_two_processes[name, 1], expected, rtol=0, atol=1e-6)
    if name == BOTH:
        torch.testing.assert_close(of_two_processes[name, 3], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("pair", {workload: (module, workload) for module, workload in PAIRS}.values(), ids="-".join)
def test_what_examples_weigh_is_the_same_of_a_source_and_of_a_batch(
    pair: tuple[str, str], request: pytest.FixtureRequest
) -> None:
    words = ["task.class_weights=balanced"] if pair[1] == "names-classification" else []
    settings = small_settings(*pair, data_dir=files_of(request, pair[1]), overrides=words)
    datamodule = datamodule_for(settings)
    task = build_module(settings, datamodule).task
    batch = next(iter(datamodule.train_dataloader())).to("cpu")
    of_source, of_batch = task.example_weights(datamodule.source), task.example_weights(batch)
    if of_source is None:
        assert of_batch is None
        assert task.loss_weight(batch) == len(batch)
    else:
        assert torch.equal(of_source[batch.origin.indices], of_batch)
        assert task.loss_weight(batch) == of_batch.sum()
