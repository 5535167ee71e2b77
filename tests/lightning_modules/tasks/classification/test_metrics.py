from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib import colormaps

from lightning_modules.tasks.classification.figures import CELL, SIDE, confusion_figure, most_confused
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
    assert metrics.figures()["confusion_matrix"].ndim == 3


def test_the_picture_of_many_classes_shows_those_that_are_confused() -> None:
    matrix = np.diag(np.arange(300) % 7 + 1)
    for row, column in ((10, 200), (200, 10), (42, 43), (299, 0)):
        matrix[row, column] = 5
    shown = most_confused(matrix, 8)
    assert {10, 200, 42, 43, 299, 0} <= set(shown) and len(shown) == 8 and shown == sorted(shown)
    figure = confusion_figure(matrix, [f"class {i}" for i in range(300)])
    assert min(figure.shape[:2]) > 40 * CELL and max(figure.shape[:2]) < 2000
    assert most_confused(matrix[:5, :5], 8) == [0, 1, 2, 3, 4]


def test_a_cell_of_the_picture_has_the_colour_of_its_share_and_names_are_drawn_whatever_is_in_them() -> None:
    matrix = np.array([[8, 2, 0], [0, 10, 0], [0, 0, 0]])
    figure = confusion_figure(matrix, ["a", "$x^$ ñ 漢", "two\nlines"])
    frame = np.argwhere((figure == 0).all(axis=2))  # the black lines around the cells are the longest
    rows, columns = np.bincount(frame[:, 0]), np.bincount(frame[:, 1])
    top, left = int(rows.argmax()) + 1, int(np.argmax(columns > columns.max() / 2)) + 1
    cell = SIDE // 3
    corners = figure[top + 3 : top + SIDE : cell, left + 3 : left + SIDE : cell]
    blues = (colormaps["Blues"](np.array([[0.8, 0.2, 0], [0, 1, 0], [0, 0, 0]])) * 255).astype(np.uint8)
    assert (np.abs(corners.astype(int) - blues[:, :, :3]) <= 1).all()
    same = confusion_figure(matrix, ["a", "b", "c"])
    assert not np.array_equal(figure[-60:], same[-60:])
