"""What every architecture must do on every task; a new file in conf/module is tested without a word here."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from lightning_modules.baselines.base import Baseline
from lightning_modules.tasks.transduction.task import Transduction
from lightning_modules.training.compile import compile_network
from scripts.config.check import incompatibility
from scripts.config.overrides import options
from scripts.runs.training import build_module
from tests.pairs import (
    BASELINES,
    COVERING,
    PAIRS,
    alone,
    answers,
    datamodule_for,
    files_of,
    losses_of,
    padded,
    small_settings,
)


@pytest.fixture(params=PAIRS, ids=lambda pair: "-".join(pair))
def built(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    module, workload = request.param
    config = small_settings(module, workload, data_dir=files_of(request, workload))
    datamodule = datamodule_for(config)
    return build_module(config, datamodule), datamodule


def batches(datamodule, count: int = 1) -> list[Any]:
    return [index_batch.to("cpu") for index_batch in itertools.islice(datamodule.train_dataloader(), count)]


def test_every_architecture_is_tried() -> None:
    assert {module for module, _ in PAIRS} == {
        name for name in options("module") if not name.startswith("baseline/") and name != "ensemble_of_runs"
    }


def test_the_loss_falls(built) -> None:
    module, datamodule = built
    (batch,) = batches(datamodule)
    module.eval()  # dropout would make two losses incomparable
    losses = losses_of(module, batch, steps=5)
    assert losses[-1] < losses[0]
    assert not [name for name, p in module.named_parameters() if p.grad is None]


def test_every_parameter_learns(built) -> None:
    module, datamodule = built
    (batch,) = batches(datamodule)
    module.train()
    module.loss(batch).backward()
    silent = [name for name, p in module.named_parameters() if p.grad is None]
    assert not silent


def test_padding_never_changes_an_answer(built) -> None:
    module, datamodule = built
    (batch,) = batches(datamodule)
    if batch.lengths is None:
        pytest.skip("windows are never padded")
    module.eval()
    with torch.no_grad():
        for one, other in zip(answers(module(padded(batch, 7))), answers(module(batch))):
            torch.testing.assert_close(one, other, atol=2e-6, rtol=1e-5)


def test_an_answer_does_not_depend_on_its_batch(built) -> None:
    module, datamodule = built
    (batch,) = batches(datamodule)
    module.eval()
    with torch.no_grad():
        together = answers(module(batch))
        for i in (0, len(batch) // 2, len(batch) - 1):
            torch.testing.assert_close(answers(module(alone(batch, i)))[0], together[i], atol=2e-6, rtol=1e-5)


def test_a_saved_module_answers_the_same(built, tmp_path) -> None:
    module, datamodule = built
    (batch,) = batches(datamodule)
    torch.save(module.state_dict(), tmp_path / "weights")
    other = build_module(module.config, datamodule)
    other.load_state_dict(torch.load(tmp_path / "weights", weights_only=True))
    with torch.no_grad():
        for one, again in zip(answers(module.eval()(batch)), answers(other.eval()(batch))):
            assert torch.equal(one, again)


def test_bfloat16_agrees(built) -> None:
    module, datamodule = built
    (batch,) = batches(datamodule)
    module.eval()
    with torch.no_grad():
        exact = torch.cat([answer.flatten() for answer in answers(module(batch))])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = torch.cat([answer.flatten() for answer in answers(module(batch))])
    assert half.dtype == exact.dtype == torch.float32, "scores leave the network in float32"
    assert (half - exact).abs().max() < 0.05 * exact.abs().max().clamp(min=1)


@pytest.mark.parametrize(
    "built",
    [pair if pair in COVERING else pytest.param(pair, marks=pytest.mark.slow) for pair in PAIRS],
    ids="-".join,
    indirect=True,
)
def test_a_compiled_network_answers_and_learns_the_same(built, monkeypatch) -> None:
    """Followed by torch.compile as a person's network is; what it makes of that is run without another compiler.

    Tracing takes seconds a pair: each architecture and each task once, the other pairs with --slow.
    """
    module, datamodule = built
    if isinstance(module.task, Transduction):  # two symbols are decoded: each is traced anew
        monkeypatch.setattr("lightning_modules.tasks.transduction.task.LONGER", 2 - module.task.spec.longest_target)
    (batch,) = batches(datamodule)
    module.eval()
    plain, plain_loss = answers(module(batch)), module.loss(batch)
    torch.compiler.reset()
    compile_network(module, torch.device("cpu"), backend="eager")
    for one, other in zip(answers(module(batch)), plain):
        torch.testing.assert_close(one, other, atol=2e-6, rtol=1e-5)
    loss = module.loss(batch)
    loss.backward()
    torch.testing.assert_close(loss, plain_loss, atol=2e-6, rtol=1e-5)
    assert not [name for name, p in module.named_parameters() if p.grad is None]


def test_a_pair_that_makes_no_sense_is_one_sentence() -> None:
    config = small_settings("gru", "names-classification")
    config["module"]["_target_"] = "tests.pairs.ReadsImages"
    assert incompatibility(config) == "module=pairs takes image as input; task=classification gives steps, tokens"


@pytest.mark.parametrize(("name", "workload"), BASELINES, ids="-".join)
def test_baselines_are_fitted_without_a_loop(name: str, workload: str, names_folder, tmp_path) -> None:
    config = small_settings(name, workload, data_dir=str(names_folder))
    datamodule = datamodule_for(config)
    module = build_module(config, datamodule)
    assert isinstance(module, Baseline)
    module.fit(datamodule)
    batch = datamodule.source.collate(datamodule.indices["train"][:40], 20)
    answered = answers(module(batch))
    assert len(answered) == len(batch)
    assert module.loss(batch).isfinite()
    other = build_module(config, datamodule)
    other.load_state_dict(module.state_dict())
    for one, again in zip(answered, answers(other(batch))):
        assert torch.equal(one, again)
