"""SequenceModule: the LightningModule that every architecture of this project subclasses.

An architecture's file defines one subclass with its layers and `encode`.  Its task (`self.task`) embeds batches and
maps encoder states to the output; the training step, the optimiser and logging (`TrainingModule`) and checkpoints are
inherited.

    batch -> task.embed -> features (B, T, D) -> encode -> states (B, T, H) -> task.head -> output -> task.loss
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from torch import Tensor, nn

import lightning_modules
from datamodules.errors import BadInput, option_name
from lightning_modules.layers import init_arguments
from lightning_modules.layers.encoding import Encoding
from lightning_modules.tasks.base import Autoregressive, Task

if lightning_modules.INFERENCE_ONLY and not TYPE_CHECKING:
    CheckpointedModule = nn.Module
else:
    from lightning_modules.training.checkpointed_module import CheckpointedModule


class SequenceModule(CheckpointedModule):
    """Base class of the architectures: a network over sequences and the task that it is trained for.

    Args:
        task: not yet built; its input and output layers are built here.
        encoding_size: features H of the states that the task's head reads: those of `encode`, or of `decode_step`
            where there is a decoder.
        has_decoder: whether the network decodes autoregressively (sequence to sequence).

    Raises:
        BadInput: architecture and task are incompatible.
    """

    #: The input of `encode`: `steps` (B, T, D) features, `tokens` (B, T) ids, `window` (B, W) a window as one vector,
    #: `image` (B, 1, height, W); `batch` where the architecture overrides `encode_batch` or `forward`.
    input_kind: ClassVar[Literal["steps", "tokens", "window", "image", "batch"]] = "steps"
    task_class: ClassVar[type[Task]] = Task  #: tasks that it can be trained for: this class and its subclasses
    autoregressive: ClassVar[Autoregressive] = "never"  #: whether it has a decoder
    can_be_causal: ClassVar[bool] = False  #: whether it can compute states that depend on no later step

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        init_arguments.remember_in(cls)

    def __init__(self, task: Task, encoding_size: int, has_decoder: bool = False) -> None:
        super().__init__()
        problem = incompatibility(type(self), type(task), has_decoder)
        if problem:
            raise BadInput(problem)
        (task.build_decoder if has_decoder else task.build)(self.input_kind, encoding_size)
        self.task = task
        self.encoding_size = encoding_size
        self.has_decoder = has_decoder

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        """Encoder states of a batch.

        Args:
            x: (B, T, D) features, or the input that `input_kind` names.
            lengths: (B,) valid steps of each example; steps beyond them are padding and must not change the output.
                None where every step is valid.

        Returns:
            states (B, T, H); with their lengths where the architecture shortens the sequence, and with a summary
            (B, H) where it has one.
        """
        raise NotImplementedError

    def init_decoder_state(self, encoding: Encoding) -> Any:
        """The decoder's state before its first step: tensors with batch dimension first, in tuples and lists."""
        raise NotImplementedError

    def decode_step(self, steps: Tensor, state: Any) -> tuple[Tensor, Any, Tensor | None]:
        """Decode one or more steps: advance the state by the embedded previous tokens, return decoder states.

        Args:
            steps: (B, U, E) embedded previous tokens (forecasting: values).
            state: of `init_decoder_state` or of the previous call.

        Returns:
            decoder states (B, U, H), the new state, and attention weights (B, U, T) over the encoder's steps, float32,
            or None.
        """
        raise NotImplementedError

    def forward(self, batch: Any) -> Any:
        """The task's output for a batch (class scores, forecasts, log-probabilities of characters ...)."""
        return self.task.predict(self.forward_once, batch)

    def forward_once(self, batch: Any) -> Any:
        """One forward pass.  `forward` may call this several times (recursive forecasting)."""
        encoding = self.encode_batch(batch)
        return self.task.decode(self, encoding, batch) if self.has_decoder else self.task.head(encoding, batch)

    def encode_batch(self, batch: Any) -> Encoding:
        """Encoder states of a batch, embedded by the task."""
        encoding = self.encode(self.task.embed(batch), self.task.lengths(batch))
        host_lengths = self.task.host_lengths(batch)
        if host_lengths is not None:
            encoding.host_lengths = self.steps(host_lengths)
        return encoding

    def embeddings(self, batch: Any) -> Tensor:
        """(B, H) float32: one vector for each example of a batch (`Task.embedding_of`).

        Raises:
            BadInput: the architecture has no states.
        """
        if self.input_kind == "batch" or type(self).encode is SequenceModule.encode:
            raise BadInput(f"module={option_name(type(self))} has no states that an embedding could be made of")
        return self.task.embedding_of(self.encode_batch(batch)).float()

    def steps(self, lengths: Tensor) -> Tensor:
        """(B,) lengths of the states for `lengths` (B,) of the input; overridden by architectures that shorten it."""
        return lengths

    def loss(self, batch: Any) -> Tensor:
        """The task's loss of a batch, a scalar; overridden where members are trained separately (ensemble)."""
        return self.task.loss(self(batch), batch)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Parameter groups for the optimiser; `lr_scale` multiplies the learning rate of its group."""
        return [{"params": list(self.parameters())}]

    def fsdp_units(self) -> Iterator[nn.Module]:
        """Submodules that FSDP shards as units; each must be called as a module."""
        yield from ()

    def clip_groups(self) -> Iterator[list[nn.Parameter]]:
        """Groups of parameters whose gradients are clipped by the norm of the group."""
        yield list(self.parameters())


def incompatibility(module: type[SequenceModule], task: type[Task], has_decoder: bool | None = None) -> str | None:
    """Why an architecture cannot be trained for a task, as an error message; None where it can.

    Args:
        module: the architecture.
        task: the task.
        has_decoder: whether the module has a decoder; None: not yet decided.
    """
    name, task_name = option_name(module), option_name(task)
    if module.input_kind not in (*task.input_kinds, "batch"):
        accepted = ", ".join(sorted(task.input_kinds))
        return f"module={name} takes {module.input_kind} as input; task={task_name} gives {accepted}"
    if not issubclass(task, module.task_class):
        return f"module={name} is for task={option_name(module.task_class)}, not task={task_name}"
    if task.causal and not module.can_be_causal:
        return (
            f"module={name} is not causal; task={task_name} needs a network whose states depend on no later step, such"
            " as rnn, lstm, gru or transformer"
        )
    if task.autoregressive == "never" and (has_decoder or module.autoregressive == "always"):
        return f"module={name} decodes a sequence; task={task_name} has no sequence as output"
    if task.autoregressive == "always" and (has_decoder is False or module.autoregressive == "never"):
        return f"module={name} has no decoder; task={task_name} needs one, such as seq2seq or transformer"
    return None
