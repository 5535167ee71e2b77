"""Evaluation of a trained module: metrics of each split, predictions, figures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars
from pytorch_lightning import Trainer

from datamodules.base import SequenceDataModule
from lightning_modules.base import SequenceModule
from lightning_modules.training.evaluation import Evaluator
from lightning_modules.training.figures import RenderedFigure, log_figure
from scripts.runs.callbacks import evaluation_callbacks
from scripts.runs.embeddings import write_embeddings
from scripts.runs.environment import peak_memory_mb
from scripts.runs.folder import RunFolder
from scripts.runs.hyperparameters import final_metrics, hyperparameters, write_hyperparameters
from scripts.runs.tensorboard import RunLogger

log = logging.getLogger(__name__)


class Evaluation:
    """Evaluate one module on the splits of one data set.

    Args:
        module: which module.
        datamodule: which data set.
        trainer: that trained it, if it was trained just now.
        evaluation_trainer: that passes over the data, on one device so that each example counts once; `trainer`
            where None.
    """

    def __init__(
        self,
        module: SequenceModule,
        datamodule: SequenceDataModule,
        trainer: Trainer,
        evaluation_trainer: Trainer | None = None,
    ) -> None:
        self.module = module
        self.datamodule = datamodule
        self.trainer = trainer
        self.evaluation_trainer = evaluation_trainer or trainer
        self.epochs, self.steps = trainer.current_epoch, trainer.global_step  # before an evaluation's callbacks run
        self.metrics: dict[str, float] = {}  # <split>/<metric>
        self.evaluators: dict[str, Evaluator] = {}

    def evaluate(self, split: str, keep_examples: bool = False) -> None:
        """One pass over a split; one without examples is left out, and so is what the Trainer's limits leave out.

        The limit of the test split is `limit_test_batches`, that of validation `limit_val_batches` where it validates.
        """
        if split != "all" and not len(self.datamodule.indices[split]):
            return
        self.datamodule.evaluated_split = split
        self.module.keep_examples = keep_examples
        self.module.evaluator = None
        trainer = self.evaluation_trainer
        loggers, callbacks, limit = trainer.loggers, trainer.callbacks, trainer.limit_test_batches
        trainer.loggers, trainer.callbacks = [], evaluation_callbacks(trainer)  # final metrics are no curves
        if split != "test" and not trainer.fast_dev_run:
            trainer.limit_test_batches = (trainer.limit_val_batches or 1.0) if split == "val" else 1.0
        try:
            if trainer.limit_test_batches:  # at 0 Lightning asks for what an earlier pass had
                trainer.test(self.module, datamodule=self.datamodule, verbose=False, weights_only=True)
        finally:
            trainer.loggers, trainer.callbacks, trainer.limit_test_batches = loggers, callbacks, limit
        evaluator = self.module.evaluator
        if evaluator is None:  # limit_test_batches=0
            return
        batches, of_split = int(sum(trainer.test_loop.max_batches)), len(self.datamodule.split_dataloader(split))
        if batches < of_split:
            log.info("%s: %d of %d batches are evaluated", split, batches, of_split)
        self.evaluators[split] = evaluator
        self.metrics.update({f"{split}/{name}": float(value) for name, value in evaluator.compute().items()})

    def predictions(self, split: str) -> polars.DataFrame:
        """A row an evaluated example: id and what else names it, target, prediction, score (higher is better)."""
        columns = polars.DataFrame(dict(self.evaluators[split].columns))
        order = self.datamodule.evaluation_order(split)[: len(columns)]  # of those that were evaluated
        ids = self.datamodule.example_columns(self.datamodule.split_indices(split)[order.sort().values])
        return polars.DataFrame(ids).hstack(columns[order.argsort().numpy()])

    def write(self, folder: RunFolder, overrides: list[str], best: dict[str, Any] | None) -> dict[str, float]:
        """metrics.json, then predictions.parquet, then what only illustrates them, whose failures are messages."""
        seconds = self.module.training_seconds
        everything = {
            **self.metrics,
            "params": sum(p.numel() for p in self.module.parameters()),
            "fit_seconds": seconds,
            "samples_per_second": self.module.samples_seen / seconds if seconds else 0.0,
            "peak_memory_mb": peak_memory_mb(self.trainer.strategy.root_device),
            "epochs": self.epochs,
            "steps": self.steps,
            "best_epoch": best["epoch"] + 1 if best else 0,
        }
        if not self.trainer.is_global_zero:
            return everything
        folder.write_json(folder.metrics_file, everything)
        if "test" in self.evaluators:
            with _decoration("predictions.parquet"):
                self.predictions("test").write_parquet(folder.predictions_file)
        with _decoration("figures"):
            self._write_figures(folder)
        for logger in self.trainer.loggers:
            with _decoration(f"logger {type(logger).__name__}"):
                self._finish(logger, folder, overrides, everything)
        return everything

    def _finish(self, logger: Any, folder: RunFolder, overrides: list[str], metrics: dict[str, float]) -> None:
        """The final metrics and settings for a logger, which is closed."""
        with_hyperparameters = self.module.config["trainer"].get("enable_autolog_hparams", True)
        if isinstance(logger, RunLogger):
            if with_hyperparameters:
                write_hyperparameters(folder.path, self.module.config, overrides, metrics, "finished")
            with _decoration("projector"):
                write_embeddings(folder.path, self.module, self.datamodule, logger.embeddings)
            logger.finish()
            return
        if with_hyperparameters:
            logger.log_hyperparams(hyperparameters(self.module.config, overrides))
        logger.log_metrics(final_metrics(metrics), self.steps)
        logger.save()
        logger.finalize("success")
        experiment = getattr(logger, "experiment", None)
        if hasattr(experiment, "finish"):  # or the next run of this process would be the same one
            experiment.finish()

    def _write_figures(self, folder: RunFolder) -> None:
        """Figures of training and of the test, or else the validation: PNG in the run folder, and for every logger."""
        figures: dict[str, Any] = {}
        for callback in self.trainer.callbacks:
            figures |= getattr(callback, "figures", dict)()
        split = next((split for split in ("test", "val") if split in self.evaluators), None)
        if split is not None:
            of_task = {name: make() for name, make in self.module.task.figures(self.module).items()}
            of_split = {**self.evaluators[split].figures(), **of_task}
            figures |= {f"{split}/{name}": figure for name, figure in of_split.items()}
        for name, figure in figures.items():
            rendered = RenderedFigure(figure)
            folder.write_figure(name.replace("/", "_"), rendered.pixels)
            for logger in self.trainer.loggers:
                with _decoration(f"figure {name} of logger {type(logger).__name__}"):
                    log_figure(logger, name, rendered, self.steps)


@contextmanager
def _decoration(what: str) -> Iterator[None]:
    """Whatever goes wrong inside becomes a message: the run has its metrics."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        log.warning("%s: not written (%s: %s); metrics.json is", what, type(error).__name__, reason)
