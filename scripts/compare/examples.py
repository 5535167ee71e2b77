"""A metric as a function of sums over examples, so that it can be computed on resampled examples.

How a metric follows from the columns of `predictions.parquet` is declared by the class that computes it
(`lightning_modules.tasks.metric_info.MetricInfo`) and stored with the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars

from lightning_modules.tasks.metric_info import MetricInfo
from scripts.compare.runs import Run

#: Sums (R, V) under R resamplings of the examples -> the metric (R,) under each.
Combine = Callable[[np.ndarray], np.ndarray]

_TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda values: values,
    "sqrt": np.sqrt,
    "exp": np.exp,
}


@dataclass
class PerExample:
    """A metric as `combine` of the sums of vectors over the examples."""

    vectors: list[np.ndarray]  # V of (N,)
    combine: Combine
    ids: np.ndarray  # (N,) uint64, of the examples, in the order of the rows

    @property
    def value(self) -> float:
        return float(self.combine(np.array([[vector.sum() for vector in self.vectors]]))[0])


def per_example(run: Run, metric: str) -> PerExample | None:
    """The metric of a run from its predictions.

    None where the predictions lack its columns, belong to another split, or give another value than the run reported
    (as a loss with class weights does).
    """
    table = run.examples
    split, _, name = metric.partition("/")
    info, reported = run.facts.of(name), (run.metrics or {}).get(metric)
    if table is None or info is None or reported is None or split != run.predicted_split or not info.columns:
        return None
    if info.reduction in ("macro_f1", "balanced_accuracy"):
        parts = _of_classes(run, info)
    else:
        parts = _of_numeric_columns(table, info)
    if parts is None:
        return None
    vectors, combine = parts
    found = PerExample(vectors, combine, table["id"].to_numpy())
    return found if abs(found.value - reported) <= 1e-6 + 1e-4 * abs(reported) else None


def _of_numeric_columns(table: polars.DataFrame, info: MetricInfo) -> tuple[list[np.ndarray], Combine] | None:
    """Mean or ratio of numeric columns, in groups where the metric has them."""
    if not all(name in table.columns and table[name].dtype.is_numeric() for name in info.columns):
        return None
    above = _float_column(table, info.columns[0])
    below = _float_column(table, info.columns[1]) if info.reduction == "ratio" else np.ones(len(table))
    transform = _TRANSFORMS[info.transform]
    grouped = info.group_by is not None and info.group_by in table.columns
    if not grouped or table[str(info.group_by)].n_unique() == 1:
        return [above, below], lambda sums: info.scale * transform(sums[:, 0] / np.maximum(sums[:, 1], 1e-300))
    if info.transform == "identity" and info.reduction == "mean":
        # one weight an example instead of two vectors a group: the sizes of the groups are taken as given
        weights = 1 / table.select(n=polars.len().over(str(info.group_by)))["n"].to_numpy().astype(float)
        return [above * weights, weights], lambda sums: info.scale * sums[:, 0] / np.maximum(sums[:, 1], 1e-300)
    groups = np.unique(table[str(info.group_by)].to_numpy(), return_inverse=True)[1]
    vectors = []
    for group in range(groups.max() + 1):
        vectors += [np.where(groups == group, above, 0.0), np.where(groups == group, below, 0.0)]

    def combine(sums: np.ndarray) -> np.ndarray:
        drawn = sums[:, 1::2] > 0  # a group of which no example was drawn does not count
        values = np.where(drawn, transform(sums[:, 0::2] / np.where(drawn, sums[:, 1::2], 1)), 0.0)
        return info.scale * values.sum(axis=1) / drawn.sum(axis=1)

    return vectors, combine


def _of_classes(run: Run, info: MetricInfo) -> tuple[list[np.ndarray], Combine] | None:
    """Metrics of hits, targets and predictions of each class."""
    table = run.predictions()
    if table is None or not set(info.columns) <= set(table.columns):
        return None
    target, prediction = (table[name].to_numpy() for name in info.columns)
    vectors = []
    for value in sorted({*target.tolist(), *prediction.tolist()}):
        is_target, is_predicted = target == value, prediction == value
        vectors += [(is_target & is_predicted).astype(float), is_target.astype(float), is_predicted.astype(float)]
    combine = _macro_f1 if info.reduction == "macro_f1" else _balanced_accuracy
    return vectors, lambda sums: info.scale * combine(sums)


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    """The mean F1 of the classes that occur as target or prediction."""
    hits, targets, predicted = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
    return (2 * hits / np.maximum(targets + predicted, 1)).sum(axis=1) / (targets + predicted > 0).sum(axis=1)


def _balanced_accuracy(sums: np.ndarray) -> np.ndarray:
    """The mean recall of the classes that occur as target."""
    hits, targets = sums[:, 0::3], sums[:, 1::3]
    return (hits / np.maximum(targets, 1)).sum(axis=1) / (targets > 0).sum(axis=1)


def _float_column(table: polars.DataFrame, column: str) -> np.ndarray:
    return table[column].to_numpy().astype(np.float64)


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


def reordered(ids: np.ndarray, found: PerExample) -> PerExample | None:
    """`found` with its examples in the order `ids`; None where the ids differ."""
    if np.array_equal(ids, found.ids):
        return found
    if len(ids) != len(found.ids):
        return None
    order = np.empty(len(ids), dtype=np.int64)
    order[np.argsort(ids, kind="stable")] = np.argsort(found.ids, kind="stable")
    if not np.array_equal(ids, found.ids[order]):
        return None
    return PerExample([vector[order] for vector in found.vectors], found.combine, ids)
