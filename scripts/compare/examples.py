"""A test metric as a function of sums over test examples, so that other samples of examples can be tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scripts.compare.runs import Run

if TYPE_CHECKING:
    import polars

#: Metrics that are a ratio of two columns of predictions.parquet, summed.
RATIOS = {"cer": ("edits", "target_length")}

#: Sums (R, V) under R samples of examples -> the metric (R,) under each.
Combine = Callable[[np.ndarray], np.ndarray]


@dataclass
class PerExample:
    """A metric is `combine` of the sums of these vectors over the test examples."""

    vectors: Sequence[np.ndarray]  # V of (N,)
    combine: Combine
    ids: np.ndarray  # (N,) uint64, of the examples, in the order of the rows

    @property
    def value(self) -> float:
        return float(self.combine(np.array([[vector.sum() for vector in self.vectors]]))[0])


def per_example(run: Run, metric: str) -> PerExample | None:
    """The parts of a test metric, if the predictions hold them: they have to give what the run reported."""
    table = run.examples
    part, _, name = metric.partition("/")
    reported = (run.metrics or {}).get(metric)
    if table is None or reported is None or part != "test":
        return None
    for vectors, combine in _candidates(run, table, name):
        found = PerExample(vectors, combine, table["id"].to_numpy())
        if abs(found.value - reported) <= 1e-6 + 1e-4 * abs(reported):
            return found
    return None


def _candidates(run: Run, table: polars.DataFrame, name: str) -> Iterator[tuple[list[np.ndarray], Combine]]:
    """Ways in which the columns may make the metric."""
    if name in ("macro_f1", "balanced_accuracy"):
        yield from _of_classes(run, name)
    ones = np.ones(len(table))
    for above, below in [RATIOS[name]] if name in RATIOS else []:
        if {above, below} <= set(table.columns):
            yield [_numbers(table, above), _numbers(table, below)], _ratio
    for column, sign in ((name, 1), ("score", 1), ("score", -1), *([("log_prob", -1)] if name == "loss" else [])):
        if column in table.columns and table[column].dtype.is_numeric():
            values = sign * _numbers(table, column)
            yield [values, ones], _ratio
            if "series" in table.columns:  # the mean over series of each one's mean
                weights = 1 / table.select(n=_count_over_series())["n"].to_numpy().astype(float)
                yield [values * weights, weights], _ratio


def _ratio(sums: np.ndarray) -> np.ndarray:
    return sums[:, 0] / sums[:, 1]


def _of_classes(run: Run, name: str) -> Iterator[tuple[list[np.ndarray], Combine]]:
    """Metrics of hits, targets and answers of each class."""
    table = run.predictions()
    if table is None or not {"target", "answer"} <= set(table.columns):
        return
    target, answer = table["target"].to_numpy(), table["answer"].to_numpy()
    vectors = []
    for value in sorted({*target.tolist(), *answer.tolist()}):
        is_target, is_answer = target == value, answer == value
        vectors += [(is_target & is_answer).astype(float), is_target.astype(float), is_answer.astype(float)]
    yield vectors, _macro_f1 if name == "macro_f1" else _balanced_accuracy


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    """The mean F1 of the classes that occur as target or answer."""
    hits, targets, answers = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
    return (2 * hits / np.maximum(targets + answers, 1)).sum(axis=1) / (targets + answers > 0).sum(axis=1)


def _balanced_accuracy(sums: np.ndarray) -> np.ndarray:
    """The mean recall of the classes that occur as target."""
    hits, targets = sums[:, 0::3], sums[:, 1::3]
    return (hits / np.maximum(targets, 1)).sum(axis=1) / (targets > 0).sum(axis=1)


def _numbers(table: polars.DataFrame, column: str) -> np.ndarray:
    return table[column].to_numpy().astype(np.float64)


def _count_over_series() -> polars.Expr:
    import polars

    return polars.len().over("series")


def blocks(run: Run) -> np.ndarray | None:
    """(N,) numbers of the blocks of examples that are drawn together, as they depend on one another: those of a week
    where examples have a time (of all series), or what a column `block` says; None where each stands alone.
    """
    table = run.examples
    if table is None:
        return None
    times = [name for name, kind in table.schema.items() if kind.is_temporal()]
    if "block" in table.columns:
        names = table["block"]
    elif times:
        names = table[times[0]].dt.truncate("1w")
    else:
        return None
    return np.unique(names.to_numpy(), return_inverse=True)[1]


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
    return PerExample([vector[order] for vector in found.vectors], found.combine, ids)
