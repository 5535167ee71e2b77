from __future__ import annotations

import math

import pytest

from scripts.compare.intervals import mean_interval, t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3.7, 9, 30, 1000])
def test_the_t_quantile(freedom: float) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy comes with the extra `baselines`")
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-8)


def test_the_quantile_of_infinitely_many_degrees_is_the_normal_one() -> None:
    assert t_quantile(math.inf) == pytest.approx(1.959963984540054)


def test_the_interval_of_a_mean() -> None:
    assert mean_interval([0.8, 0.9, 0.85]) == pytest.approx(4.302652729911275 * 0.05 / math.sqrt(3))
    assert mean_interval([0.8]) is None
