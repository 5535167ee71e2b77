"""Sequence to sequence: translation, transliteration, pronunciation."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from datamodules.batching.batches import PairBatch
from datamodules.text.pairs import PairedTexts
from lightning_modules.layers.embedding import TokenDropout
from lightning_modules.layers.encoding import Encoding
from lightning_modules.layers.symbols import Symbols, num_targets
from lightning_modules.tasks.autoregressive import Seq2SeqOutput, generate
from lightning_modules.tasks.base import Task
from lightning_modules.tasks.beam_search import GenerationConfig
from lightning_modules.tasks.edit_distance import edit_columns, nearest

LONGER = 10  # symbols that a decoded text may have beyond the longest target of the training split


class Transduction(Task):
    """A target text decoded for each source text; the output is `Seq2SeqOutput`.

    Args:
        spec: the codecs of both sides.
        embedding_size: features of a symbol, of either side.
        token_dropout: share of the source's tokens that are replaced by the unknown one in training; see
            `TokenDropout`.
        input_dropout: of the features of each step, of either side.
        output_dropout: of the states.
        label_smoothing: share of each target that is spread over all symbols.
        decoding: how a text is read off.
    """

    batch_type = PairBatch
    input_kinds = frozenset({"steps"})
    spec_classes = (PairedTexts,)
    predictor = "scripts.predict.transduction"
    autoregressive = "always"
    monitor = "cer"
    mode = "min"

    def __init__(
        self,
        spec: PairedTexts,
        embedding_size: Annotated[int, Gt(0)] = 64,
        token_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        input_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        output_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0,
        decoding: GenerationConfig | None = None,
    ) -> None:
        super().__init__(spec)
        self.embedding_size = embedding_size
        self.token_dropout = TokenDropout(token_dropout, spec.source.vocabulary.unknown)
        self.input_dropout, self.output_dropout = input_dropout, output_dropout
        self.label_smoothing = label_smoothing
        self.decoding = decoding or GenerationConfig()

    @property
    def input_size(self) -> int:
        return self.embedding_size

    @property
    def decoder_input_size(self) -> int:
        return self.embedding_size

    def build_decoder(self, input_kind: str, encoding_size: int) -> None:
        table = nn.Embedding(len(self.spec.source.vocabulary), self.embedding_size, padding_idx=0)
        self.embedding = nn.Sequential(table, nn.Dropout(self.input_dropout))
        num_symbols = len(self.spec.target.vocabulary)
        self.symbols = Symbols(num_symbols, self.embedding_size, encoding_size, self.input_dropout, self.output_dropout)

    def embed(self, batch: PairBatch) -> Tensor:
        return self.embedding(self.token_dropout(batch.tokens))  # (B, T, D)

    def decode(self, decoder: Any, encoding: Encoding, batch: PairBatch) -> Seq2SeqOutput:
        truth = None
        if batch.targets is not None and batch.target_lengths is not None:
            truth = batch.targets, batch.target_lengths
        longest = self.spec.longest_target + LONGER
        reserved = len(self.spec.target.vocabulary.reserved)
        return generate(decoder, encoding, self.symbols, truth, self.decoding, longest, reserved)

    def loss(self, output: Seq2SeqOutput, batch: PairBatch) -> Tensor:
        return output.loss(self.label_smoothing)

    def example_weights(self, examples: PairBatch) -> Tensor:
        return num_targets(examples.target_lengths)

    def texts(self, output: Seq2SeqOutput) -> list[str]:
        """The decoded ids as texts."""
        return [self.spec.target.decode(ids) for ids in output.ids]

    @classmethod
    def metrics_class(cls) -> type[nn.Module]:
        from lightning_modules.tasks.transduction.metrics import (
            TransductionMetrics,  # torchmetrics is not needed to predict
        )

        return TransductionMetrics

    def metrics(self) -> nn.Module:
        return self.metrics_class()(self)

    def columns(self, output: Seq2SeqOutput, batch: PairBatch) -> dict[str, Any]:
        predictions, references = self.texts(output), batch.truths()
        targets = [nearest(prediction, texts) for prediction, texts in zip(predictions, references)]
        counted = edit_columns(targets, predictions)
        return {
            "target": targets,
            "prediction": predictions,
            "references": [list(texts) for texts in references],
            "score": [1 - count / max(1, len(target)) for count, target in zip(counted["edits"], targets)],
            **counted,
            "source_length": batch.lengths.tolist(),
            "log_prob": output.log_probs,
        }

    def with_log_prob(self, output: Seq2SeqOutput) -> list[tuple[str, float]]:
        """The decoded texts, each with its log-probability."""
        return list(zip(self.texts(output), output.log_probs))
