"""The fast training loop: everything of this project that touches the insides of Lightning.

Around every batch Lightning calls some forty hooks, which take as long as a small network's own step.  Where nobody
listens to them, `FastLoop` runs the batches up to the next point at which somebody does with the same calls in the same
order and nothing in between; that last batch is Lightning's own, so curves, callbacks, validation and checkpoints see
what they always see.  Where somebody listens, every batch is Lightning's own.

The loop is plugged into every Trainer that trains a `SequenceModule`; `reasons_against` decides.  Weights, curves and
checkpoints are equal to the last bit either way (tests/lightning_modules/training/test_fast_loop.py).  A callback that
may as well be called less often than once a batch says so by `needs_every_batch = False`.
Written for pytorch_lightning 2.6.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import torch
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning import callbacks as lightning_callbacks
from pytorch_lightning.loops.fetchers import _DataFetcher, _DataLoaderIterDataFetcher
from pytorch_lightning.loops.training_epoch_loop import _TrainingEpochLoop
from pytorch_lightning.plugins import MixedPrecision, Precision
from pytorch_lightning.profilers import PassThroughProfiler
from pytorch_lightning.strategies import SingleDeviceStrategy

log = logging.getLogger(__name__)

LONGEST_SECONDS = 0.2  # between two points: a person who interrupts a run waits no longer than this, or one step
MOST_BATCHES = 64

#: Hooks that Lightning calls around every batch.
CALLBACK_HOOKS = (
    "on_train_batch_start", "on_train_batch_end", "on_before_zero_grad", "on_before_backward", "on_after_backward",
    "on_before_optimizer_step",
)  # fmt: skip
MODULE_HOOKS = (
    "on_train_batch_start", "on_train_batch_end", "on_before_zero_grad", "on_before_backward", "on_after_backward",
    "on_before_optimizer_step", "training_step", "backward", "optimizer_step", "optimizer_zero_grad",
    "configure_gradient_clipping", "clip_gradients", "lr_scheduler_step", "transfer_batch_to_device",
    "on_before_batch_transfer", "on_after_batch_transfer",
)  # fmt: skip
DATA_HOOKS = ("on_before_batch_transfer", "on_after_batch_transfer")

#: Callbacks of Lightning that do something only where curves have a point, or that may as well look less often.
AT_POINTS = (
    lightning_callbacks.DeviceStatsMonitor,
    lightning_callbacks.LearningRateMonitor,
    lightning_callbacks.RichProgressBar,
    lightning_callbacks.Timer,
    lightning_callbacks.TQDMProgressBar,
)


def plug_in(trainer: Trainer, base: type[LightningModule]) -> None:
    """Let a Trainer's epochs run in a `FastLoop`, which takes over the state of the loop that is there.

    Args:
        base: the class whose own hooks do nothing that the fast loop leaves out.
    """
    loop = trainer.fit_loop.epoch_loop
    if type(loop) is _TrainingEpochLoop:
        fast = FastLoop(trainer, loop.min_steps, loop.max_steps)
        vars(fast).update(vars(loop))
        fast.base = base
        trainer.fit_loop.epoch_loop = fast


def set_callback_metrics(trainer: Trainer, values: dict[str, float]) -> None:
    """Numbers into `trainer.callback_metrics`: what `self.log(..., logger=False)` does outside of means over batches,
    in a hundredth of its time, of which a small network has many in an epoch."""
    trainer._logger_connector._callback_metrics.update({name: torch.tensor(value) for name, value in values.items()})


def epoch_ends(trainer: Trainer) -> bool:
    """Whether no batch follows the present one in this epoch."""
    loop = trainer.fit_loop.epoch_loop
    return loop.batch_progress.is_last_batch or loop._is_training_done or trainer.should_stop


class FastLoop(_TrainingEpochLoop):
    """Lightning's loop over the batches of an epoch, with the batches between two points run without its hooks."""

    base: type[LightningModule] = LightningModule
    _is_fast = False
    _size = 1  # batches until a callback may act again
    _message: str | None = None

    def on_run_start(self, data_fetcher: _DataFetcher) -> None:
        fit_loop = self.trainer.fit_loop
        if fit_loop.restarting and fit_loop._combined_loader_states_to_load:
            # Lightning forgets to, where `estimated_stepping_batches` made the loader before the checkpoint was read
            fit_loop._load_combined_loader_states()
            iter(data_fetcher)
        super().on_run_start(data_fetcher)
        reason = next(reasons_against(self.trainer, data_fetcher, self.base), None)
        self._is_fast = reason is None
        message = f"training runs in Lightning's own loop: {reason}" if reason else "training runs in the fast loop"
        if message != self._message and self.trainer.is_global_zero:
            log.info(message)
        self._message = message

    def advance(self, data_fetcher: _DataFetcher) -> None:
        if not self._is_fast or self.restarting:
            super().advance(data_fetcher)
            return
        count = self._batches_ahead()
        started = time.perf_counter()
        if count > 1:
            self._run_quickly(data_fetcher, count - 1)
        super().advance(data_fetcher)
        seconds = time.perf_counter() - started
        if seconds > LONGEST_SECONDS:
            self._size = max(1, int(count * LONGEST_SECONDS / seconds))
        elif seconds < LONGEST_SECONDS / 2 and count == self._size:
            self._size = min(2 * self._size, MOST_BATCHES)

    def _batches_ahead(self) -> int:
        """Batches up to and with the next one after which a curve has a point or the Trainer something to do."""
        trainer, done = self.trainer, self.batch_progress.current.ready
        points = trainer.log_every_n_steps or MOST_BATCHES
        steps = points - self.global_step % points
        if self.max_steps >= 0:
            steps = min(steps, self.max_steps - self.global_step)
        accumulate = trainer.accumulate_grad_batches
        ends = [self._size, (done // accumulate + steps) * accumulate - done, trainer.num_training_batches - done]
        every = trainer.val_check_batch
        if every is not None and every != float("inf"):
            seen = done if trainer.check_val_every_n_epoch is not None else self.batch_progress.total.ready
            ends.append(every - seen % every)
        return int(max(1, min(ends)))

    def _run_quickly(self, data_fetcher: _DataFetcher, count: int) -> None:
        """`count` times what `advance` does, where no hook has anything to do."""
        trainer = self.trainer
        module: Any = trainer.lightning_module
        hooks = trainer._data_connector._datahook_selector.get_instance("transfer_batch_to_device")
        transfer, device = hooks.transfer_batch_to_device, trainer.strategy.root_device
        precision, start_batch = trainer.precision_plugin, trainer._logger_connector.on_batch_start
        optimizer = trainer.optimizers[0]
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        schedulers = [config.scheduler for config in trainer.lr_scheduler_configs if config.interval == "step"]
        accumulate = trainer.accumulate_grad_batches
        clip_val, clip_algorithm = trainer.gradient_clip_val, trainer.gradient_clip_algorithm
        batches, optimizations = self.batch_progress, self.automatic_optimization.optim_progress.optimizer
        loaders = data_fetcher.iterator._iterator  # type: ignore[union-attr]
        loader = loaders.iterators[0]  # the only one
        first = batches.current.ready
        module._current_fx_name = "training_step"  # self.log asks for it
        try:
            for batch_idx in range(first, first + count):
                batch = transfer(next(loader), device, 0)
                _count(batches, "ready", "started")
                start_batch(batch)
                if type(precision) is Precision:
                    loss = module.training_step(batch, batch_idx)
                else:
                    with precision.train_step_context():
                        loss = module.training_step(batch, batch_idx)
                if batch_idx % accumulate == 0:
                    for parameter in parameters:
                        parameter.grad = None
                    _count(optimizations.zero_grad, "ready", "started", "completed")
                (loss if accumulate == 1 else loss / accumulate).backward()
                if (batch_idx + 1) % accumulate == 0:
                    module.configure_gradient_clipping(optimizer, clip_val, clip_algorithm)
                    optimizer.step()
                    _count(optimizations.step, "ready", "completed")
                    for scheduler in schedulers:
                        scheduler.step()
                        _count(self.scheduler_progress, "ready", "completed")
                    self._batches_that_stepped += 1
                _count(batches, "processed", "completed")
                loaders._idx += 1
                data_fetcher.fetched += 1
        finally:
            module._current_fx_name = None


def _count(progress: Any, *events: str) -> None:
    for tracker in (vars(progress.total), vars(progress.current)):
        for event in events:
            tracker[event] += 1


def reasons_against(trainer: Trainer, data_fetcher: _DataFetcher, base: type[LightningModule]) -> Iterator[str]:
    """What of a Trainer needs Lightning's own loop."""
    module: Any = trainer.lightning_module
    datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        hooks = [hook for hook in CALLBACK_HOOKS if _overrides(callback, hook, Callback)]
        if hooks and _needs_every_batch(callback):
            yield f"{type(callback).__name__}.{hooks[0]} is called at every batch"
    for hook in MODULE_HOOKS:
        if _overrides(module, hook, base):
            yield f"{type(module).__name__}.{hook} is called at every batch"
    for hook in DATA_HOOKS:
        if datamodule is not None and _overrides(datamodule, hook, LightningDataModule):
            yield f"{type(datamodule).__name__}.{hook} is called at every batch"
    if type(trainer.strategy) is not SingleDeviceStrategy:
        yield f"the strategy is {type(trainer.strategy).__name__}"
    if trainer.fit_loop._skip_backward:
        yield "a callback has turned backward passes off"
    precision = trainer.precision_plugin
    if type(precision) not in (Precision, MixedPrecision) or getattr(precision, "scaler", None) is not None:
        yield f"the precision is {precision.precision}"
    if type(trainer.profiler) is not PassThroughProfiler:  # type: ignore[attr-defined]
        yield f"{type(trainer.profiler).__name__} times every batch"  # type: ignore[attr-defined]
    for optimizer in trainer.optimizers:
        if not type(optimizer).__module__.startswith("torch.optim") or isinstance(optimizer, torch.optim.LBFGS):
            yield f"{type(optimizer).__name__} may compute the loss several times a step"
    if len(trainer.optimizers) != 1:
        yield f"there are {len(trainer.optimizers)} optimisers"
    for config in trainer.lr_scheduler_configs:
        if config.interval == "step" and (config.reduce_on_plateau or config.frequency != 1):
            yield f"{type(config.scheduler).__name__} is not stepped after every step"
    loaders = data_fetcher.combined_loader
    if isinstance(data_fetcher, _DataLoaderIterDataFetcher) or data_fetcher.length is None:
        yield "the loader does not know its length"
    elif loaders.iterables is not loaders.flattened[0]:
        yield "there are several training loaders"


def _overrides(instance: Any, name: str, parent: type) -> bool:
    return name in vars(instance) or getattr(type(instance), name, None) is not getattr(parent, name, None)


def _needs_every_batch(callback: Callback) -> bool:
    """Whether a callback with hooks around batches would miss something if most batches had none."""
    if isinstance(callback, lightning_callbacks.ModelCheckpoint):
        return callback._every_n_train_steps > 0 or callback._train_time_interval is not None
    return type(callback) not in AT_POINTS and getattr(callback, "needs_every_batch", True)
