"""Which text answers a text?  Translate, transliterate, pronounce."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from datamodules.batching.batches import PairBatch
from datamodules.text.pairs import PairedTexts
from lightning_modules.layers.encoding import Encoding
from lightning_modules.layers.symbols import Symbols, num_goals
from lightning_modules.tasks.autoregressive import WrittenText, write_text
from lightning_modules.tasks.base import Task
from lightning_modules.tasks.beam_search import WritingMethod
from lightning_modules.tasks.edit_distance import edits, nearest

LONGER = 10  # symbols that a text may be longer than every one of the training part


class Transduction(Task):
    """A text written for each text read; the output is `WrittenText`.

    Args:
        description: the codecs of both sides.
        embedding_size: features of a symbol, of either side.
        input_dropout: of the features of each step, of either side.
        output_dropout: of the states.
        label_smoothing: share of each target that is spread over all symbols.
        decoding: how a text is read off.
    """

    batch_type = PairBatch
    offers = frozenset({"steps"})
    writing = "always"
    monitor = "cer"
    mode = "min"

    def __init__(
        self,
        description: PairedTexts,
        embedding_size: Annotated[int, Gt(0)] = 64,
        input_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        output_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0,
        decoding: WritingMethod | None = None,
    ) -> None:
        super().__init__(description)
        self.embedding_size = embedding_size
        self.input_dropout, self.output_dropout = input_dropout, output_dropout
        self.label_smoothing = label_smoothing
        self.decoding = decoding or WritingMethod()

    @property
    def input_size(self) -> int:
        return self.embedding_size

    @property
    def written_size(self) -> int:
        return self.embedding_size

    def build_writing(self, reads: str, encoding_size: int) -> None:
        table = nn.Embedding(len(self.description.source.vocabulary), self.embedding_size, padding_idx=0)
        self.embedding = nn.Sequential(table, nn.Dropout(self.input_dropout))
        num_symbols = len(self.description.target.vocabulary)
        self.symbols = Symbols(num_symbols, self.embedding_size, encoding_size, self.input_dropout, self.output_dropout)

    def embed(self, batch: PairBatch) -> Tensor:
        return self.embedding(batch.tokens)  # (B, T, D)

    def written(self, writer: Any, encoding: Encoding, batch: PairBatch) -> WrittenText:
        truth = None
        if batch.targets is not None and batch.target_lengths is not None:
            truth = batch.targets, batch.target_lengths
        longest = self.description.longest_target + LONGER
        reserved = len(self.description.target.vocabulary.reserved)
        return write_text(writer, encoding, self.symbols, truth, self.decoding, longest, reserved)

    def loss(self, output: WrittenText, batch: PairBatch) -> Tensor:
        return output.loss(self.label_smoothing)

    def loss_weight(self, batch: PairBatch) -> Tensor:
        return num_goals(batch.target_lengths)

    def texts(self, output: WrittenText) -> list[str]:
        """What was written, as texts."""
        return [self.description.target.decode(ids) for ids in output.ids]

    def metrics(self) -> nn.Module:
        from lightning_modules.tasks.transduction.metrics import TransductionMetrics

        return TransductionMetrics(self)

    def columns(self, output: WrittenText, batch: PairBatch) -> dict[str, Any]:
        answers, references = self.texts(output), batch.truths()
        targets = [nearest(answer, texts) for answer, texts in zip(answers, references)]
        return {
            "target": targets,
            "answer": answers,
            "score": [1 - edits(a, b) / max(1, len(b)) for a, b in zip(answers, targets)],
            "exact": [float(answer == target) for answer, target in zip(answers, targets)],
            "source_length": batch.lengths.tolist(),
            "log_prob": output.log_probs,
        }

    def with_log_prob(self, output: WrittenText) -> list[tuple[str, float]]:
        """What was written, as texts, each with its log-probability."""
        return list(zip(self.texts(output), output.log_probs))
