"""How far a mean of few values may be off."""

from __future__ import annotations

import math
from collections.abc import Sequence


def mean_interval(values: Sequence[float]) -> float | None:
    """Half the width of the 95 % interval of the mean (Student's t); None for fewer than two values."""
    if len(values) < 2:
        return None
    return t_quantile(len(values) - 1) * math.sqrt(variance(values) / len(values))


def variance(values: Sequence[float]) -> float:
    """The unbiased variance of at least two values."""
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def t_quantile(freedom: float) -> float:
    """The 97.5 % point of Student's t distribution for `freedom` degrees, fractions and infinity among them.

    Found by bisection on the distribution function, which is an incomplete beta function (Abramowitz, Stegun 26.7.1).
    """
    if math.isinf(freedom):
        return 1.959963984540054
    low, high = 0.0, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        tail = 0.5 * _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + middle * middle))
        low, high = (middle, high) if tail > 0.025 else (low, middle)
    return high


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function by its continued fraction (Abramowitz, Stegun 26.5.8), Lentz's way."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    numerator, denominator = 1.0, 1 / max(1 - (a + b) * x / (a + 1), tiny)
    fraction = denominator
    for m in range(1, 400):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            denominator = 1 / (1 + term * denominator or tiny)
            numerator = 1 + term / numerator or tiny
            fraction *= numerator * denominator
        if abs(numerator * denominator - 1) < 1e-14:
            break
    return front * fraction
