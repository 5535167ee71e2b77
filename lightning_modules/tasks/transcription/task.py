"""Text recognition of line images: CTC (Graves et al. 2006), or an autoregressive decoder."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn
from torch.nn import functional

from datamodules.batching.batches import LineBatch
from datamodules.errors import BadInput
from datamodules.line_images.codec import repeats, text_of
from datamodules.line_images.spec import LineImageSpec
from lightning_modules.layers.encoding import Encoding
from lightning_modules.layers.line_features import Columns, LineFeatures, small_convolutions
from lightning_modules.layers.symbols import Symbols, num_targets
from lightning_modules.tasks.autoregressive import Seq2SeqOutput, generate
from lightning_modules.tasks.base import Task
from lightning_modules.tasks.beam_search import GenerationConfig
from lightning_modules.tasks.edit_distance import Fold, edit_columns
from lightning_modules.tasks.transcription.alignment import CharacterSpan, align
from lightning_modules.tasks.transcription.decoding import Decoding
from lightning_modules.tasks.transcription.output import Steps

NAMED = 8  # lines named on the terminal
BLANK_PHASE = (
    "every line is read as empty: a network that learns by CTC predicts nothing but blanks at first, usually for 100 to"
    " 1,000 optimiser steps; with few lines give it more epochs, or init_from=starter, which is beyond that"
)
log = logging.getLogger(__name__)


class Transcription(Task):
    """The characters of each line, without their places; the output is `Steps`.  Id 0 is the blank.

    Of an architecture that decodes it is `Seq2SeqOutput`, learned by cross-entropy.

    Args:
        spec: the characters of the data and the height of its images.
        features: of a step, for architectures that read steps: `convolutions` (a small stack, a step for 4 pixels of
            width) or `columns` (the pixels of `columns_per_step` columns).
        feature_size: channels of the last of those convolutions.
        columns_per_step: see `features`.
        output_dropout: of the states.
        fold: what the metrics do not tell apart: `none`, `case`, or `alphanumeric` (case, and all but letters and
            digits), as scene-text benchmarks count.
        decoding: how a text is read off the steps.
    """

    batch_type = LineBatch
    input_kinds = frozenset({"steps", "image"})
    spec_classes = (LineImageSpec,)
    predictor = "scripts.predict.transcription"
    exporter = "scripts.export.transcription"
    autoregressive = "possible"
    monitor = "cer"
    mode = "min"
    symbols: Symbols | None  # of an architecture that decodes

    def __init__(
        self,
        spec: LineImageSpec,
        features: Literal["convolutions", "columns"] = "convolutions",
        feature_size: Annotated[int, Gt(0)] = 64,
        columns_per_step: Annotated[int, Gt(0)] = 2,
        output_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        fold: Fold = "none",
        decoding: Decoding | None = None,
    ) -> None:
        super().__init__(spec)
        self.codec = spec.codec
        self.vocabulary = spec.codec.vocabulary
        self.columns_per_step = columns_per_step if features == "columns" else None
        self.feature_size = feature_size
        self.output_dropout = output_dropout
        self.fold: Fold = fold
        self.decoding = decoding or Decoding()
        self._blanks_warned = False

    @property
    def input_size(self) -> int:
        return self._build_features().output_size

    def _build_features(self) -> LineFeatures:
        height = self.spec.height
        if self.columns_per_step is not None:
            return Columns(self.columns_per_step, height)
        return small_convolutions(self.feature_size, height)

    @property
    def decoder_input_size(self) -> int:
        return self.feature_size

    def build_decoder(self, input_kind: str, encoding_size: int) -> None:
        if self.decoding.language_model is not None:
            raise BadInput("decoding.language_model: this architecture decodes by itself; null is accepted")
        self.features = self._build_features() if input_kind == "steps" else None
        sizes = len(self.vocabulary), self.feature_size, encoding_size
        self.symbols = Symbols(*sizes, output_dropout=self.output_dropout)

    def decode(self, decoder: Any, encoding: Encoding, batch: LineBatch) -> Seq2SeqOutput:
        truth = None
        if batch.targets is not None and batch.target_lengths is not None:
            truth = batch.targets, batch.target_lengths
        method = GenerationConfig("greedy" if self.decoding.method == "best_path" else "beam_search")
        method.beam_width = self.decoding.beam_width
        assert self.symbols is not None
        # a character has a step at least
        longest = encoding.states.shape[1] if encoding.lengths is None else encoding.lengths
        reserved = len(self.vocabulary.reserved)
        return generate(decoder, encoding, self.symbols, truth, method, longest, reserved)

    def build(self, input_kind: str, encoding_size: int) -> None:
        self.symbols = None
        self.features = self._build_features() if input_kind == "steps" else None
        layers = [nn.Dropout(self.output_dropout), nn.Linear(encoding_size, len(self.vocabulary))]
        self.output = nn.Sequential(*layers)

    def embed(self, batch: LineBatch) -> Tensor:
        """(B, T, D), or the images (B, 1, height, W) where those are read."""
        return batch.images if self.features is None else self.features(batch.images, batch.lengths)

    def lengths(self, batch: LineBatch) -> Tensor:
        return batch.lengths if self.features is None else self.features.steps(batch.lengths)

    def host_lengths(self, batch: LineBatch) -> Tensor | None:
        if batch.host_lengths is None or self.features is None:
            return batch.host_lengths
        return self.features.steps(batch.host_lengths)

    def head(self, encoding: Encoding, batch: LineBatch) -> Steps:
        scores = self.output(encoding.states).transpose(0, 1)  # (T, B, C)
        lengths = encoding.lengths
        if lengths is None:
            lengths = torch.full((scores.shape[1],), scores.shape[0], device=scores.device)
        log_probs = scores.float().log_softmax(dim=2, dtype=torch.float32)
        return Steps(log_probs, lengths, host_lengths=encoding.host_lengths)

    def pool(self, encoding: Encoding) -> Tensor:
        raise BadInput("module.combine=join: task=transcription reads every step, not one vector; average is accepted")

    def average(self, outputs: list[Steps]) -> Steps:
        log_probs = torch.stack([output.log_probs for output in outputs]).logsumexp(dim=0)
        first = outputs[0]
        return Steps(log_probs - math.log(len(outputs)), first.lengths, host_lengths=first.host_lengths)

    def head_layer(self) -> nn.Linear | None:
        if self.symbols is not None:  # its rows are not those of the vocabulary alone
            return None
        last = self.output[-1] if len(self.output) else None
        assert last is None or isinstance(last, nn.Linear)
        return last

    def remove_head(self) -> None:
        self.output = nn.Sequential()

    def loss(self, output: Steps | Seq2SeqOutput, batch: LineBatch) -> Tensor:
        """Mean over lines of the loss for each character; a line with too few steps for its text counts as 0.

        Of what is written, the mean over all characters and ends.
        """
        if isinstance(output, Seq2SeqOutput):
            return output.loss()
        return (-self.log_likelihood(output, batch) / batch.target_lengths.clamp(min=1)).mean()

    def example_weights(self, examples: LineBatch) -> Tensor | None:
        return None if self.symbols is None else num_targets(examples.target_lengths)

    def log_likelihood(self, output: Steps, batch: LineBatch) -> Tensor:
        """(B,) log-probability of each text, summed over all paths; 0, without a gradient, where there is none."""
        assert batch.targets is not None and batch.target_lengths is not None
        lengths, target_lengths = output.lengths, batch.target_lengths
        if output.host_lengths is not None and batch.host_target_lengths is not None:  # torch takes them to the CPU
            lengths, target_lengths = output.host_lengths, batch.host_target_lengths
        with torch.autocast(output.log_probs.device.type, enabled=False):
            return -functional.ctc_loss(
                output.log_probs,
                batch.targets if batch.display_targets is None else batch.display_targets,
                lengths,
                target_lengths,
                reduction="none",
                zero_infinity=True,
            )

    def read(self, output: Steps | Seq2SeqOutput) -> list[str]:
        """The text of each line in reading order, without space at its ends, as truths are.

        CTC finds the display order, left to right; an autoregressive decoder writes the reading order as it is.
        """
        if isinstance(output, Seq2SeqOutput):
            return [self.codec.decode(ids).strip() for ids in output.ids]
        if output.texts is None:
            found = self.decoding(output.log_probs, output.lengths, self.vocabulary, self.spec.display)
            output.texts = [self.spec.reading(self.codec.decode(ids).strip()) for ids in found]
        return output.texts

    def read_with_confidence(self, output: Steps | Seq2SeqOutput) -> list[tuple[str, float]]:
        """Each text with the mean probability of its characters, P(text | image) ** (1 / characters)."""
        texts = self.read(output)
        if isinstance(output, Seq2SeqOutput):
            return [(text, math.exp(p / (len(ids) + 1))) for text, ids, p in zip(texts, output.ids, output.log_probs)]
        ids = [torch.from_numpy(self.codec.encode(self.spec.display(text))).long() for text in texts]
        lengths = torch.tensor([len(row) for row in ids])
        batch = LineBatch(output.log_probs, lengths, nn.utils.rnn.pad_sequence(ids, batch_first=True), lengths)
        mean = self.log_likelihood(output, batch).cpu() / lengths.clamp(min=1)
        return list(zip(texts, mean.exp().clamp(max=1.0).tolist()))

    @classmethod
    def metrics_class(cls) -> type[nn.Module]:
        from lightning_modules.tasks.transcription.metrics import (
            TranscriptionMetrics,  # torchmetrics is not needed to predict
        )

        return TranscriptionMetrics

    def warn_of_blanks(self) -> None:
        """Log once that every line was decoded as empty."""
        if not self._blanks_warned:
            self._blanks_warned = True
            log.warning(BLANK_PHASE)

    def read_characters(
        self, output: Steps | Seq2SeqOutput, places: bool = True
    ) -> list[tuple[str, float, Sequence[CharacterSpan | None] | None]]:
        """Text, confidence, and the place of each character in reading order; None of a decoder, which has no places.

        A character that is not on the network's list has none.  Without `places` there are None, in half the time.
        """
        found = self.read_with_confidence(output)
        if isinstance(output, Seq2SeqOutput) or not places:
            return [(text, confidence, None) for text, confidence in found]
        log_probs, lengths = output.log_probs.float().cpu().numpy(), output.lengths.tolist()
        lines: list[tuple[str, float, Sequence[CharacterSpan | None] | None]] = []
        for row, (text, confidence) in enumerate(found):
            ids = self.codec.encode(self.spec.display(text)).tolist()
            spans: list[CharacterSpan | None] = [None] * len(text)
            for index, span in zip(self.spec.display_indices(text), align(log_probs[: lengths[row], row], ids)):
                spans[index] = span
            lines.append((text, confidence, spans))
        return lines

    def metrics(self) -> nn.Module:
        return self.metrics_class()(self)

    def truth(self, batch: LineBatch) -> list[str]:
        """The true texts of a batch."""
        return [text_of(row[:n]) for row, n in zip(batch.codepoints.tolist(), batch.target_lengths.tolist())]

    def columns(self, output: Steps | Seq2SeqOutput, batch: LineBatch) -> dict[str, Any]:
        targets, predictions = self.truth(batch), self.read(output)
        counted = edit_columns(targets, predictions, self.fold)
        scores = [1 - count / max(1, len(target)) for count, target in zip(counted["edits"], targets)]
        return {"target": targets, "prediction": predictions, "score": scores, **counted}

    def data_figures(self, trainer: Any) -> dict[str, Callable[[], Any]]:
        from lightning_modules.tasks.transcription.figures import lines_figure

        def lines() -> Any:
            batch = trainer.datamodule.samples()
            inks = [image[0, :, :n].numpy() for image, n in zip(batch.images, batch.lengths.tolist())]
            return lines_figure([(ink, text, None) for ink, text in zip(inks, self.truth(batch))])

        return {"lines": lines}

    def on_data_ready(self, module: Any, datamodule: Any) -> None:
        """Record the infeasible lines in the data report: CTC needs a step for each character and each repeat."""
        if module.has_decoder:
            return
        everything = torch.arange(len(datamodule.source.widths))
        widths = datamodule.source.width_of(everything)
        steps = module.steps(widths if self.features is None else self.features.steps(widths)).tolist()
        texts = map(self.spec.display, datamodule.collection.texts)
        datamodule.report["infeasible"] = {
            id_: num_steps
            for id_, num_steps, text in zip(datamodule.collection.ids, steps, texts)
            if num_steps < len(text) + repeats(text)
        }

    def warnings(self, module: Any, datamodule: Any) -> list[str]:
        """The infeasible lines, whose loss is 0."""
        short = datamodule.report.get("infeasible", {})
        if not short:
            return []
        texts = dict(zip(datamodule.collection.ids, datamodule.collection.texts))
        names = [f"{id_} ({num_steps} steps, {len(texts[id_])} characters)" for id_, num_steps in short.items()]
        more = f" and {len(short) - NAMED:,} more (environment.json names all)" if len(short) > NAMED else ""
        return [
            f"data: {len(short):,} lines have too few steps for their text, so their loss is 0:"
            f" {', '.join(names[:NAMED])}{more}"
        ]
