"""Training: the Lightning side of `SequenceModule`.

An ordinary LightningModule under automatic optimisation: `training_step` returns the loss, `configure_optimizers` the
optimiser and a scheduler that is stepped after every optimiser step; clipping and accumulation are the Trainer's.
Nothing in a step waits for the device: losses and gradient norms add up on it and are read at the points of the curve,
every `log_every_n_steps`.  A subclass that overrides a hook of this class calls `super()`'s.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lightning_modules.training import fast_loop
from lightning_modules.training.evaluated_module import EvaluatedModule
from lightning_modules.training.fsdp import shard, whole
from lightning_modules.training.nan_guard import ADVICE, NonFinite, NonFiniteMonitor, StepSkipper
from lightning_modules.training.optimization import Optimization, clip_gradients, leave_gpus_asleep, total_steps
from lightning_modules.training.running_mean import IntervalMeans
from lightning_modules.training.schedules import FactorScheduler, RunLength

MIN_LOSS_SCALE = 2.0**-12  # of float16, whose scaler halves the scale at each infinite gradient
RANK_SEED_STRIDE = 1_000_003  # between the seeds of two ranks


class TrainingModule(EvaluatedModule):
    """Training, validation and test of a module with a `task`, `forward` and `loss`."""

    def __init__(self) -> None:
        super().__init__()
        self.optimization = Optimization()
        self.is_sharded = False  # whether its weights are split over processes
        self.training_seconds = 0.0
        self._steps = _StepState()
        self._interval = IntervalMeans(torch.device("cpu"))  # since the last point of the curve
        self._epoch = IntervalMeans(torch.device("cpu"))

    @property
    def samples_seen(self) -> int:
        """Training examples so far, over all epochs and ranks."""
        return self._steps.samples

    # ------------------------------------------------------------------ optimisation

    @property
    def lr(self) -> float:
        """The optimiser's learning rate, before its schedule; Lightning's LearningRateFinder sets it."""
        return float(_arguments(self.optimization.optimizer).get("lr", 1e-3))

    @lr.setter
    def lr(self, value: float) -> None:
        optimizer: Any = self.optimization.optimizer
        for scheduler in self._schedulers():
            scheduler.replace_lr(self.lr, value)
        self.optimization.optimizer = partial(optimizer, lr=value)

    def build_optimizer(self) -> torch.optim.Optimizer:
        """The optimiser over `parameter_groups`, the rate of each group multiplied by its `lr_scale`."""
        groups = self.parameter_groups()
        scales = [group.pop("lr_scale", 1.0) for group in groups]
        optimizer = self.optimization.optimizer(groups)
        for group, scale in zip(optimizer.param_groups, scales):
            group["lr"] *= scale
        for hook in self.optimization.after_step:
            optimizer.register_step_post_hook(hook)
        leave_gpus_asleep(optimizer)
        return optimizer

    def configure_optimizers(self) -> Any:
        optimizer = self.build_optimizer()
        steps = total_steps(self.trainer)  # first: it makes the loader whose batches are counted
        batches, accumulate = self.trainer.num_training_batches, self.trainer.accumulate_grad_batches
        steps_per_epoch = 1 if batches == float("inf") else max(1, -(-int(batches) // accumulate))
        scheduler = FactorScheduler(optimizer, self.optimization.schedule, RunLength(steps_per_epoch, steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _schedulers(self) -> list[FactorScheduler]:
        """The schedules in force: none before a fit, or where a callback or subclass brought one of its own."""
        configs = self.trainer.lr_scheduler_configs if self._trainer is not None else []
        return [config.scheduler for config in configs if isinstance(config.scheduler, FactorScheduler)]

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip each of `clip_groups`, count the joint norm, and leave out a non-finite step (`non_finite=skip`)."""
        if self._scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            self._scaler.unscale_(optimizer)  # Lightning leaves it to a fused optimiser, which would do it after this
        norm = whole(clip_gradients(self._clip_groups, gradient_clip_val, gradient_clip_algorithm))
        self._monitor.add_gradient(norm)
        steps_may_be_left_out = self._skipper is not None or self._scaler is not None
        self._interval.add_step(torch.nan_to_num(norm, 0.0, 0.0, 0.0) if steps_may_be_left_out else norm)
        self._steps.accumulating = False
        if (
            self._skipper is not None
            and self._skipper.should_skip(self._monitor, self.trainer)
            and self._scaler is None
        ):
            for parameter in self.parameters():
                parameter.grad = None  # an optimiser leaves such parameters alone

    # ------------------------------------------------------------------ training

    def configure_model(self) -> None:
        if self.device_mesh is not None and not self.is_sharded:
            shard(self, self.fsdp_units(), self.device_mesh)
            self.is_sharded = True

    def on_fit_start(self) -> None:
        fast_loop.plug_in(self.trainer, TrainingModule)

    def on_train_start(self) -> None:
        self._interval, self._epoch = IntervalMeans(self.device), IntervalMeans(self.device)
        self._clip_groups = [list(group) for group in self.clip_groups()]
        self._skipper = StepSkipper(self) if self.optimization.non_finite == "skip" else None
        self._monitor = NonFiniteMonitor()
        self._monitor.reset(self, self.trainer.global_step)
        self._scaler = getattr(self.trainer.precision_plugin, "scaler", None)  # of float16
        self._steps.accumulating = False
        self.log_figures({f"train/{name}": make for name, make in self.task.data_figures(self.trainer).items()})
        if self.global_rank:
            torch.manual_seed(torch.initial_seed() + RANK_SEED_STRIDE * self.global_rank)  # dropout of its own
        self.start_clock()

    def on_train_epoch_start(self) -> None:
        for scheduler in self._schedulers():
            scheduler.apply_replaced_lr()
        self._epoch = IntervalMeans(self.device)
        self._steps.epoch_loss = None
        self.start_clock()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self._steps.uncounted = batch

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss of a batch, a scalar: a mean over its examples, or this rank's share of that mean."""
        if self._skipper is not None and not self._steps.accumulating:
            self._skipper.remember()
        origin = getattr(batch, "origin", None)
        loss = self.loss(batch)
        detached = loss.detach()
        accumulate = self.trainer.accumulate_grad_batches
        if origin is not None and (accumulate > 1 or self.trainer.world_size > 1):
            num_batches = self.trainer.num_training_batches
            weight, share = origin.step_weight(accumulate, num_batches, self.task.example_weights)
            if weight != 1.0 or share != 1.0:
                detached = detached * weight
                loss = loss * (weight / share)
        self._count_loss(batch, detached)
        return loss

    def on_before_backward(self, loss: Tensor) -> None:
        """Count the loss of a `training_step` that a subclass has written, which calls this one or not."""
        if self._steps.uncounted is not None:
            accumulate = self.trainer.accumulate_grad_batches if self.automatic_optimization else 1
            if self._skipper is not None and not self._steps.accumulating:
                self._skipper.remember()
            self._count_loss(self._steps.uncounted, loss.detach() * accumulate)

    def _count_loss(self, batch: Any, detached: Tensor) -> None:
        self._steps.uncounted = None
        self._steps.epoch_loss = None
        self._steps.accumulating = True
        origin = getattr(batch, "origin", None)
        self._monitor.add_batch(origin, detached)
        if self._skipper is not None:
            detached = torch.nan_to_num(detached, 0.0, 0.0, 0.0)
        num_examples = len(batch) if origin is None else origin.batch_size
        self._interval.add_batch(detached, num_examples)
        self._epoch.add_batch(detached, num_examples)
        self._steps.samples += num_examples

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        every = self.trainer.log_every_n_steps
        at_point = every > 0 and self.trainer.global_step % every == 0 and self._interval.steps > 0
        if at_point or self._monitor.is_due:
            self.check_finite()  # waits for the device, so that the seconds are those of its work
        self.stop_clock()
        if at_point:
            self._log_point()
        if fast_loop.epoch_ends(self.trainer):  # callbacks are told of it before this module is
            fast_loop.set_callback_metrics(self.trainer, {"train/loss_epoch": self._mean_epoch_loss()})

    def on_train_epoch_end(self) -> None:
        loss = self._mean_epoch_loss()  # the device has done the epoch's steps now
        self.stop_clock()
        self.log_values({"train/loss_epoch": loss, "epoch": float(self.current_epoch)})

    def _mean_epoch_loss(self) -> float:
        """Over the epoch's batches so far and all ranks; read from the device once."""
        if self._steps.epoch_loss is None:
            self._steps.epoch_loss = self._mean_over_ranks(self._epoch.mean_loss())
        return self._steps.epoch_loss

    def on_train_end(self) -> None:
        self.training_seconds += self._interval.seconds

    def start_clock(self) -> None:
        """Training begins now, or goes on after something else (validation, files)."""
        self._clock_started = time.perf_counter()

    def stop_clock(self) -> None:
        """Count the time since the clock was started, or last stopped, as training."""
        now = time.perf_counter()
        self._interval.seconds += now - self._clock_started
        self._clock_started = now

    def check_finite(self) -> None:
        """Raises: NonFinite: a loss or gradient since the last look was infinite or not a number."""
        means = self._interval
        scaled = self._scaler is not None  # in float16 the scaler leaves out steps of infinite gradients by itself
        total = means.loss.value() if scaled else means.loss.value() + means.gradient_norm.value()
        if scaled and self.trainer.world_size > 1:  # the others' losses, which no gradient here shows
            total = self.trainer.strategy.reduce(total.clone(), reduce_op="sum")
        if not torch.isfinite(total).item():
            raise self._monitor.explain(self, with_gradients=not scaled)
        if self._scaler is not None and self._scaler.get_scale() < MIN_LOSS_SCALE:
            raise NonFinite(
                f"step {self.trainer.global_step:,}: a gradient is not finite, whatever the scale of the loss; {ADVICE}"
            )
        self._monitor.reset(self, self.trainer.global_step)

    # ------------------------------------------------------------------ logging

    def _log_point(self) -> None:
        means, self._interval = self._interval, IntervalMeans(self.device)
        self.training_seconds += means.seconds
        values = {
            "train/loss": self._mean_over_ranks(means.mean_loss()),
            "lr": self.optimizers().param_groups[0]["lr"],  # type: ignore[union-attr]
            "gradient_norm": means.mean_gradient_norm(),
            "samples_per_second": means.samples / max(means.seconds, 1e-9),
        }
        if self._skipper is not None:
            values["skipped_steps"] = float(self._skipper.num_skipped)
        self.log_values(values)

    def _mean_over_ranks(self, value: float) -> float:
        if self.trainer.world_size == 1:
            return value
        return self.trainer.strategy.reduce(torch.tensor(value, device=self.device), reduce_op="mean").item()

    # ------------------------------------------------------------------ validations of a fit

    def on_validation_epoch_start(self) -> None:
        if self._is_validating_a_fit():
            self.check_finite()
        super().on_validation_epoch_start()

    def on_validation_epoch_end(self) -> None:
        super().on_validation_epoch_end()
        if self._is_validating_a_fit() and self._has_evaluated:
            for scheduler in self._schedulers():
                scheduler.observe(self.evaluator.compute()[self.task.monitor], self.task.mode)  # type: ignore[union-attr]

    def on_validation_end(self) -> None:
        if self._is_validating_a_fit():
            self.start_clock()


def _arguments(function: Any) -> dict[str, Any]:
    """What a partial function was given by name."""
    return {**_arguments(function.func), **function.keywords} if isinstance(function, partial) else {}


class _StepState:
    """What changes at every batch; no attributes of the module itself, whose tables torch searches at each change."""

    samples = 0
    epoch_loss: float | None = None  # the mean of the epoch's batches so far, where it has been read
    uncounted: Any = None  # the batch whose loss is not counted yet
    accumulating = False  # whether there are gradients of a step that is not complete
