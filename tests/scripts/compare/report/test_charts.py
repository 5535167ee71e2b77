from __future__ import annotations

import random

import pytest

from scripts.compare.report.charts import Axis, pareto_front


@pytest.mark.parametrize("less_is_better", [True, False])
def test_the_pareto_front_is_what_nothing_beats(less_is_better: bool) -> None:
    source = random.Random(0)
    points = [(source.randrange(12), source.randrange(12)) for _ in range(60)]
    sign = 1 if less_is_better else -1

    def beaten(p: tuple[int, int]) -> bool:
        return any(q != p and q[0] <= p[0] and sign * q[1] <= sign * p[1] for q in points)

    front = [points[i] for i in pareto_front(points, less_is_better)]
    assert front == sorted({p for p in points if not beaten(p)})


@pytest.mark.parametrize("values", [[0.7, 0.83], [1e-5, 3e-5], [0, 100_000], [5.0, 5.0], [-3.0, 2.5]])
def test_ticks_are_few_and_inside(values: list[float]) -> None:
    axis = Axis.around(values, "")
    assert 2 <= len(axis.ticks()) <= 8
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks())


@pytest.mark.parametrize("values", [[30_000, 105_000], [1e-4, 1e-1], [2.0, 2.0], [1, 1e9]])
def test_logarithmic_ticks(values: list[float]) -> None:
    axis = Axis.around(values, "", log=True)
    assert 2 <= len(axis.ticks()) <= 8
    assert all(0 <= axis.share(tick) <= 1 for tick in axis.ticks())
