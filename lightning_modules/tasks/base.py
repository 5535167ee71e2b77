"""What every task gives an architecture, and what it takes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

#: Whether a network writes a sequence of its own, or a task lets it.
Writing = Literal["never", "possible", "always"]


class Task(nn.Module):
    """How a batch enters a network, how an answer is read off its output, the loss, the metrics, the pictures.

    A task is made from a data description and has no layers until an architecture calls `build`, so a copy of an
    unbuilt task serves another architecture.

    Args:
        description: what the data module says of its data (vocabulary, classes, scalers ...).
    """

    batch_type: ClassVar[type]  # which batches it understands
    offers: ClassVar[frozenset[str]]  # in which forms an architecture can read them: steps, tokens, window, image
    monitor: ClassVar[str]  # the metric that chooses the best checkpoint, without its split
    mode: ClassVar[Literal["min", "max"]]  # "min" or "max"
    causal: ClassVar[bool] = False  # whether a state may depend on nothing that comes after its step
    writing: ClassVar[Writing] = "never"  # whether its answers are written step by step

    def __init__(self, description: Any) -> None:
        super().__init__()
        self.description = description

    @property
    def input_size(self) -> int:
        """Features D of a step that `embed` gives."""
        raise NotImplementedError

    def build(self, reads: str, encoding_size: int) -> None:
        """Make the layers before and after an architecture that reads `reads` and returns `encoding_size` features."""
        raise NotImplementedError

    @property
    def written_size(self) -> int:
        """Features E of a step that was written, as a network that writes reads it again."""
        raise NotImplementedError

    def build_writing(self, reads: str, encoding_size: int) -> None:
        """The same for an architecture that writes, and whose states of that have `encoding_size` features."""
        raise NotImplementedError

    def written(self, writer: Any, encoding: Any, batch: Any) -> Any:
        """The output that a network writes (`begin`, `write`), taught with the truth while it learns."""
        raise NotImplementedError

    def embed(self, batch: Any) -> Tensor:
        """(B, T, D) features of a batch, or the form that `build` was told."""
        raise NotImplementedError

    def lengths(self, batch: Any) -> Tensor | None:
        """(B,) valid steps of what `embed` gives; None where all are."""
        return batch.lengths

    def head(self, encoding: Any, batch: Any) -> Any:
        """The output for an `Encoding` of a batch."""
        raise NotImplementedError

    def answer(self, once: Callable[[Any], Any], batch: Any) -> Any:
        """The output for a batch, where `once` passes a batch through the network."""
        return once(batch)

    def pool(self, encoding: Any) -> Tensor:
        """(B, H) one vector for each sequence: what `head` reads, where it reads one."""
        raise NotImplementedError

    def average(self, outputs: list[Any]) -> Any:
        """The output that several networks agree on."""
        raise NotImplementedError

    def head_layer(self) -> nn.Linear | None:
        """The output layer, where each of its rows is a symbol of the description's vocabulary; else None."""
        return None

    def drop_output(self) -> None:
        """Forget the output layer: another network's stands in for it."""
        raise NotImplementedError

    def loss(self, output: Any, batch: Any) -> Tensor:
        """Mean loss of a batch, a scalar in float32."""
        raise NotImplementedError

    def loss_weight(self, batch: Any) -> float | Tensor:
        """What the loss of a batch is a mean over: its share in that of several batches."""
        return len(batch)

    def remarks(self, module: Any, datamodule: Any) -> list[str]:
        """What a person should know before this module is trained on this data, a line each."""
        return []

    def data_pictures(self, trainer: Any) -> dict[str, Callable[[], Any]]:
        """Pictures of what the network is trained on, not yet drawn, for `trainer.datamodule`."""
        return {}

    def pictures(self, module: Any) -> dict[str, Callable[[], Any]]:
        """Pictures of what a network answers by itself, not yet drawn."""
        return {}

    def metrics(self) -> nn.Module:
        """Fresh counters with `update(output, batch)`, `compute() -> {name: number}`, `tables()` and `figures()`."""
        raise NotImplementedError

    def columns(self, output: Any, batch: Any) -> dict[str, Any]:
        """Per-example columns of `predictions.parquet`: target, answer and score (higher is better), among others."""
        raise NotImplementedError
