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
