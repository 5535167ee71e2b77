"""Classification: one class for each text."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn
from torch.nn import functional

from datamodules.batching.batches import TokenBatch
from datamodules.errors import BadInput
from datamodules.text.spec import LabelledText
from lightning_modules.layers.embedding import EmbeddingKind, OneHot, TokenDropout, shrink
from lightning_modules.layers.encoding import Encoding
from lightning_modules.layers.pooling import Pooling, PoolingKind
from lightning_modules.tasks.base import Task


class Classification(Task):
    """One of C classes for each text; the output is a score of each class, (B, C) float32, not normalised.

    Args:
        spec: vocabulary and classes of the data.
        embedding: `learned` vectors of `embedding_size`, or `onehot`.
        pooling: how the states of a text become one vector; see `Pooling`.
        token_dropout: share of the tokens that are replaced by the unknown one in training; see `TokenDropout`.
        input_dropout: of the features of each step.
        output_dropout: of the pooled vector.
        class_weights: `balanced` weighs a class by the inverse of its training examples.
        label_smoothing: share of each target that is spread over all classes.
    """

    batch_type = TokenBatch
    input_kinds = frozenset({"steps", "tokens"})
    spec_classes = (LabelledText,)
    predictor = "scripts.predict.classification"
    exporter = "scripts.export.classification"
    monitor = "accuracy"
    mode = "max"
    bidirectional = True
    class_weight: Tensor | None

    def __init__(
        self,
        spec: LabelledText,
        embedding: EmbeddingKind = "learned",
        embedding_size: Annotated[int, Gt(0)] = 64,
        pooling: PoolingKind = "auto",
        token_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        input_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        output_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        class_weights: Literal["none", "balanced"] = "none",
        label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        super().__init__(spec)
        if not spec.classes:
            raise BadInput("task=classification: these texts have no labels; task=generation is accepted")
        self.classes = spec.classes
        self.vocabulary = spec.codec.vocabulary
        self.embedding_kind = embedding
        self.embedding_size = embedding_size
        self.pooling_kind = pooling
        self.token_dropout = TokenDropout(token_dropout, self.vocabulary.unknown)
        self.input_dropout = input_dropout
        self.output_dropout = output_dropout
        self.label_smoothing = label_smoothing
        counts = torch.tensor(spec.class_counts, dtype=torch.float32)
        weight = counts.sum() / (len(counts) * counts.clamp(min=1)) if class_weights == "balanced" else None
        self.register_buffer("class_weight", weight, persistent=False)

    @property
    def input_size(self) -> int:
        return self.embedding_size if self.embedding_kind == "learned" else len(self.vocabulary.symbols)

    def build(self, input_kind: str, encoding_size: int) -> None:
        if input_kind in ("tokens", "batch"):
            self.embedding: nn.Module = nn.Identity()
        elif self.embedding_kind == "onehot":
            self.embedding = OneHot(len(self.vocabulary), len(self.vocabulary.reserved))
        else:
            table = nn.Embedding(len(self.vocabulary), self.embedding_size, padding_idx=0)
            if self.spec.codec.tokens != "characters":
                shrink(table)
            self.embedding = nn.Sequential(table, nn.Dropout(self.input_dropout))
        self.pooling = Pooling(self.pooling_kind, encoding_size)
        self.output = nn.Sequential(nn.Dropout(self.output_dropout), nn.Linear(encoding_size, len(self.classes)))

    def embed(self, batch: TokenBatch) -> Tensor:
        return self.embedding(self.token_dropout(batch.tokens))  # (B, T, D), or (B, T) where token ids are read

    def head(self, encoding: Encoding, batch: TokenBatch) -> Tensor:
        return self.output(self.pool(encoding)).float()  # (B, C)

    def pool(self, encoding: Encoding) -> Tensor:
        return self.pooling(encoding)

    def embedding_of(self, encoding: Encoding) -> Tensor:
        return self.pool(encoding)

    def average(self, outputs: list[Tensor]) -> Tensor:
        return torch.stack([scores.log_softmax(dim=1) for scores in outputs]).mean(dim=0)

    def remove_head(self) -> None:
        self.output = nn.Sequential()

    def loss(self, output: Tensor, batch: TokenBatch) -> Tensor:
        smoothing = self.label_smoothing
        assert batch.classes is not None
        return functional.cross_entropy(output, batch.classes, weight=self.class_weight, label_smoothing=smoothing)

    def example_weights(self, examples: TokenBatch) -> Tensor | None:
        if self.class_weight is None:
            return None
        assert examples.classes is not None
        weight = self.class_weight.to(examples.classes.device)  # a source is on the CPU
        return weight.index_select(0, examples.classes)

    @classmethod
    def metrics_class(cls) -> type[nn.Module]:
        from lightning_modules.tasks.classification.metrics import (
            ClassificationMetrics,  # torchmetrics is not needed to predict
        )

        return ClassificationMetrics

    def metrics(self) -> nn.Module:
        return self.metrics_class()(self.classes)

    def columns(self, output: Tensor, batch: TokenBatch) -> dict[str, Any]:
        predictions = output.argmax(dim=1).tolist()
        targets = batch.classes.tolist()
        top = output.topk(min(3, len(self.classes)), dim=1).indices.tolist()
        return {
            "target": [self.classes[i] for i in targets],
            "prediction": [self.classes[i] for i in predictions],
            "score": [float(a == t) for a, t in zip(predictions, targets)],
            "in_top_3": [float(t in best) for best, t in zip(top, targets)],
            "log_prob": output.log_softmax(dim=1).gather(1, batch.classes.unsqueeze(1)).squeeze(1).tolist(),
        }

    def best(self, output: Tensor, count: int) -> list[list[tuple[str, float]]]:
        """For each text the `count` most probable classes with their log-probabilities, best first."""
        log_probs, ids = output.log_softmax(dim=1).topk(min(count, len(self.classes)), dim=1)
        return [
            [(self.classes[i], p) for p, i in zip(row_probs, row_ids)]
            for row_probs, row_ids in zip(log_probs.tolist(), ids.tolist())
        ]
