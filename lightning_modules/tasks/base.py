"""What every task gives an architecture, and what it takes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from lightning_modules.layers.encoding import mean_valid

#: Whether an architecture decodes a sequence step by step, or a task lets it.
Autoregressive = Literal["never", "possible", "always"]


class Task(nn.Module):
    """How a batch enters a network, how an answer is read off its output, the loss, the metrics, the pictures.

    A task is made from a data spec and has no layers until an architecture calls `build`, so a copy of an
    unbuilt task serves another architecture.

    Args:
        spec: what the data module says of its data (vocabulary, classes, scalers ...).
    """

    batch_type: ClassVar[type]  # which batches it understands
    input_kinds: ClassVar[frozenset[str]]  # in which forms an architecture can read them: steps, tokens, window, image
    monitor: ClassVar[str]  # the metric that chooses the best checkpoint, without its split
    mode: ClassVar[Literal["min", "max"]]  # "min" or "max"
    spec_classes: ClassVar[tuple[type, ...]] = ()  # specs of data that it can be made from
    #: Module for scripts/predict.py, with `add_options(parser)` and `answer(module, options)`; None: it cannot predict.
    predictor: ClassVar[str | None] = None
    exporter: ClassVar[str | None] = None  # module of scripts/export.py; None where its runs cannot be exported
    causal: ClassVar[bool] = False  # whether a state may depend on nothing that comes after its step
    autoregressive: ClassVar[Autoregressive] = "never"  # whether its output is decoded step by step

    def __init__(self, spec: Any) -> None:
        super().__init__()
        self.spec = spec

    @property
    def input_size(self) -> int:
        """Features D of a step that `embed` gives."""
        raise NotImplementedError

    def build(self, input_kind: str, encoding_size: int) -> None:
        """Make the layers before and after an architecture whose encoder takes `input_kind` and returns `encoding_size`
        features.
        """
        raise NotImplementedError

    @property
    def decoder_input_size(self) -> int:
        """Features E of a step of the decoder's input."""
        raise NotImplementedError

    def build_decoder(self, input_kind: str, encoding_size: int) -> None:
        """Make the layers for an architecture with a decoder, whose states have `encoding_size` features."""
        raise NotImplementedError

    def decode(self, decoder: Any, encoding: Any, batch: Any) -> Any:
        """The output of a network with a decoder (`init_decoder_state`, `decode_step`); teacher forcing in training."""
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

    def predict(self, forward_once: Callable[[Any], Any], batch: Any) -> Any:
        """The output for a batch, where `forward_once` passes a batch through the network."""
        return forward_once(batch)

    def pool(self, encoding: Any) -> Tensor:
        """(B, H) one vector for each sequence: what `head` reads, where it reads one."""
        raise NotImplementedError

    def embedding_of(self, encoding: Any) -> Tensor:
        """(B, H) one vector for each sequence, for other programs: that of `pool`, or else the mean state."""
        return mean_valid(encoding.states, encoding.lengths)

    def average(self, outputs: list[Any]) -> Any:
        """The output that several networks agree on."""
        raise NotImplementedError

    def head_layer(self) -> nn.Linear | None:
        """The output layer, where each of its rows is a symbol of the spec's vocabulary; else None."""
        return None

    def remove_head(self) -> None:
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

    def data_figures(self, trainer: Any) -> dict[str, Callable[[], Any]]:
        """Pictures of what the network is trained on, not yet drawn, for `trainer.datamodule`."""
        return {}

    def figures(self, module: Any) -> dict[str, Callable[[], Any]]:
        """Pictures of what a network answers by itself, not yet drawn."""
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
        """Fresh counters with `update(output, batch)`, `compute() -> {name: number}`, `tables()` and `figures()`."""
        raise NotImplementedError

    def columns(self, output: Any, batch: Any) -> dict[str, Any]:
        """Per-example columns of `predictions.parquet`: target, prediction, score (higher is better) and others."""
        raise NotImplementedError
