"""Task: the input and output layers, loss, metrics and figures around an architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from lightning_modules.layers import init_arguments
from lightning_modules.layers.encoding import mean_valid

#: Whether an architecture has a decoder, or a task's output is decoded step by step: never, possibly or always.
Autoregressive = Literal["never", "possible", "always"]


class Task(nn.Module):
    """Base class of the tasks: embedding of a batch, output head, loss, metrics and figures.

    A task is made from a data spec and has no layers until an architecture calls `build` or `build_decoder`, so a copy
    of an unbuilt task serves another architecture.

    Args:
        spec: the data spec of the data module (vocabulary, classes, scalers ...).
    """

    batch_type: ClassVar[type]  # the class of batches that it embeds
    input_kinds: ClassVar[frozenset[str]]  # inputs that it can give an encoder: steps, tokens, window, image
    monitor: ClassVar[str]  # the validation metric that chooses the best checkpoint, without its split
    mode: ClassVar[Literal["min", "max"]]  # whether a lower or a higher `monitor` is better
    spec_classes: ClassVar[tuple[type, ...]] = ()  # classes of data specs that it can be made from
    #: Module of scripts/predict.py, with `add_options(parser)` and `predict(module, options)`; None: it cannot predict.
    predictor: ClassVar[str | None] = None
    exporter: ClassVar[str | None] = None  # module of scripts/export.py; None: its runs cannot be exported
    causal: ClassVar[bool] = False  # whether a state may not depend on later steps
    bidirectional: ClassVar[bool] = False  # whether recurrent networks read its sequences both ways unless told
    autoregressive: ClassVar[Autoregressive] = "never"  # whether its output is decoded step by step

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        init_arguments.remember_in(cls)

    def __init__(self, spec: Any) -> None:
        super().__init__()
        self.spec = spec

    @property
    def input_size(self) -> int:
        """Features D of a step of `embed`."""
        raise NotImplementedError

    def build(self, input_kind: str, encoding_size: int) -> None:
        """Make the input and output layers for an encoder.

        Args:
            input_kind: the encoder's input, one of `input_kinds`.
            encoding_size: features H of its states.
        """
        raise NotImplementedError

    @property
    def decoder_input_size(self) -> int:
        """Features E of a step of the decoder's input."""
        raise NotImplementedError

    def build_decoder(self, input_kind: str, encoding_size: int) -> None:
        """`build` for an architecture with a decoder; `encoding_size` is that of the decoder's states."""
        raise NotImplementedError

    def decode(self, decoder: Any, encoding: Any, batch: Any) -> Any:
        """The output of a network with a decoder: teacher forcing in training, autoregressive in evaluation.

        Args:
            decoder: with `init_decoder_state` and `decode_step` of `SequenceModule`.
            encoding: of the encoder.
            batch: with targets in training.
        """
        raise NotImplementedError

    def embed(self, batch: Any) -> Tensor:
        """The encoder's input: (B, T, D) features, or the form of the `input_kind` that `build` was given."""
        raise NotImplementedError

    def lengths(self, batch: Any) -> Tensor | None:
        """(B,) valid steps of `embed`; None where all are."""
        return batch.lengths

    def host_lengths(self, batch: Any) -> Tensor | None:
        """`lengths` on the CPU, for a task that needs them there and a batch whose lengths are known there."""
        return None

    def head(self, encoding: Any, batch: Any) -> Any:
        """The output from an `Encoding` of a batch."""
        raise NotImplementedError

    def predict(self, forward_once: Callable[[Any], Any], batch: Any) -> Any:
        """The output for a batch; `forward_once(batch)` is one forward pass of the network."""
        return forward_once(batch)

    def pool(self, encoding: Any) -> Tensor:
        """(B, H) one vector a sequence, for tasks whose head has one."""
        raise NotImplementedError

    def embedding_of(self, encoding: Any) -> Tensor:
        """(B, H) one vector for each sequence, for other programs: that of `pool`, or else the mean state."""
        return mean_valid(encoding.states, encoding.lengths)

    def average(self, outputs: list[Any]) -> Any:
        """The mean of the outputs of several networks (ensembles)."""
        raise NotImplementedError

    def head_layer(self) -> nn.Linear | None:
        """The output layer where each of its rows belongs to a symbol of the spec's vocabulary, else None."""
        return None

    def remove_head(self) -> None:
        """Remove the output layer, of ensemble members whose encodings are joined."""
        raise NotImplementedError

    def loss(self, output: Any, batch: Any) -> Tensor:
        """Mean loss of a batch, a scalar in float32."""
        raise NotImplementedError

    def example_weights(self, examples: Any) -> Tensor | None:
        """What each example counts in the mean that `loss` is, (N,); None where all count alike.

        Args:
            examples: a batch, or the source that batches are gathered from, which has the same attributes.
        """
        return None

    def loss_weight(self, batch: Any) -> float | Tensor:
        """The number of terms that the loss of a batch is a mean over; its weight in the mean over batches."""
        weights = self.example_weights(batch)
        return len(batch) if weights is None else weights.sum()

    def on_data_ready(self, module: Any, datamodule: Any) -> None:
        """Called once before training, with the data read; what the task stores of the training data is fitted here."""

    def warnings(self, module: Any, datamodule: Any) -> list[str]:
        """Messages about this module on these data, logged before training; without a side effect."""
        return []

    def data_figures(self, trainer: Any) -> dict[str, Callable[[], Any]]:
        """Name -> function that draws a figure of the training data of `trainer.datamodule`."""
        return {}

    def figures(self, module: Any) -> dict[str, Callable[[], Any]]:
        """Name -> function that draws a figure of what a network generates without input."""
        return {}

    def on_fit_validation_start(self) -> None:
        """Called before a validation of `fit`; what is observed in its batches can become weights of the task."""

    def on_fit_validation_end(self) -> None:
        """Called after a validation of `fit`, before a checkpoint is written."""

    @classmethod
    def metrics_class(cls) -> type[nn.Module]:
        """The class of `metrics()`; its `INFO` (name -> `MetricInfo`) declares each of them."""
        raise NotImplementedError

    def metrics(self) -> nn.Module:
        """A new metrics object: `update(output, batch)`, `compute() -> {name: number}`, `tables()` and `figures()`."""
        raise NotImplementedError

    def columns(self, output: Any, batch: Any) -> dict[str, Any]:
        """Per-example columns of `predictions.parquet`: target, prediction, score (higher is better) and others."""
        raise NotImplementedError
