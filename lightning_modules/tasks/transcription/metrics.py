"""Metrics of OCR: character and word error rate, exact match, most frequent edits."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor
from torchmetrics import Metric

from datamodules.line_images.normalization import visible
from lightning_modules.tasks.autoregressive import Seq2SeqOutput
from lightning_modules.tasks.edit_distance import Fold, folded
from lightning_modules.tasks.metric_info import MetricInfo

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lightning_modules.tasks.transcription.output import Steps

PICTURED = 4  # lines at the head of the part, and as many of the worst
MOST_FREQUENT = 25  # edits in the table
COUNTS = ("edits", "characters", "word_edits", "words", "exact", "lines", "predicted")  # predicted: characters


class TranscriptionMetrics(Metric):
    """Character and word error rates over all lines together, the share of lines without an error.

    cer = edits of characters / characters of the truth; wer the same for words between spaces.  `infeasible` counts
    lines that have fewer steps than their text needs, which no network could read.
    """

    INFO: ClassVar[dict[str, MetricInfo]] = {
        "cer": MetricInfo("minimize", True, ("edits", "target_length"), "ratio"),
        "wer": MetricInfo("minimize", True, ("word_edits", "target_words"), "ratio"),
        "exact_match": MetricInfo("maximize", columns=("exact",)),
        "infeasible": MetricInfo("minimize"),
    }

    full_state_update = False
    counts: Tensor
    infeasible: Tensor

    def __init__(self, task: Any) -> None:
        super().__init__()
        self.fold: Fold = task.fold
        self.read, self.truth = task.read, task.truth
        self.add_state("counts", torch.zeros(len(COUNTS), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("infeasible", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self._warn_of_blanks = task.warn_of_blanks
        self.pairs: Counter[tuple[str, str]] = Counter()  # (expected, read) of each edit; "" for nothing
        self._first: list[tuple[np.ndarray, str, str]] = []
        self._worst: list[tuple[float, int, tuple[np.ndarray, str, str]]] = []
        self._order = itertools.count()  # of lines that are as bad

    def update(self, output: Steps | Seq2SeqOutput, batch: Any) -> None:
        """Args: output with log_probs (T, B, C) or texts, batch with code points (B, L) and images."""
        if isinstance(output, Seq2SeqOutput):  # which needs no step for each character
            self._read_off(output, batch)
            return
        shown = batch.targets if batch.display_targets is None else batch.display_targets
        needed = batch.target_lengths + (shown[:, 1:] == shown[:, :-1]).logical_and(shown[:, 1:] > 0).sum(dim=1)
        self.infeasible += (output.lengths < needed).sum()
        self._read_off(output, batch)

    def _read_off(self, output: Steps | Seq2SeqOutput, batch: Any) -> None:
        rows = []
        for i, (target, prediction) in enumerate(zip(self.truth(batch), self.read(output))):
            target, prediction = folded(target, self.fold), folded(prediction, self.fold)
            rows.append(self._count(target, prediction))
            self._keep(rows[-1][0] / max(1, len(target)), batch, i, target, prediction)
        if rows:  # once a batch: each addition is a kernel of its own on a GPU
            self.counts += torch.tensor(rows, dtype=torch.float64).sum(dim=0).to(self.counts.device)

    def _count(self, target: str, prediction: str) -> list[int]:
        """Of one line, what `COUNTS` names."""
        distance = word_edits = 0
        if target != prediction:
            operations = Levenshtein.editops(target, prediction)
            distance = len(operations)
            for kind, at, to in operations:
                expected = target[at] if kind != "insert" else ""
                self.pairs[expected, prediction[to] if kind != "delete" else ""] += 1
            word_edits = Levenshtein.distance(target.split(), prediction.split())
        return [distance, len(target), word_edits, len(target.split()), target == prediction, 1, len(prediction)]

    def _keep(self, badness: float, batch: Any, i: int, target: str, prediction: str) -> None:
        """Keep a line's image, if it is one of the first or of the worst."""
        worst = len(self._worst) < PICTURED or badness > self._worst[0][0]
        if len(self._first) >= PICTURED and not worst:
            return
        image = batch.images[i, 0, :, : int(batch.lengths[i])].float().cpu().numpy()
        if len(self._first) < PICTURED:
            self._first.append((image, target, prediction))
        else:
            item = (badness, next(self._order), (image, target, prediction))
            (heapq.heappush if len(self._worst) < PICTURED else heapq.heapreplace)(self._worst, item)

    def compute(self) -> dict[str, float]:
        total = dict(zip(COUNTS, self.counts.tolist()))
        if total["characters"] and not total["predicted"]:
            self._warn_of_blanks()
        return {
            "cer": total["edits"] / max(1, total["characters"]),
            "wer": total["word_edits"] / max(1, total["words"]),
            "exact_match": total["exact"] / max(1, total["lines"]),
            "infeasible": self.infeasible.item(),
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """The most frequent edits: expected, predicted, count, and share of all edits."""
        total = max(1, sum(self.pairs.values()))
        return {
            "most frequent edits": [
                {"stood there": _shown(a), "was read": _shown(b), "times": count, "share": count / total}
                for (a, b), count in self.pairs.most_common(MOST_FREQUENT)
            ]
        }

    def validation_figures(self) -> dict[str, Callable[[], Figure]]:
        return {"lines": lambda: self.figures()["lines"]}

    def figures(self) -> dict[str, Figure]:
        from lightning_modules.tasks.transcription.figures import lines_figure

        worst = [line for _, _, line in sorted(self._worst, key=lambda item: -item[0])]
        return {"lines": lines_figure([*self._first, *worst])}


def _shown(character: str) -> str:
    return visible(character) if character else "(nothing)"
