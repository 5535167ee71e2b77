"""Metrics of language models: cross-entropy, perplexity, bits a character; summed on the device, read once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_modules.layers.symbols import IGNORE_INDEX, log_likelihood
from lightning_modules.tasks.metric_info import MetricInfo

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from datamodules.batching.batches import TokenBatch
    from lightning_modules.tasks.generation.output import NextSymbols


PER_SYMBOL = ("log_prob", "num_symbols")  # columns of predictions.parquet


class GenerationMetrics(Metric):
    """Nats a symbol over all texts together (`loss`), their exponential, and bits a character.

    The end of a text counts as a symbol.

    Args:
        classes: of the texts; may be none.
        of_characters: whether symbols are characters.
    """

    INFO: ClassVar[dict[str, MetricInfo]] = {
        "loss": MetricInfo("minimize", True, ("log_prob", "num_symbols"), "ratio", scale=-1),
        "perplexity": MetricInfo("minimize", True),
        "bits_per_character": MetricInfo(
            "minimize", True, ("log_prob", "num_symbols"), "ratio", scale=-1 / math.log(2)
        ),
    }

    full_state_update = False
    nats: Tensor
    symbols: Tensor

    def __init__(self, classes: tuple[str, ...], of_characters: bool) -> None:
        super().__init__()
        self.classes, self.of_characters = classes, of_characters
        for name in ("nats", "symbols"):
            zeros = torch.zeros(max(1, len(classes)), dtype=torch.float64)
            self.add_state(name, zeros, dist_reduce_fx="sum")

    def update(self, output: NextSymbols, batch: TokenBatch) -> None:
        rows = torch.zeros_like(batch.lengths) if not self.classes or batch.classes is None else batch.classes
        self.nats.index_add_(0, rows, -log_likelihood(output.scores, output.targets).double())
        self.symbols.index_add_(0, rows, (output.targets != IGNORE_INDEX).sum(dim=1).double())

    def compute(self) -> dict[str, float]:
        nats = (self.nats.sum() / self.symbols.sum().clamp(min=1)).item()
        values = {"loss": nats, "perplexity": math.exp(min(nats, 700))}
        return {**values, "bits_per_character": nats / math.log(2)} if self.of_characters else values

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """A row a class."""
        rows = zip(self.classes, self.nats.tolist(), self.symbols.tolist())
        return {
            "classes": [
                {"class": name, "symbols": int(count), "loss": nats / count, "perplexity": math.exp(nats / count)}
                for name, nats, count in rows
                if count
            ]
        }

    def figures(self) -> dict[str, Figure]:
        from lightning_modules.tasks.generation.figures import bars_figure

        table = self.tables()["classes"]
        if len(table) < 2:
            return {}
        named = {row["class"]: row["perplexity"] for row in table}
        return {"perplexity": bars_figure(named, "perplexity")}
