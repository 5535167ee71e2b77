"""Checkpoints: what a training leaves so that it goes on to the last bit, and a module made of such a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules import specs
from datamodules.errors import BadInput
from lightning_modules.layers import init_arguments
from lightning_modules.training import checkpoint_io
from lightning_modules.training.fsdp import as_sharded, whole
from lightning_modules.training.module import TrainingModule
from lightning_modules.training.restoring import restored
from lightning_modules.training.rng import random_states, set_random_state

if TYPE_CHECKING:
    from lightning_modules.tasks.base import Task


class CheckpointedModule(TrainingModule):
    """A `TrainingModule` whose checkpoints carry its configuration, and its training in the middle of an epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.config: dict[str, Any] = {}  # the run's settings, resolved
        self._resume_state: dict[str, Any] | None = None  # a checkpoint

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls,
        checkpoint_path: Any,
        map_location: Any = None,
        hparams_file: Any = None,
        strict: bool | None = None,
        weights_only: bool | None = None,
        task: Task | None = None,
        **settings: Any,
    ) -> Any:
        """The module of a checkpoint that a run or a Trainer wrote, in evaluation mode.

        Args:
            checkpoint_path: the file.
            map_location: the device; the CPU where None.
            hparams_file: refused; the checkpoint carries its configuration.
            strict: False leaves out weights that only the checkpoint or only the module has.
            weights_only: either value; nothing in a checkpoint is executed.
            task: what it was trained for; made from the stored configuration where None.
            settings: arguments of the architecture, in place of those of the stored configuration.

        Raises:
            BadInput: no such file, of another architecture, or with a configuration that names foreign classes.
        """
        if hparams_file is not None:
            raise BadInput(f"hparams_file={hparams_file}: a checkpoint carries its configuration; arguments replace it")
        state = checkpoint_io.load(Path(checkpoint_path))
        module = restored(cls, state, str(checkpoint_path), task, settings)
        module.load_state_dict(state["state_dict"], strict=strict is not False)
        module.config = state["config"]
        return module.to(map_location or "cpu").eval()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["format"] = checkpoint_io.FORMAT
        if self.is_sharded:
            self.reshard()  # a validation leaves weights put together, without their gradients
        checkpoint["config"] = self.config or self._config_of_arguments()
        checkpoint["spec"] = specs.to_dict(self.task.spec)
        checkpoint["random"] = random_states()
        checkpoint["samples_seen"] = self._steps.samples
        checkpoint["training_seconds"] = self.training_seconds
        checkpoint["latest"] = dict(self.latest)
        checkpoint["tally"] = self._interval.state_dict()
        checkpoint["epoch_tally"] = self._epoch.state_dict()
        checkpoint["gradients"] = {}  # of an accumulation that is not complete
        if self._steps.accumulating:
            checkpoint["gradients"] = {
                name: whole(parameter.grad) for name, parameter in self.named_parameters() if parameter.grad is not None
            }

    def _config_of_arguments(self) -> dict[str, Any]:
        """Task and architecture of a module that a program has made, as a configuration; empty where that cannot be."""
        task, module = init_arguments.as_settings(self.task, "spec"), init_arguments.as_settings(self, "task")
        return {"task": task, "module": module} if task and module else {}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._steps.samples = checkpoint["samples_seen"]
        self.training_seconds = checkpoint["training_seconds"]
        self.latest = checkpoint["latest"]
        self._resume_state = checkpoint

    def on_train_start(self) -> None:
        super().on_train_start()
        if self._resume_state is not None:
            self._resume(self._resume_state)
            self._resume_state = None
            self.start_clock()

    def _resume(self, checkpoint: dict[str, Any]) -> None:
        self._interval.load_state_dict(checkpoint["tally"])
        self._epoch.load_state_dict(checkpoint["epoch_tally"])
        for name, gradient in checkpoint["gradients"].items():
            parameter = self.get_parameter(name)
            parameter.grad = as_sharded(gradient, parameter)
            self._steps.accumulating = True
        states = checkpoint["random"]  # of each rank; last of all, so that nothing draws in between
        set_random_state(states[min(self.global_rank, len(states) - 1)])
