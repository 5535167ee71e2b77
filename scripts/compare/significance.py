"""Is a difference between two configurations real?

A measured difference is uncertain for two reasons, and both count:

- the test examples are a sample: paired bootstrap, the same examples drawn anew (with replacement) for both sides,
  1,000 times; the standard deviation of the difference of the means over seeds is its error from the examples;
- the seeds are a sample: s^2 / n on each side is the squared error of a mean over n seeds on these examples.

By the law of total variance the two squared errors add up; the 95 % interval is the difference +- t times the root of
their sum, with the degrees of freedom of Welch and Satterthwaite (the examples' share has infinitely many).  A side of
one seed has no spread of seeds, and the interval then covers the examples alone, which `covers` says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scripts.compare.configurations import Configuration
from scripts.compare.examples import PerExample, blocks, per_example, reordered
from scripts.compare.intervals import t_quantile, variance

RESAMPLES = 1000
CHUNK = 4_000_000  # numbers held at a time
MOST_VALUES = 100_000_000  # of all examples and runs; beyond them only seeds are looked at


@dataclass(frozen=True)
class Difference:
    """One configuration's metric less another's, with its 95 % interval."""

    value: float | None  # None where a side has no finite value
    half_interval: float | None  # None where nothing is known of its uncertainty
    covers: tuple[str, ...]  # of "examples" and "seeds": what the interval accounts for

    @property
    def is_real(self) -> bool | None:
        """Whether the interval leaves zero out; None where there is no interval."""
        if self.half_interval is None or self.value is None:
            return None
        return abs(self.value) > self.half_interval


def differences(leader: Configuration, others: Sequence[Configuration], metric: str) -> list[Difference]:
    """Each of `others` against the leader."""
    spread = _bootstrap([leader, *others], metric)
    return [_difference(leader, other, metric, spread, i) for i, other in enumerate(others, 1)]


def _difference(
    leader: Configuration, other: Configuration, metric: str, spread: list[np.ndarray | None], position: int
) -> Difference:
    values, of_leader = other.values(metric), leader.values(metric)
    if not values or not of_leader:
        return Difference(None, None, ())
    value = sum(values) / len(values) - sum(of_leader) / len(of_leader)
    squared_errors: list[tuple[float, float]] = []  # with their degrees of freedom
    covers = []
    resampled, best = spread[position], spread[0]
    if resampled is not None and best is not None:
        squared_errors.append((float(np.var(resampled - best, ddof=1)), math.inf))
        covers.append("examples")
    if min(len(values), len(of_leader)) > 1:
        squared_errors += [(variance(side) / len(side), len(side) - 1) for side in (values, of_leader)]
        covers.append("seeds")
    if not covers:
        return Difference(value, None, ())
    total = sum(squared for squared, _ in squared_errors)
    noise = sum(squared**2 / freedom for squared, freedom in squared_errors)
    freedom = total**2 / noise if noise > 0 else math.inf
    return Difference(value, t_quantile(freedom) * math.sqrt(total), tuple(covers))


def _bootstrap(configurations: Sequence[Configuration], metric: str) -> list[np.ndarray | None]:
    """For each configuration its mean over seeds under RESAMPLES draws of the leader's test examples (the first one's);
    None where its predictions do not tell.
    """
    parts = [[per_example(run, metric) for run in c.runs if c.values(metric)] for c in configurations]
    if not parts[0] or parts[0][0] is None:
        return [None] * len(configurations)
    ids = parts[0][0].ids
    aligned: list[list[PerExample] | None] = []
    for of_configuration in parts:
        metrics_of_runs = [reordered(ids, found) for found in of_configuration if found is not None]
        complete = len(metrics_of_runs) == len(of_configuration) and all(found is not None for found in metrics_of_runs)
        aligned.append([found for found in metrics_of_runs if found is not None] if complete else None)
    vectors = _Vectors()
    places = [
        None if runs is None else [[vectors.place(vector) for vector in run.vectors] for run in runs]
        for runs in aligned
    ]
    if not 0 < len(vectors.distinct) * len(ids) <= MOST_VALUES:
        return [None] * len(configurations)
    stacked = np.stack(vectors.distinct, axis=1)  # (N, V)
    sums = np.concatenate([weights @ stacked for weights in _draws(len(ids), blocks(configurations[0].runs[0]))])
    return [
        None
        if runs is None or place is None
        else np.mean([run.combine(sums[:, columns]) for run, columns in zip(runs, place)], axis=0)
        for runs, place in zip(aligned, places)
    ]


class _Vectors:
    """Each distinct vector of numbers once: runs share their targets."""

    def __init__(self) -> None:
        self.distinct: list[np.ndarray] = []
        self._places: dict[bytes, int] = {}

    def place(self, vector: np.ndarray) -> int:
        key = vector.tobytes()
        if key not in self._places:
            self._places[key] = len(self.distinct)
            self.distinct.append(vector)
        return self._places[key]


def _draws(num_examples: int, block: np.ndarray | None) -> Iterator[np.ndarray]:
    """How often each example is drawn, (some of RESAMPLES, N); whole blocks where examples depend on one another."""
    random = np.random.default_rng(0)
    num_drawn = num_examples if block is None else int(block.max()) + 1
    chunk = max(1, CHUNK // num_drawn)
    for start in range(0, RESAMPLES, chunk):
        count = min(chunk, RESAMPLES - start)
        drawn = random.integers(0, num_drawn, (count, num_drawn)) + num_drawn * np.arange(count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=count * num_drawn).reshape(count, num_drawn)
        yield (times if block is None else times[:, block]).astype(np.float64)
