"""The LightningModule that every architecture of this project is.

An architecture's file defines one subclass: what it builds, and `encode`.  The task beside it turns batches into
features and states into answers; training (steps, optimiser, logging) is inherited.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from torch import Tensor, nn

import lightning_modules
from datamodules.errors import BadInput, option_name
from lightning_modules.layers.encoding import Encoding
from lightning_modules.tasks.base import Autoregressive, Task

if lightning_modules.ANSWERS_ONLY and not TYPE_CHECKING:
    TrainingModule = nn.Module
else:
    from lightning_modules.training.module import TrainingModule


class SequenceModule(TrainingModule):
    """A network over sequences, with the task that it is trained for.

    Args:
        task: what is asked of the sequences; it builds its input and output layers here.
        encoding_size: features H of the states that are answered from: those of `encode`, or of `decode_step`.
        has_decoder: whether it decodes a sequence, step by step, after it has encoded one.
    """

    #: What `encode` takes from the task: features of steps, token ids, a window as one vector or images; `batch` where
    #: the architecture has a way of its own.
    input_kind: ClassVar[Literal["steps", "tokens", "window", "image", "batch"]] = "steps"
    task_class: ClassVar[type[Task]] = Task  #: the only task that it can be trained for
    autoregressive: ClassVar[Autoregressive] = "never"  #: whether it decodes a sequence after it has encoded one
    can_be_causal: ClassVar[bool] = False  #: whether a state can be made to depend on earlier steps alone

    def __init__(self, task: Task, encoding_size: int, has_decoder: bool = False) -> None:
        super().__init__()
        unfit = incompatibility(type(self), type(task), has_decoder)
        if unfit:
            raise BadInput(unfit)
        (task.build_decoder if has_decoder else task.build)(self.input_kind, encoding_size)
        self.task = task
        self.encoding_size = encoding_size
        self.has_decoder = has_decoder

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        """Features of each step -> states.

        Args:
            x: (B, T, D) features, or what `input_kind` says.
            lengths: (B,) valid steps of each example; what comes after them must not change an answer.
                None where every step is valid.
        """
        raise NotImplementedError

    def init_decoder_state(self, encoding: Encoding) -> Any:
        """What writing starts from: tensors with an example a row, in tuples and lists."""
        raise NotImplementedError

    def decode_step(self, steps: Tensor, state: Any) -> tuple[Tensor, Any, Tensor | None]:
        """Read what was written last, a step or several at once, and say what to write next.

        Args:
            steps: (B, U, E) features of what was written.
            state: of `init_decoder_state` or of the call before.

        Returns:
            (B, U, H) states, the state to go on from, and (B, U, T) how much of each step that was read counted, in
            float32, where the architecture weighs them.
        """
        raise NotImplementedError

    def forward(self, batch: Any) -> Any:
        """The task's output for a batch (class scores, forecasts, log-probabilities of characters ...)."""
        return self.task.predict(self.forward_once, batch)

    def forward_once(self, batch: Any) -> Any:
        """The same from a single pass through the network; a task may need several to answer."""
        encoding = self.encode_batch(batch)
        return self.task.decode(self, encoding, batch) if self.has_decoder else self.task.head(encoding, batch)

    def encode_batch(self, batch: Any) -> Encoding:
        """The states of a batch."""
        return self.encode(self.task.embed(batch), self.task.lengths(batch))

    def embeddings(self, batch: Any) -> Tensor:
        """(B, H) float32: one vector for each example of a batch (`Task.embedding_of`).

        Raises:
            BadInput: the architecture has no states.
        """
        if self.input_kind == "batch" or type(self).encode is SequenceModule.encode:
            raise BadInput(f"module={option_name(type(self))} has no states that an embedding could be made of")
        return self.task.embedding_of(self.encode_batch(batch)).float()

    def steps(self, lengths: Tensor) -> Tensor:
        """(B,) valid steps of the states, for `lengths` (B,) of the input; for architectures that shorten it."""
        return lengths

    def loss(self, batch: Any) -> Tensor:
        """The task's loss, a scalar.  An architecture whose parts learn apart has its own."""
        return self.task.loss(self(batch), batch)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups of parameters for the optimiser; `lr_scale` multiplies the learning rate of its group."""
        return [{"params": list(self.parameters())}]

    def fsdp_units(self) -> Iterator[nn.Module]:
        """Parts, each called as a module, whose weights are gathered from other processes only for their turn."""
        yield from ()

    def clip_groups(self) -> Iterator[list[nn.Parameter]]:
        """Sets of parameters whose gradients are clipped each by their own norm."""
        yield list(self.parameters())


def incompatibility(module: type[SequenceModule], task: type[Task], has_decoder: bool | None = None) -> str | None:
    """Why an architecture and a task make no sense together, or None.

    Args:
        has_decoder: whether the module decodes, where that is decided.
    """
    name, asked = option_name(module), option_name(task)
    if module.input_kind not in (*task.input_kinds, "batch"):
        return f"module={name} reads {module.input_kind}; task={asked} offers {', '.join(sorted(task.input_kinds))}"
    if not issubclass(task, module.task_class):
        return f"module={name} is for task={option_name(module.task_class)}, not task={asked}"
    if task.causal and not module.can_be_causal:
        return (
            f"module={name} reads a sequence as a whole; task={asked} needs one that reads forwards, such as rnn, lstm,"
            " gru or transformer"
        )
    if task.autoregressive == "never" and (has_decoder or module.autoregressive == "always"):
        return f"module={name} decodes a sequence of its own; task={asked} asks for none"
    if task.autoregressive == "always" and (has_decoder is False or module.autoregressive == "never"):
        return f"module={name} does not write; task={asked} needs one that does, such as seq2seq or transformer"
    return None
