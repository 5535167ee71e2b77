"""Metrics of classifiers: accuracy, top-3 accuracy, macro-F1, balanced accuracy."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassConfusionMatrix

from lightning_modules.tasks.classification.figures import confusion_figure
from lightning_modules.tasks.metric_info import MetricInfo


class ClassificationMetrics(nn.Module):
    """Accuracy, top-3 accuracy, macro-F1 and balanced accuracy, all fractions, from class scores.

    Macro-F1 is the mean over the classes that occur as target or as prediction; balanced accuracy is the mean recall of
    the classes that occur as target.
    """

    INFO: ClassVar[dict[str, MetricInfo]] = {
        "accuracy": MetricInfo("maximize", headline=True, columns=("score",)),
        "top_3_accuracy": MetricInfo("maximize", columns=("in_top_3",)),
        "macro_f1": MetricInfo("maximize", headline=True, columns=("target", "prediction"), reduction="macro_f1"),
        "balanced_accuracy": MetricInfo("maximize", columns=("target", "prediction"), reduction="balanced_accuracy"),
        "loss": MetricInfo("minimize", columns=("log_prob",), scale=-1),
    }

    def __init__(self, classes: tuple[str, ...]) -> None:
        super().__init__()
        self.classes = classes
        self.confusion = MulticlassConfusionMatrix(len(classes), validate_args=False)
        self.top_3 = MeanMetric(nan_strategy="disable")  # looking for NaN waits for the device

    def update(self, scores: Tensor, batch: Any) -> None:
        """Args: scores (B, C), batch with classes (B,)."""
        self.confusion.update(scores, batch.classes)
        top = scores.topk(min(3, len(self.classes)), dim=1).indices
        self.top_3.update((top == batch.classes.unsqueeze(1)).any(dim=1).float())

    def compute(self) -> dict[str, float]:
        matrix = self.confusion.compute().double()  # (C, C) row: target, column: prediction
        _, recall, f1 = per_class(matrix)
        support = matrix.sum(dim=1)
        occurring = support + matrix.sum(dim=0) > 0
        return {
            "accuracy": (matrix.trace() / matrix.sum()).item(),
            "top_3_accuracy": self.top_3.compute().item(),
            "macro_f1": f1[occurring].mean().item(),
            "balanced_accuracy": recall[support > 0].mean().item(),
        }

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """A row a class: its examples, precision, recall and F1, and the class it is most often taken for."""
        matrix = self.confusion.compute().double()
        precision, recall, f1 = per_class(matrix)
        wrong = matrix.clone().fill_diagonal_(0)
        rows = []
        for i, name in enumerate(self.classes):
            taken_for = int(wrong[i].argmax())
            rows.append(
                {
                    "class": name,
                    "examples": int(matrix[i].sum()),
                    "precision": precision[i].item(),
                    "recall": recall[i].item(),
                    "f1": f1[i].item(),
                    "most often taken for": self.classes[taken_for] if wrong[i, taken_for] else "",
                }
            )
        return {"classes": rows}

    def figures(self) -> dict[str, np.ndarray]:
        return {"confusion_matrix": confusion_figure(self.confusion.compute().cpu().numpy(), self.classes)}


def per_class(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Precision, recall and F1 (C,) from counts (C, C) of targets (rows) and predictions; 0 where undefined."""
    hits = matrix.diagonal()
    predicted, support = matrix.sum(dim=0), matrix.sum(dim=1)
    precision = hits / predicted.clamp(min=1)
    recall = hits / support.clamp(min=1)
    return precision, recall, 2 * hits / (predicted + support).clamp(min=1)
