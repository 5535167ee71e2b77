"""A metric as a sum over test examples, so that other samples of examples can be tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scripts.comparison.runs import Run

if TYPE_CHECKING:
    import polars

#: Metrics that are a ratio of two columns of predictions.parquet, summed.
RATIOS = {"cer": ("num_edits", "num_characters"), "wer": ("num_word_edits", "num_words")}


@dataclass
class PerExample:
    """A metric is `numerator.sum() / denominator.sum()` over the test examples."""

    numerator: np.ndarray  # (N,)
    denominator: np.ndarray  # (N,)
    ids: np.ndarray  # (N,) uint64, of the examples, in the order of the rows

    @property
    def value(self) -> float:
        return float(self.numerator.sum() / self.denominator.sum())


def per_example(run: Run, metric: str) -> PerExample | None:
    """The parts of a test metric, if the predictions hold them: they have to give what the run reported."""
    table = run.examples
    part, _, name = metric.partition("/")
    reported = (run.metrics or {}).get(metric)
    if table is None or reported is None or part != "test":
        return None
    for numerator, denominator in _candidates(table, name):
        found = PerExample(numerator, denominator, table["id"].to_numpy())
        if abs(found.value - reported) <= 1e-6 + 1e-4 * abs(reported):
            return found
    return None


def _candidates(table: polars.DataFrame, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    ones = np.ones(len(table))
    for above, below in [RATIOS[name]] if name in RATIOS else []:
        if {above, below} <= set(table.columns):
            yield _numbers(table, above), _numbers(table, below)
    for column, sign in ((name, 1), ("score", 1), ("score", -1), *([("log_prob", -1)] if name == "loss" else [])):
        if column in table.columns and table[column].dtype.is_numeric():
            values = sign * _numbers(table, column)
            yield values, ones
            if "series" in table.columns:  # the mean over series of each one's mean
                weights = 1 / table.select(n=_count_over_series())["n"].to_numpy().astype(float)
                yield values * weights, weights


def _numbers(table: polars.DataFrame, column: str) -> np.ndarray:
    return table[column].to_numpy().astype(np.float64)


def _count_over_series() -> polars.Expr:
    import polars

    return polars.len().over("series")


def blocks(run: Run) -> np.ndarray | None:
    """(N,) numbers of the blocks of examples that are drawn together, where the run says that examples depend on
    one another (a column `block`, such as the day of a forecast's first hour); None where each stands alone.
    """
    table = run.examples
    if table is None or "block" not in table.columns:
        return None
    return np.unique(table["block"].to_numpy(), return_inverse=True)[1]


def in_order_of(ids: np.ndarray, found: PerExample) -> PerExample | None:
    """`found` with its examples in the order `ids`; None where they are not the same examples."""
    if np.array_equal(ids, found.ids):
        return found
    if len(ids) != len(found.ids):
        return None
    order = np.empty(len(ids), dtype=np.int64)
    order[np.argsort(ids, kind="stable")] = np.argsort(found.ids, kind="stable")
    if not np.array_equal(ids, found.ids[order]):
        return None
    return PerExample(found.numerator[order], found.denominator[order], ids)
