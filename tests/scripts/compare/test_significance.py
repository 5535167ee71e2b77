"""Differences and their intervals against slow, obvious computations."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from scripts.compare.configurations import Configuration
from scripts.compare.intervals import t_quantile
from scripts.compare.runs import read_runs
from scripts.compare.significance import differences
from tests.run_folders import write_run


def configuration(folder: Path, *scores: list[float], **options) -> Configuration:
    for seed, of_seed in enumerate(scores, 1):
        write_run(folder / str(seed), list(of_seed), seed=seed, **options)
    return Configuration({}, read_runs([str(folder)]))


def answers(seed: int, right: float, count: int = 400) -> list[float]:
    return (np.random.default_rng(seed).random(count) < right).astype(float).tolist()


def test_one_seed_a_side_is_the_paired_bootstrap(tmp_path: Path) -> None:
    a, b = answers(1, 0.8), answers(2, 0.7)
    (found,) = differences(configuration(tmp_path / "a", a), [configuration(tmp_path / "b", b)], "test/accuracy")
    random = np.random.default_rng(5)
    gains = np.array(b) - np.array(a)
    means = [gains[random.integers(0, len(gains), len(gains))].mean() for _ in range(4000)]
    assert found.value == pytest.approx(gains.mean())
    assert found.half_interval == pytest.approx(1.96 * np.std(means), rel=0.08)
    assert found.covers == ("examples",)
    assert found.is_real


def test_seeds_and_examples_add_their_squared_errors(tmp_path: Path) -> None:
    ours = [answers(seed, 0.75) for seed in (1, 2, 3)]
    best = [answers(seed, 0.80) for seed in (4, 5)]
    leader, other = configuration(tmp_path / "a", *best), configuration(tmp_path / "b", *ours)
    (found,) = differences(leader, [other], "test/accuracy")
    gains = np.mean(ours, axis=0) - np.mean(best, axis=0)
    of_examples = gains.var() / len(gains)  # what the bootstrap estimates
    of_seeds = [np.var(np.mean(side, axis=1), ddof=1) / len(side) for side in (ours, best)]
    total = of_examples + sum(of_seeds)
    freedom = total**2 / (of_seeds[0] ** 2 / 2 + of_seeds[1] ** 2 / 1)
    assert found.covers == ("examples", "seeds")
    assert found.half_interval == pytest.approx(t_quantile(freedom) * math.sqrt(total), rel=0.06)


def test_the_same_answers_are_not_distinguishable(tmp_path: Path) -> None:
    a = answers(1, 0.8)
    (found,) = differences(configuration(tmp_path / "a", a), [configuration(tmp_path / "b", a)], "test/accuracy")
    assert (found.value, found.half_interval, found.is_real) == (0, 0, False)


def test_the_order_of_examples_does_not_matter(tmp_path: Path) -> None:
    a, b = answers(1, 0.8), answers(2, 0.7)
    names = [f"file:{i}" for i in range(len(a))]
    leader = configuration(tmp_path / "a", a)
    (straight,) = differences(leader, [configuration(tmp_path / "b", b)], "test/accuracy")
    turned_round = configuration(tmp_path / "c", b[::-1], columns={"id": names[::-1]})
    (turned,) = differences(leader, [turned_round], "test/accuracy")
    assert turned.half_interval == pytest.approx(straight.half_interval)


def test_other_examples_and_metrics_that_predictions_do_not_hold_leave_it_open(tmp_path: Path) -> None:
    a, b = answers(1, 0.8), answers(2, 0.7)
    leader = configuration(tmp_path / "a", a, metrics={"test/f1": 0.3})
    others = configuration(tmp_path / "b", b, columns={"id": [f"else:{i}" for i in range(len(b))]})
    (found,) = differences(leader, [others], "test/accuracy")
    assert (found.half_interval, found.is_real, found.covers) == (None, None, ())
    same = configuration(tmp_path / "c", b, metrics={"test/f1": 0.2})
    assert differences(leader, [same], "test/f1")[0].is_real is None


def test_examples_of_a_block_are_drawn_together(tmp_path: Path) -> None:
    """Ten copies of each answer are no more evidence than one."""
    a, b = answers(1, 0.8, 100), answers(2, 0.7, 100)
    copies = {"block": np.repeat(np.arange(100), 10).tolist()}
    once = differences(configuration(tmp_path / "a", a), [configuration(tmp_path / "b", b)], "test/accuracy")[0]
    leader = configuration(tmp_path / "c", np.repeat(a, 10), columns=copies)
    again = differences(leader, [configuration(tmp_path / "d", np.repeat(b, 10), columns=copies)], "test/accuracy")[0]
    assert again.half_interval == pytest.approx(once.half_interval, rel=1e-6)


def test_ratios_and_errors_are_read_off_the_columns_that_make_them(tmp_path: Path) -> None:
    task = "transcription.task.Transcription"
    targets = ["x" * 10, "x" * 20, "x" * 10]
    edits = {"edits": [1, 0, 3], "target": targets}
    zero = {"edits": [0, 0, 0], "target": targets}
    a = configuration(tmp_path / "a", [1.0, 1.0, 1.0], columns=zero, metrics={"test/cer": 0.0}, task=task)
    b = configuration(tmp_path / "b", [0.0, 1.0, 0.0], columns=edits, metrics={"test/cer": 0.1}, task=task)
    (found,) = differences(a, [b], "test/cer")
    assert found.value == pytest.approx(0.1)
    assert found.covers == ("examples",)


@pytest.mark.parametrize("metric", ["macro_f1", "balanced_accuracy"])
def test_metrics_of_classes_are_drawn_anew_as_a_whole(tmp_path: Path, metric: str) -> None:
    """Against the task's own counters on each sample of examples."""
    import torch

    from datamodules.batching.batches import TokenBatch
    from lightning_modules.tasks.classification.metrics import ClassificationMetrics

    random = np.random.default_rng(3)
    targets = random.integers(0, 3, 120)
    answers = [np.where(random.random(120) < right, targets, random.integers(0, 3, 120)) for right in (0.7, 0.5)]

    def value(rows: np.ndarray, answer: np.ndarray) -> float:
        counters = ClassificationMetrics(("a", "b", "c"))
        batch = TokenBatch(torch.zeros(len(rows), 1), torch.ones(len(rows)), torch.tensor(targets[rows]))
        counters.update(torch.nn.functional.one_hot(torch.tensor(answer[rows]), 3).float(), batch)
        return counters.compute()[metric]

    sides = []
    for name, answer in zip("ab", answers):
        columns = {side: ["abc"[i] for i in values] for side, values in (("target", targets), ("prediction", answer))}
        reported = {f"test/{metric}": value(np.arange(120), answer)}
        scores = (answer == targets).astype(float)
        sides.append(configuration(tmp_path / name, scores, columns=columns, metrics=reported))
    (found,) = differences(sides[0], [sides[1]], f"test/{metric}")
    drawn = [random.integers(0, 120, 120) for _ in range(400)]
    spread = np.std([value(rows, answers[1]) - value(rows, answers[0]) for rows in drawn])
    assert found.covers == ("examples",)
    assert found.half_interval == pytest.approx(1.96 * spread, rel=0.15)
