"""Validation and test of a module, and what it logs: the part of `TrainingModule` that needs no optimiser."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytorch_lightning import LightningModule

from lightning_modules.training import fast_loop
from lightning_modules.training.evaluation import Evaluator
from lightning_modules.training.figures import RenderedFigure, log_figure

if TYPE_CHECKING:
    from lightning_modules.tasks.base import Task

log = logging.getLogger(__name__)


class EvaluatedModule(LightningModule):
    """Validation and test of a module with a `task` and `forward`; values and figures for callbacks and loggers."""

    task: Task

    def __init__(self) -> None:
        super().__init__()
        self.evaluator: Evaluator | None = None  # of the last validation or test
        self.keep_examples = False  # whether a test keeps the prediction of each example
        self.latest: dict[str, float] = {}  # the last value of everything that was logged

    # ------------------------------------------------------------------ logging

    def log_values(self, values: dict[str, float]) -> None:
        """Numbers for callbacks and every logger, at the present step; `self.log` would write some later, elsewhere."""
        self.latest.update(values)
        fast_loop.set_callback_metrics(self.trainer, values)
        for logger in self.loggers:
            logger.log_metrics(values, step=self.trainer.global_step)

    def log_figures(self, figures: dict[str, Callable[[], Any]]) -> None:
        """Figures for every logger that takes some, drawn only if there is one."""
        if self.loggers:
            for name, make in figures.items():
                try:
                    figure = RenderedFigure(make())
                    for logger in self.trainer.loggers:
                        log_figure(logger, name, figure, self.trainer.global_step)
                except Exception as error:  # a run does not end for a figure
                    log.warning("figure %s: not drawn (%s: %s)", name, type(error).__name__, error)

    # ------------------------------------------------------------------ evaluation

    def on_validation_epoch_start(self) -> None:
        if self.trainer.state.fn == "fit":
            self.task.on_fit_validation_start()
        self._start_evaluation()

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._evaluate(batch, dataloader_idx)
        of_fit = self.trainer.num_sanity_val_batches if self.trainer.sanity_checking else self.trainer.num_val_batches
        if (dataloader_idx, batch_idx) == (len(of_fit) - 1, of_fit[-1] - 1):  # callbacks hear of the end before this
            fast_loop.set_callback_metrics(self.trainer, self._evaluated("val"))

    def on_validation_epoch_end(self) -> None:
        if self.trainer.state.fn == "fit":
            self.task.on_fit_validation_end()
        if not self._has_evaluated:  # a subclass validates in a way of its own
            return
        values = self._evaluated("val")
        if self.trainer.state.fn != "fit":
            self.log_dict(values, add_dataloader_idx=False)  # Trainer.validate returns what goes to loggers
            return
        if self.trainer.sanity_checking:  # callbacks know its values since its last step
            return
        self.log_values(values)
        figures = {**self.evaluator.validation_figures(), **self.task.figures(self)}
        self.log_figures({f"val/{name}": make for name, make in figures.items()})

    def on_test_epoch_start(self) -> None:
        self._start_evaluation(self.keep_examples)

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._evaluate(batch, dataloader_idx)

    def on_test_epoch_end(self) -> None:
        if self._has_evaluated:
            values = self._evaluated(getattr(self.trainer.datamodule, "evaluated_split", "test"))
            self.log_dict(values, add_dataloader_idx=False)

    def _start_evaluation(self, keep_examples: bool = False) -> None:
        self.evaluator = Evaluator(self.task, self.device, keep_examples)
        self._evaluators = [self.evaluator]  # of each loader
        self._has_evaluated = False

    def _evaluate(self, batch: Any, dataloader_idx: int) -> None:
        self._has_evaluated = True
        output = self(batch)
        origin = getattr(batch, "origin", None)
        while len(self._evaluators) <= dataloader_idx:
            self._evaluators.append(Evaluator(self.task, self.device))
        if origin is None or not origin.is_filler:
            self._evaluators[dataloader_idx].update(output, batch)

    def _evaluated(self, split: str) -> dict[str, float]:
        """The metrics of a split; of several loaders by Lightning's names (`val/loss/dataloader_idx_1`)."""
        ends = [""] if len(self._evaluators) == 1 else [f"/dataloader_idx_{i}" for i in range(len(self._evaluators))]
        return {
            f"{split}/{name}{end}": value
            for end, evaluator in zip(ends, self._evaluators)
            for name, value in evaluator.compute().items()
        }

    def _is_validating_a_fit(self) -> bool:
        return self.trainer.state.fn == "fit" and not self.trainer.sanity_checking
