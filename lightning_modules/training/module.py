"""How every architecture is trained and judged: the Lightning side of `SequenceModule`.

A training step of Lightning is a block of batches here (see datamodules/batching/loader.py), with an optimiser step for
each: what the Trainer does around a step is paid once a block.  Inside a block nothing waits for the device; losses and
gradient norms add up on it and are read at the points of the curve, every `log_every_n_steps`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning import Callback, LightningModule
from pytorch_lightning.strategies import SingleDeviceStrategy
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch import Tensor

from datamodules import specs
from datamodules.batching.loader import Block
from lightning_modules.training import schedules
from lightning_modules.training.evaluation import Evaluator
from lightning_modules.training.fsdp import as_sharded, shard, whole
from lightning_modules.training.nan_guard import ADVICE, NonFinite, NonFiniteMonitor, Skipping
from lightning_modules.training.optimization import Optimization
from lightning_modules.training.rng import random_states, set_random_state
from lightning_modules.training.running_mean import RunningSum

if TYPE_CHECKING:
    from lightning_modules.tasks.base import Task

LEAST_SCALE = 2.0**-12  # of a loss in float16, whose scaler halves it at each infinite gradient
RANKS_APART = 1_000_003  # between the seeds of two ranks


class Training(LightningModule):
    """Training, validation and test of a module with a `task`, `forward` and `loss`."""

    task: Task

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False  # several optimiser steps in a training step
        self.optimization = Optimization()
        self.config: dict[str, Any] = {}  # the run's settings, resolved; checkpoints carry them
        self.evaluator: Evaluator | None = None  # of the last validation or test
        self.is_sharded = False  # whether its weights are split over processes
        self.keep_examples = False  # whether a test run keeps the answer to each example
        self.latest: dict[str, float] = {}  # the last value of everything that was logged
        self.samples_seen = 0
        self.training_seconds = 0.0
        self._tally = _Tally(torch.device("cpu"))  # since the last point of the curve
        self._epoch_tally = _Tally(torch.device("cpu"))
        self._resume_state: dict[str, Any] | None = None  # a checkpoint

    # ------------------------------------------------------------------ learning

    def configure_optimizers(self) -> torch.optim.Optimizer:
        groups = self.parameter_groups()
        scales = [group.pop("lr_scale", 1.0) for group in groups]
        optimizer = self.optimization.optimizer(groups)
        for hook in self.optimization.after_step:
            optimizer.register_step_post_hook(hook)
        self._base_rates = [group["lr"] * scale for group, scale in zip(optimizer.param_groups, scales)]
        return optimizer

    def configure_model(self) -> None:
        if self.device_mesh is not None and not self.is_sharded:
            shard(self, self.fsdp_units(), self.device_mesh)
            self.is_sharded = True

    def on_fit_start(self) -> None:
        self._clip_groups = [list(group) for group in self.clip_groups()]

    def on_train_start(self) -> None:
        accumulate = self.optimization.accumulate_grad_batches
        self._length = schedules.Training(
            steps_per_epoch=max(1, -(-int(self.trainer.num_training_batches) // accumulate)),
            total_steps=self.trainer.estimated_stepping_batches / accumulate,
        )
        self._tally, self._epoch_tally = _Tally(self.device), _Tally(self.device)
        self._skipping = Skipping(self) if self.optimization.non_finite == "skip" else None
        self._watch = NonFiniteMonitor()
        self._watch.reset(self, self.trainer.global_step)
        self._scaler = getattr(self.trainer.precision_plugin, "scaler", None)  # of float16
        self._optimizer: Any = self.optimizers()
        self._casts = self.trainer.precision.endswith("mixed")
        self._by_itself = self._takes_no_part()
        self.log_figures({f"train/{name}": make for name, make in self.task.data_figures(self.trainer).items()})
        if self._resume_state is not None:
            self._tally.load_state_dict(self._resume_state["tally"])
            self._epoch_tally.load_state_dict(self._resume_state["epoch_tally"])
            for name, gradient in self._resume_state["gradients"].items():
                parameter = self.get_parameter(name)
                parameter.grad = as_sharded(gradient, parameter)
            states = self._resume_state["random"]  # of each rank; last of all, so that nothing draws in between
            set_random_state(states[min(self.global_rank, len(states) - 1)])
            self._resume_state = None
        elif self.global_rank:
            torch.manual_seed(torch.initial_seed() + RANKS_APART * self.global_rank)  # dropout of its own

    def on_train_epoch_start(self) -> None:
        self._epoch_tally = _Tally(self.device)

    def training_step(self, block: Block, batch_idx: int) -> None:
        started = time.perf_counter()
        ready = self.trainer.fit_loop.epoch_loop.batch_progress.current.ready  # counts this block's first batch
        for place, (batch, weight) in enumerate(zip(block, block.weights)):
            self._learn(batch, weight, ready + place, block, place)
        # from here on the Trainer counts batches, as a person does, not blocks
        last = ready + len(block) - 1
        self.trainer.fit_loop.epoch_loop.batch_progress.increment_by(
            len(block) - 1, is_last_batch=last >= self.trainer.num_training_batches
        )
        self.samples_seen += block.num_examples
        self._tally.samples += block.num_examples
        at_point = self.trainer.global_step % self.trainer.log_every_n_steps == 0 and self._tally.steps > 0
        if at_point or self._watch.is_due:
            self.check_finite()  # waits for the device, so that the seconds are those of its work
        self._tally.seconds += time.perf_counter() - started
        if at_point:
            self._log_point()

    def _learn(self, batch: Any, weight: float, batch_number: int, block: Block, place: int) -> None:
        """One batch, the `batch_number`-th of its epoch (from 1); an optimiser step where accumulation is complete."""
        optimization, step = self.optimization, self.trainer.global_step
        if self._skipping is not None and (batch_number - 1) % optimization.accumulate_grad_batches == 0:
            self._skipping.remember()
        loss = self.loss(batch)
        scale = weight / optimization.accumulate_grad_batches
        self._backward(loss if scale == 1.0 else loss * scale)
        loss = loss.detach() if weight == 1.0 else loss.detach() * weight
        self._watch.batch(step, block, place, loss)
        counted = loss if self._skipping is None else torch.nan_to_num(loss, 0.0, 0.0, 0.0)
        self._tally.loss.add(counted)
        self._epoch_tally.loss.add(counted)
        self._tally.batches += 1
        self._epoch_tally.batches += 1
        if batch_number % optimization.accumulate_grad_batches and batch_number < self.trainer.num_training_batches:
            return

        optimizer = self._optimizer
        factor = optimization.schedule.factor(step, self._length)
        for group, rate in zip(optimizer.optimizer.param_groups, self._base_rates):
            group["lr"] = rate * factor
        if self._scaler is not None:
            self._scaler.unscale_(optimizer.optimizer)
        norm = whole(optimization.clip(self._clip_groups))
        self._watch.gradient(norm)
        left_out = self._skipping is not None or self._scaler is not None  # steps may be, and curves go on
        self._tally.gradient_norm.add(torch.nan_to_num(norm, 0.0, 0.0, 0.0) if left_out else norm)
        self._tally.steps += 1
        skipped = self._skipping is not None and self._skipping.should_skip(norm, loss, self.trainer, block, place)
        self._step(optimizer, only_counted=skipped and self._scaler is None)
        for group in optimizer.optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None  # zero_grad would take as long as a small layer
        if self._casts:
            torch.clear_autocast_cache()  # it holds this step's weights in half precision

    def _backward(self, loss: Tensor) -> None:
        if self._by_itself:
            loss.backward()
        else:
            self.manual_backward(loss)

    def _step(self, optimizer: Any, only_counted: bool = False) -> None:
        if self._by_itself or only_counted:
            optimizer._on_before_step()  # the Trainer counts its steps here
            if not only_counted:
                optimizer.optimizer.step()
            optimizer._on_after_step()
        else:
            optimizer.step()

    def _takes_no_part(self) -> bool:
        """Whether the Trainer has nothing to do inside a step: one device, no loss scaling, no callback that looks in.

        Its hooks around backward and step would otherwise cost as much as a small network's own arithmetic.
        """
        hooks = ("on_before_backward", "on_after_backward", "on_before_optimizer_step", "on_before_zero_grad")
        looked_at = [
            callback for callback in self.trainer.callbacks for hook in hooks if is_overridden(hook, callback, Callback)
        ]
        plain = isinstance(self.trainer.strategy, SingleDeviceStrategy) and self._scaler is None
        return plain and not looked_at

    def _log_point(self) -> None:
        tally, self._tally = self._tally, _Tally(self.device)
        values = {"train/loss": self._over_ranks(tally.mean_loss()), "lr": self._optimizer.param_groups[0]["lr"]}
        if tally.steps:
            values["gradient_norm"] = tally.mean_gradient_norm()
        self.training_seconds += tally.seconds
        if self._skipping is not None:
            values["skipped_steps"] = float(self._skipping.num_skipped)
        values["samples_per_second"] = tally.samples / max(tally.seconds, 1e-9)
        self.log_values(values)

    def on_train_epoch_end(self) -> None:
        started = time.perf_counter()
        loss = self._epoch_tally.mean_loss()  # the device has done the epoch's steps now
        self._tally.seconds += time.perf_counter() - started
        loss = self._over_ranks(loss)
        if any(getattr(callback, "monitor", None) == "train/loss_epoch" for callback in self.trainer.callbacks):
            self.log("train/loss_epoch", loss, logger=False)  # Lightning's bookkeeping takes longer than a small step
        self.log_values({"train/loss_epoch": loss, "epoch": float(self.current_epoch)})

    def on_train_end(self) -> None:
        self.training_seconds += self._tally.seconds

    def check_finite(self) -> None:
        """Raises: NonFinite: a loss or gradient since the last look was infinite or not a number."""
        tally = self._tally
        scaled = self._scaler is not None  # in float16 the scaler leaves out steps of infinite gradients by itself
        total = tally.loss.value() if scaled else tally.loss.value() + tally.gradient_norm.value()
        if not torch.isfinite(total).item():
            raise self._watch.explain(self, with_gradients=not scaled)
        if self._scaler is not None and self._scaler.get_scale() < LEAST_SCALE:
            raise NonFinite(
                f"step {self.trainer.global_step:,}: a gradient is not finite, whatever the scale of the loss; {ADVICE}"
            )
        self._watch.reset(self, self.trainer.global_step)

    def _over_ranks(self, value: float) -> float:
        """The mean of every rank's value."""
        if self.trainer.world_size == 1:
            return value
        return self.trainer.strategy.reduce(torch.tensor(value, device=self.device), reduce_op="mean").item()

    def log_values(self, values: dict[str, float]) -> None:
        """Numbers for every logger, at the present step."""
        self.latest.update(values)
        for logger in self.loggers:
            logger.log_metrics(values, step=self.trainer.global_step)

    def log_figures(self, figures: dict[str, Callable[[], Any]]) -> None:
        """Pictures for every logger that takes some, drawn only if there is one."""
        for logger in self.loggers:
            if hasattr(logger, "log_figure"):
                for name, make in figures.items():
                    logger.log_figure(name, make(), self.trainer.global_step)

    # ------------------------------------------------------------------ judging

    def on_validation_epoch_start(self) -> None:
        if self.trainer.state.fn == "fit" and not self.trainer.sanity_checking:
            self.check_finite()
        if self.trainer.state.fn == "fit":
            self.task.on_fit_validation_start()
        self.evaluator = Evaluator(self.task, self.device)

    def validation_step(self, block: Block, batch_idx: int) -> None:
        for batch, weight in zip(block, block.weights):
            if weight:
                self.evaluator.update(self(batch), batch)

    def on_validation_epoch_end(self) -> None:
        if self.trainer.state.fn == "fit":
            self.task.on_fit_validation_end()
        values = {f"val/{name}": value for name, value in self.evaluator.compute().items()}
        self.log_dict(values, logger=False)
        self.log_values(values)
        pictures = {**self.evaluator.validation_figures(), **self.task.figures(self)}
        self.log_figures({f"val/{name}": make for name, make in pictures.items()})
        self.optimization.schedule.observe(values[f"val/{self.task.monitor}"], self.task.mode)

    def on_test_epoch_start(self) -> None:
        self.evaluator = Evaluator(self.task, self.device, self.keep_examples)

    def test_step(self, block: Block, batch_idx: int) -> None:
        for batch, weight in zip(block, block.weights):
            if weight:
                self.evaluator.update(self(batch), batch)

    # ------------------------------------------------------------------ checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.is_sharded:
            self.reshard()  # a validation leaves weights put together, without their gradients
        checkpoint["config"] = self.config
        checkpoint["spec"] = specs.to_dict(self.task.spec)
        checkpoint["schedule"] = self.optimization.schedule.state_dict()
        checkpoint["random"] = random_states()
        checkpoint["samples_seen"] = self.samples_seen
        checkpoint["training_seconds"] = self.training_seconds
        checkpoint["latest"] = dict(self.latest)
        checkpoint["tally"] = self._tally.state_dict()
        checkpoint["epoch_tally"] = self._epoch_tally.state_dict()
        checkpoint["gradients"] = {  # of an accumulation that is not complete
            name: whole(parameter.grad) for name, parameter in self.named_parameters() if parameter.grad is not None
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.optimization.schedule.load_state_dict(checkpoint["schedule"])
        self.samples_seen = checkpoint["samples_seen"]
        self.training_seconds = checkpoint["training_seconds"]
        self.latest = checkpoint["latest"]
        self._resume_state = checkpoint


class _Tally:
    """Sums between two points of a curve; those that training computes stay on the device."""

    def __init__(self, device: torch.device) -> None:
        self.loss = RunningSum(device)
        self.gradient_norm = RunningSum(device)
        self.batches = 0
        self.steps = 0
        self.samples = 0
        self.seconds = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {
            key: value.state_dict() if isinstance(value, RunningSum) else value for key, value in vars(self).items()
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for key, value in state.items():
            if isinstance(value, Tensor):  # as the first checkpoints have it
                value = {"added": value, "waiting": []}
            if isinstance(value, dict):
                getattr(self, key).load_state_dict(value)
            else:
                setattr(self, key, value)

    def mean_loss(self) -> float:
        return (self.loss.value() / max(self.batches, 1)).item()

    def mean_gradient_norm(self) -> float:
        return (self.gradient_norm.value() / max(self.steps, 1)).item()
