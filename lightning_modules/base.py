"""The LightningModule that every architecture of this project is.

An architecture's file defines one subclass: what it builds, and `encode`.  The task beside it turns batches into
features and states into answers; training (blocks of steps, optimiser, logging) is inherited.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from torch import Tensor, nn

import lightning_modules
from lightning_modules.encoding import Encoding
from lightning_modules.tasks.base import Task

if lightning_modules.ANSWERS_ONLY and not TYPE_CHECKING:
    Training = nn.Module
else:
    from lightning_modules.training import Training


class SequenceModule(Training):
    """A network over sequences, with the task that it is trained for.

    Args:
        task: what is asked of the sequences; it builds its input and output layers here.
        encoding_size: features H of the states that `encode` returns.
    """

    #: What `encode` takes from the task: features of steps, token ids, a window as one vector or images; `batch` where
    #: the architecture has a way of its own.
    reads: ClassVar[Literal["steps", "tokens", "window", "image", "batch"]] = "steps"
    asks: ClassVar[type[Task]] = Task  #: the only task that it can be trained for

    def __init__(self, task: Task, encoding_size: int) -> None:
        super().__init__()
        task.build(self.reads, encoding_size)
        self.task = task
        self.encoding_size = encoding_size

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        """Features of each step -> states.

        Args:
            x: (B, T, D) features, or what `reads` says.
            lengths: (B,) valid steps of each example; what comes after them must not change an answer.
                None where every step is valid.
        """
        raise NotImplementedError

    def forward(self, batch: Any) -> Any:
        """The task's output for a batch (class scores, forecasts, log-probabilities of characters ...)."""
        return self.task.answer(self.once, batch)

    def once(self, batch: Any) -> Any:
        """The same from a single pass through the network; a task may need several to answer."""
        return self.task.head(self.encoded(batch), batch)

    def encoded(self, batch: Any) -> Encoding:
        """The states of a batch."""
        return self.encode(self.task.embed(batch), self.task.lengths(batch))

    def steps(self, lengths: Tensor) -> Tensor:
        """(B,) valid steps of the states, for `lengths` (B,) of the input; for architectures that shorten it."""
        return lengths

    def loss(self, batch: Any) -> Tensor:
        """The task's loss, a scalar.  An architecture whose parts learn apart has its own."""
        return self.task.loss(self(batch), batch)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups of parameters for the optimiser; `lr_scale` multiplies the learning rate of its group."""
        return [{"params": list(self.parameters())}]

    def clipped_apart(self) -> Iterator[list[nn.Parameter]]:
        """Sets of parameters whose gradients are clipped each by their own norm."""
        yield list(self.parameters())
