from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lightning_modules.tasks.classification.figures import confusion_figure, most_confused
from lightning_modules.tasks.classification.metrics import ClassificationMetrics

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="the extra `baselines` is not installed")


@pytest.mark.parametrize("occurring", [7, 4])
def test_metrics_equal_scikit_learn_also_where_classes_are_missing(occurring: int) -> None:
    rng = np.random.default_rng(occurring)
    targets = rng.integers(0, occurring, 300)
    scores = rng.normal(size=(300, 7)) + 2 * np.eye(7)[targets]
    scores[:, 6] = -9 if occurring == 4 else scores[:, 6]
    metrics = ClassificationMetrics(tuple("abcdefg"))
    for part in (slice(0, 100), slice(100, 300)):
        batch = SimpleNamespace(classes=torch.tensor(targets[part]))
        metrics.update(torch.tensor(scores[part], dtype=torch.float32), batch)
    got, predictions = metrics.compute(), scores.argmax(1)
    top_3 = np.argsort(scores, axis=1)[:, -3:]
    assert got["accuracy"] == pytest.approx((predictions == targets).mean())
    assert got["macro_f1"] == pytest.approx(sklearn_metrics.f1_score(targets, predictions, average="macro"))
    assert got["balanced_accuracy"] == pytest.approx(sklearn_metrics.balanced_accuracy_score(targets, predictions))
    assert got["top_3_accuracy"] == pytest.approx(np.mean([t in row for t, row in zip(targets, top_3)]))
    rows = metrics.tables()["classes"]
    assert [row["examples"] for row in rows] == np.bincount(targets, minlength=7).tolist()
    assert len(metrics.figures()["confusion_matrix"].axes) == 1


def test_the_picture_of_many_classes_shows_those_that_are_confused() -> None:
    matrix = np.diag(np.arange(300) % 7 + 1)
    for row, column in ((10, 200), (200, 10), (42, 43), (299, 0)):
        matrix[row, column] = 5
    shown = most_confused(matrix, 8)
    assert {10, 200, 42, 43, 299, 0} <= set(shown) and len(shown) == 8 and shown == sorted(shown)
    figure = confusion_figure(matrix, [f"class {i}" for i in range(300)])
    axes = figure.axes[0]
    assert len(axes.get_xticks()) == 40 and "the 40 of 300 that are most often confused" in axes.get_title()
    assert figure.get_size_inches().max() < 20
    assert most_confused(matrix[:5, :5], 8) == [0, 1, 2, 3, 4]
