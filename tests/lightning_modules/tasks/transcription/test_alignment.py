from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from lightning_modules.tasks.transcription.alignment import _path, align


def log_probs(steps: int, symbols: int, seed: int) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(steps, symbols)) * 2
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def spelled(path: tuple[int, ...]) -> list[int]:
    return [s for i, s in enumerate(path) if s and (i == 0 or path[i - 1] != s)]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("ids", [[1], [1, 2], [1, 1], [2, 1, 2]])
def test_the_path_is_the_most_probable_of_all_that_spell_the_text(ids: list[int], seed: int) -> None:
    scores = log_probs(6, 3, seed)
    best = max(
        (path for path in product(range(3), repeat=6) if spelled(path) == ids),
        key=lambda path: sum(scores[i, s] for i, s in enumerate(path)),
    )
    starts = [i for i, s in enumerate(best) if s and (i == 0 or best[i - 1] != s)]
    assert [first for first, _ in _path(scores, ids)] == starts


def test_borders_lie_between_the_characters() -> None:
    """Blank, a, blank, blank, b, b: the border is in the middle of the blanks between a and b."""
    path = [0, 1, 0, 0, 2, 2]
    scores = np.full((6, 3), -10.0)
    scores[np.arange(6), path] = np.log(0.9)
    first, second = align(scores, [1, 2])
    assert first.end == second.start == pytest.approx(3 / 6)
    assert 0 <= first.start < first.end < second.end <= 1
    assert first.confidence == pytest.approx(0.9)
    assert align(scores, []) == []
