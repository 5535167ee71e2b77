from types import SimpleNamespace

import numpy as np
import pytest
import torch

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
    got, answers = metrics.compute(), scores.argmax(1)
    top_3 = np.argsort(scores, axis=1)[:, -3:]
    assert got["accuracy"] == pytest.approx((answers == targets).mean())
    assert got["macro_f1"] == pytest.approx(sklearn_metrics.f1_score(targets, answers, average="macro"))
    assert got["balanced_accuracy"] == pytest.approx(sklearn_metrics.balanced_accuracy_score(targets, answers))
    assert got["top_3_accuracy"] == pytest.approx(np.mean([t in row for t, row in zip(targets, top_3)]))
    rows = metrics.tables()["classes"]
    assert [row["examples"] for row in rows] == np.bincount(targets, minlength=7).tolist()
    assert len(metrics.figures()["confusion_matrix"].axes) == 1
