"""Modules and data modules in a program of somebody's own, with Lightning's stock Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import EMAWeightAveraging, GradientAccumulationScheduler, ModelCheckpoint
from torch.utils.data import DataLoader

from datamodules.batching.batches import TokenBatch
from datamodules.errors import BadInput
from lightning_modules.gru import GRU
from lightning_modules.lstm import LSTM
from lightning_modules.tasks.classification.task import Classification
from lightning_modules.training import checkpoint_io
from lightning_modules.training.callbacks.checkpoints import Checkpoints
from scripts.runs.training import build_module
from tests.pairs import composed, datamodule_for

pytestmark = pytest.mark.filterwarnings("ignore")


def built(names_folder: Path) -> tuple[Any, Any]:
    config = composed("module.hidden_size=4", "datamodule.batch_size=7", f"datamodule.data_dir={names_folder}")
    datamodule = datamodule_for(config)
    return build_module(config, datamodule), datamodule


def trainer_for(folder: Path, **settings: Any) -> Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu", "max_epochs": 2}
    return Trainer(default_root_dir=folder, **{**quiet, "logger": False, **settings})


def test_a_stock_trainer_fits_validates_tests_and_predicts(names_folder, tmp_path) -> None:
    module, datamodule = built(names_folder)
    trainer = trainer_for(tmp_path)
    trainer.fit(module, datamodule=datamodule)
    assert trainer.fit_loop.epoch_loop._is_fast
    (validated,) = trainer.validate(module, datamodule=datamodule, verbose=False)
    assert validated["val/loss"] == pytest.approx(module.latest["val/loss"])
    (tested,) = trainer.test(datamodule=datamodule, ckpt_path="best", verbose=False, weights_only=True)
    (scores,) = trainer.predict(module, datamodule=datamodule)
    row = datamodule.indices["test"]
    hits = (scores.argmax(dim=1) == datamodule.source.classes[row]).float().mean().item()
    assert tested["test/accuracy"] == pytest.approx(hits)

    path = trainer.checkpoint_callback.best_model_path
    loaded = GRU.load_from_checkpoint(path)
    batch = datamodule.source.collate(row, datamodule.source.max_length(row))
    with torch.no_grad():
        assert torch.equal(loaded(batch), module.eval()(batch))
    with pytest.raises(BadInput, match=r"holds a GRU; GRU\.load_from_checkpoint loads it"):
        LSTM.load_from_checkpoint(path)


class FirstBatches(Callback):
    """Notes the first batch of each epoch, and is called at every batch."""

    def __init__(self) -> None:
        self.first: list[list[int]] = []
        self.calls = 0

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.calls += 1
        if batch_idx == 0:
            self.first.append(batch.origin.indices.tolist())


def hand_made(names_folder: Path, cls: type = GRU) -> tuple[Any, Any]:
    """A module and data as a program makes them, without a configuration."""
    _, datamodule = built(names_folder)
    return cls(Classification(datamodule.spec, embedding_size=6), hidden_size=4), datamodule


@pytest.mark.parametrize("weights_only", [False, True])
def test_a_checkpoint_of_a_module_that_a_program_made_loads_by_itself(names_folder, tmp_path, weights_only) -> None:
    module, datamodule = hand_made(names_folder)
    trainer = trainer_for(tmp_path, max_epochs=1)
    trainer.fit(module, datamodule=datamodule)
    trainer.save_checkpoint(tmp_path / "own.ckpt", weights_only=weights_only)
    loaded = GRU.load_from_checkpoint(tmp_path / "own.ckpt", map_location="cpu", strict=True, weights_only=True)
    batch = next(iter(datamodule.val_dataloader())).to("cpu")
    with torch.no_grad():
        assert torch.equal(loaded(batch), module.eval()(batch))
    with pytest.raises(BadInput, match="carries its configuration"):
        GRU.load_from_checkpoint(tmp_path / "own.ckpt", hparams_file="hparams.yaml")
    wider = GRU.load_from_checkpoint(tmp_path / "own.ckpt", num_layers=2, strict=False)
    assert len(list(wider.parameters())) > len(list(module.parameters()))


class LossLogger(Callback):
    """Reads metrics where the reports that people file read them."""

    def __init__(self) -> None:
        self.train: list[float] = []
        self.val: list[float] = []

    def on_validation_epoch_end(self, trainer, pl_module) -> None:
        if not trainer.sanity_checking:
            self.val.append(float(trainer.callback_metrics["val/loss"]))

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        self.train.append(float(trainer.callback_metrics["train/loss_epoch"]))


@pytest.mark.parametrize("limits", [{"max_epochs": 2}, {"max_steps": 11, "max_epochs": -1}], ids=str)
def test_callbacks_find_the_metrics_of_an_epoch_at_its_end(names_folder, tmp_path, limits) -> None:
    module, datamodule = built(names_folder)
    found = LossLogger()
    kept = module.log_values
    points: list[dict[str, float]] = []
    module.log_values = lambda values: points.append(values) or kept(values)
    trainer = trainer_for(tmp_path, callbacks=[found], **limits)
    trainer.fit(module, datamodule=datamodule)
    assert trainer.fit_loop.epoch_loop._is_fast
    assert found.train == pytest.approx(
        [values["train/loss_epoch"] for values in points if "train/loss_epoch" in values]
    )
    assert found.val == pytest.approx([values["val/loss"] for values in points if "val/loss" in values])
    assert len(found.train) == 2


class OwnStep(GRU):
    """Computes its loss in a training step of its own, and returns it as a dict."""

    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True, prog_bar=True)
        return {"loss": loss}


class Manual(GRU):
    """Optimises by hand."""

    def __init__(self, *args, **settings) -> None:
        super().__init__(*args, **settings)
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(self.loss(batch))
        optimizer.step()


class OwnOptimizer(GRU):
    """Has an optimiser and a schedule of torch."""

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, step_size=1)]


class OwnValidation(GRU):
    """Validates and tests in steps of its own."""

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss(batch), batch_size=len(batch))

    def test_step(self, batch, batch_idx):
        self.log("test_loss", self.loss(batch), batch_size=len(batch))


@pytest.mark.parametrize("cls", [OwnStep, Manual, OwnOptimizer, OwnValidation])
def test_steps_and_optimisers_of_a_subclass_are_its_own(names_folder, tmp_path, cls: type) -> None:
    module, datamodule = hand_made(names_folder, cls)
    trainer = trainer_for(tmp_path, log_every_n_steps=2)
    trainer.fit(module, datamodule=datamodule)
    assert trainer.global_step == 16
    metrics = trainer.callback_metrics
    assert module.latest["train/loss_epoch"] == pytest.approx(metrics["train/loss_epoch"].item())
    if cls is OwnStep:
        assert metrics["train_loss_epoch"].item() == pytest.approx(metrics["train/loss_epoch"].item(), rel=1e-4)
        assert 0 < module.latest["train/loss"] < 3
    if cls is OwnValidation:
        (tested,) = trainer.test(module, datamodule=datamodule, verbose=False)
        assert set(tested) == {"test_loss"}
        assert 0 < metrics["val_loss"] < 3
    if cls is OwnOptimizer:
        assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.1 * 0.1**2)


def test_several_loaders_are_evaluated_each(names_folder, tmp_path) -> None:
    module, datamodule = built(names_folder)
    trainer = trainer_for(tmp_path)
    val, test = datamodule.val_dataloader(), datamodule.test_dataloader()
    first, second = trainer.test(module, dataloaders=[val, test], verbose=False)
    (alone,) = trainer.test(module, dataloaders=test, verbose=False)
    both = first | second
    assert both["test/loss/dataloader_idx_1"] == alone["test/loss"]
    assert both["test/loss/dataloader_idx_0"] != alone["test/loss"]
    trainer_for(tmp_path, max_epochs=1).fit(module, datamodule.train_dataloader(), [val, test])
    assert "val/loss/dataloader_idx_1" in module.latest


def test_a_loader_alone_has_a_new_order_each_epoch(names_folder, tmp_path) -> None:
    module, datamodule = built(names_folder)
    batches = FirstBatches()
    trainer = trainer_for(tmp_path, max_epochs=3, callbacks=[batches])
    trainer.fit(module, datamodule.train_dataloader())
    assert batches.first == [datamodule.training_sampler().batches(epoch)[0].tolist() for epoch in range(3)]
    assert batches.calls == trainer.global_step == 24


def test_a_loader_of_ordinary_batches_trains(names_folder, tmp_path) -> None:
    module, datamodule = built(names_folder)
    gathered = [index_batch.to("cpu") for index_batch in datamodule.train_dataloader()]
    plain = [TokenBatch(batch.tokens, batch.lengths, batch.classes) for batch in gathered]
    trainer = trainer_for(tmp_path, max_epochs=4)
    trainer.fit(module, DataLoader(plain, batch_size=None))
    with torch.no_grad():
        losses = [module.eval().loss(batch).item() for batch in plain]
        untrained = built(names_folder)[0].eval()
        fresh = [untrained.loss(batch).item() for batch in plain]
    assert sum(losses) < sum(fresh)


def test_a_model_checkpoint_every_n_steps_is_written(names_folder, tmp_path) -> None:
    module, datamodule = built(names_folder)
    every = ModelCheckpoint(tmp_path / "every", every_n_train_steps=3, save_top_k=-1, filename="{step}")
    trainer_for(tmp_path, callbacks=[every]).fit(module, datamodule=datamodule)
    steps = sorted(int(path.stem.split("=")[1]) for path in (tmp_path / "every").iterdir())
    assert steps == [3, 6, 9, 12, 15]


def test_the_best_checkpoint_is_of_averaged_weights(names_folder, tmp_path) -> None:
    module, datamodule = built(names_folder)
    checkpoints = Checkpoints(monitor="val/loss", mode="min")
    checkpoints.folder = tmp_path / "checkpoints"
    average = EMAWeightAveraging(decay=0.9)
    trainer_for(tmp_path, callbacks=[average, checkpoints], max_epochs=1).fit(module, datamodule=datamodule)
    assert not any(parameter.grad is not None and parameter.grad.isnan().any() for parameter in module.parameters())
    best = checkpoint_io.load(checkpoints.best_path)["state_dict"]
    for name, value in module.state_dict().items():  # which has the averaged weights when training has ended
        assert torch.equal(best[name], value), name


def test_an_accumulation_schedule_is_followed(names_folder, tmp_path) -> None:
    module, datamodule = built(names_folder)
    trainer = trainer_for(tmp_path, callbacks=[GradientAccumulationScheduler({0: 1, 1: 2})])
    trainer.fit(module, datamodule=datamodule)
    assert trainer.global_step == 8 + 4


def test_of_equal_validations_that_of_the_lower_loss_then_the_later_is_the_best() -> None:
    checkpoints = Checkpoints(monitor="val/cer", mode="min")
    checkpoints.best = {"value": 1.0, "loss": 3.0}
    assert checkpoints._is_better(1.0, 2.0)
    assert checkpoints._is_better(1.0, 3.0)
    assert not checkpoints._is_better(1.0, 4.0)
    assert not checkpoints._is_better(1.1, 1.0)
