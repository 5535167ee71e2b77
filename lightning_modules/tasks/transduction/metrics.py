"""How good decoded texts are: exact match, character, word and phoneme error rate, BLEU."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor
from torchmetrics import Metric

from lightning_modules.tasks.edit_distance import edits, nearest
from lightning_modules.tasks.metric_info import MetricInfo
from lightning_modules.tasks.transduction.bleu import NUM_COUNTS, bleu, ngram_counts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from datamodules.batching.batches import PairBatch
    from lightning_modules.tasks.autoregressive import Seq2SeqOutput

LONGEST = 64  # tokens of a source; longer ones are one row of the table
FIGURE_EXAMPLES = 4


class TransductionMetrics(Metric):
    """Exact match, error rates of characters and words, BLEU; over all texts together.

    A prediction is exact where it equals any target of its source; its errors are counted to the nearest one.
    cer = edits of characters / characters of that target; wer the same for words between spaces.  bleu is sacrebleu's
    (13a, Post 2018), 0 to 100, against all targets.  Where targets are symbols between spaces (phonemes), per is their
    error rate, edits of symbols / symbols of the target, and stands in place of wer and bleu.
    """

    INFO: ClassVar[dict[str, MetricInfo]] = {
        "cer": MetricInfo("minimize", True, ("edits", "target_length"), "ratio"),
        "wer": MetricInfo("minimize", True, ("word_edits", "target_words"), "ratio"),
        "per": MetricInfo("minimize", True, ("word_edits", "target_words"), "ratio"),
        "exact_match": MetricInfo("maximize", True, columns=("exact",)),
        "bleu": MetricInfo("maximize", True),
    }

    full_state_update = False
    counts: Tensor
    by_length: Tensor
    ngrams: Tensor  # what `bleu` is computed from

    def __init__(self, task: Any) -> None:
        super().__init__()
        self.task = [task]  # not a module of this one
        self.of_symbols = task.spec.target.tokens == "symbols"
        self.add_state("counts", torch.zeros(6, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("by_length", torch.zeros(LONGEST + 1, 2, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("ngrams", torch.zeros(NUM_COUNTS, dtype=torch.float64), dist_reduce_fx="sum")
        self._attended: list[tuple[Tensor, list[str], list[str]]] = []

    def update(self, output: Seq2SeqOutput, batch: PairBatch) -> None:
        predictions, references = self.task[0].texts(output), batch.truths()
        rows = []
        for prediction, texts in zip(predictions, references):
            target = nearest(prediction, texts)
            words = Levenshtein.distance(target.split(), prediction.split())
            rows.append([1, prediction == target, edits(target, prediction), len(target), words, len(target.split())])
        counted = torch.tensor(rows, dtype=torch.float64).to(self.counts.device)
        self.counts += counted.sum(dim=0)
        self.by_length.index_add_(0, batch.lengths.clamp(max=LONGEST), counted[:, :2])
        if not self.of_symbols:  # once a batch: each addition is a kernel of its own on a GPU
            of_batch = torch.tensor(ngram_counts(predictions, references), dtype=torch.float64)
            self.ngrams += of_batch.to(self.ngrams.device)
        self._keep(output, batch)

    def compute(self) -> dict[str, float]:
        texts, exact, wrong, characters, wrong_words, words = self.counts.tolist()
        rates = {"exact_match": exact / max(1, texts), "cer": wrong / max(1, characters)}
        if self.of_symbols:
            return rates | {"per": wrong_words / max(1, words)}
        return rates | {"wer": wrong_words / max(1, words), "bleu": bleu(self.ngrams.tolist())}

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """A row for each length of the source."""
        return {
            "length of the source": [
                {"tokens": length, "texts": int(count), "exact_match": exact / count}
                for length, (count, exact) in enumerate(self.by_length.tolist())
                if count
            ]
        }

    def validation_figures(self) -> dict[str, Callable[[], Figure]]:
        from lightning_modules.tasks.transduction.figures import attention_figure

        return {"attention": lambda: attention_figure(self._attended)} if self._attended else {}

    def figures(self) -> dict[str, Figure]:
        from lightning_modules.tasks.generation.figures import curve_figure

        table = self.tables()["length of the source"]
        figures = {name: make() for name, make in self.validation_figures().items()}
        if len(table) > 1:
            lengths, shares = ([row[key] for row in table] for key in ("tokens", "exact_match"))
            figures["by_length"] = curve_figure(lengths, shares, "tokens of the source", "exact match")
        return figures

    def _keep(self, output: Seq2SeqOutput, batch: PairBatch) -> None:
        """The weights of the first texts: (symbols of the target and its end, tokens of the source)."""
        if output.weights is None or batch.targets is None or batch.target_lengths is None:
            return
        source, target = (self.task[0].spec.source, self.task[0].spec.target)
        for i in range(min(len(batch), FIGURE_EXAMPLES - len(self._attended))):
            source_length, target_length = int(batch.lengths[i]), int(batch.target_lengths[i])
            tokens = _tokens(source.vocabulary, batch.tokens[i, :source_length].tolist())
            symbols = [*_tokens(target.vocabulary, batch.targets[i, :target_length].tolist()), "end"]
            self._attended.append(
                (output.weights[i, : target_length + 1, :source_length].float().cpu(), symbols, tokens)
            )


def _tokens(vocabulary: Any, ids: list[int]) -> list[str]:
    first = len(vocabulary.reserved)
    return [vocabulary.symbols[i - first] if i >= first else "?" for i in ids]
