"""What a trained module is worth: metrics of each part, predictions, figures."""

from __future__ import annotations

from typing import Any

import polars
from pytorch_lightning import Trainer

from datamodules.base import SequenceDataModule
from lightning_modules.base import SequenceModule
from lightning_modules.training.evaluation import Evaluator
from scripts.runs.embeddings import write_embeddings
from scripts.runs.environment import peak_memory_mb
from scripts.runs.figures import pixels
from scripts.runs.folder import RunFolder
from scripts.runs.hyperparameters import final_metrics, hyperparameters, write_hyperparameters
from scripts.runs.tensorboard import RunLogger


class Evaluation:
    """The judgements of one module on the parts of one data set.

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
        self.metrics: dict[str, float] = {}  # <part>/<metric>
        self.evaluators: dict[str, Evaluator] = {}

    def evaluate(self, part: str, keep_examples: bool = False) -> None:
        """One pass over a part; a part without examples is left out."""
        if part != "all" and not len(self.datamodule.indices[part]):
            return
        self.datamodule.evaluated_split = part
        self.module.keep_examples = keep_examples
        self.evaluation_trainer.test(self.module, datamodule=self.datamodule, verbose=False, weights_only=True)
        evaluator = self.module.evaluator
        assert evaluator is not None
        self.evaluators[part] = evaluator
        self.metrics.update({f"{part}/{name}": float(value) for name, value in evaluator.compute().items()})

    def predictions(self, part: str) -> polars.DataFrame:
        """A row an example: its id and whatever else names it, target, answer, score (higher is better)."""
        named = self.datamodule.example_columns(self.datamodule.split_indices(part))
        places = self.datamodule.evaluation_order(part).argsort()  # of each example among the judged
        answers = polars.DataFrame(dict(self.evaluators[part].columns))[places.numpy()]
        return polars.DataFrame(named).hstack(answers)

    def write(self, folder: RunFolder, overrides: list[str], best: dict[str, Any] | None) -> dict[str, float]:
        """metrics.json, predictions.parquet, figures and the row of hyperparameters."""
        seconds = self.module.training_seconds
        everything = {
            **self.metrics,
            "params": sum(p.numel() for p in self.module.parameters()),
            "fit_seconds": seconds,
            "samples_per_second": self.module.samples_seen / seconds if seconds else 0.0,
            "peak_memory_mb": peak_memory_mb(self.module.device),
            "epochs": self.trainer.current_epoch,
            "steps": self.trainer.global_step,
            "best_epoch": best["epoch"] + 1 if best else 0,
        }
        if not self.trainer.is_global_zero:
            return everything
        if "test" in self.evaluators:
            self.predictions("test").write_parquet(folder.predictions_file)
        run_loggers = [logger for logger in self.trainer.loggers if isinstance(logger, RunLogger)]
        self._write_figures(folder, run_loggers)
        for run_logger in run_loggers:
            write_embeddings(folder.path, self.module, self.datamodule, run_logger.embeddings)
            write_hyperparameters(folder.path, self.module.config, overrides, everything, "finished")
            run_logger.finish()
        for logger in self.trainer.loggers:
            if not isinstance(logger, RunLogger):
                logger.log_hyperparams(hyperparameters(self.module.config, overrides))
                logger.log_metrics(final_metrics(everything), self.trainer.global_step)
                logger.save()
                logger.finalize("success")
                if hasattr(logger.experiment, "finish"):  # or the next run of this process would be the same one
                    logger.experiment.finish()
        folder.write_json(folder.metrics_file, everything)
        return everything

    def _write_figures(self, folder: RunFolder, loggers: list[RunLogger]) -> None:
        """Pictures of training and of the test, or else the validation: PNG in the run folder, and for TensorBoard."""
        figures: dict[str, Any] = {}
        for callback in self.trainer.callbacks:
            figures |= getattr(callback, "figures", dict)()
        part = next((part for part in ("test", "val") if part in self.evaluators), None)
        if part is not None:
            own = {name: make() for name, make in self.module.task.figures(self.module).items()}
            figures |= {f"{part}/{name}": figure for name, figure in {**self.evaluators[part].figures(), **own}.items()}
        for name, figure in figures.items():
            picture = pixels(figure)
            folder.write_figure(name.replace("/", "_"), picture)
            for logger in loggers:
                logger.log_figure(name, picture, self.trainer.global_step)
