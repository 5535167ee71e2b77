"""Facts about a metric, declared once by the class that computes it and stored with every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from datamodules.errors import BadInput

Direction = Literal["minimize", "maximize"]
Reduction = Literal["mean", "ratio", "macro_f1", "balanced_accuracy"]
Transform = Literal["identity", "sqrt", "exp"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "direction": ("minimize", "maximize"),
    "reduction": ("mean", "ratio", "macro_f1", "balanced_accuracy"),
    "transform": ("identity", "sqrt", "exp"),
}


@dataclass(frozen=True)
class MetricInfo:
    """Direction of a metric, whether it can be the headline, and how it follows from `predictions.parquet`.

    The value over a set of examples is `scale * transform(reduction(columns))`.  With it, a comparison computes the
    metric on resampled test examples (paired bootstrap) and so tells whether a difference is real.

    Args:
        direction: which way is better.
        headline: whether it may decide which run is best where nothing else is asked for.
        columns: columns of `predictions.parquet` that it is computed from; none where it cannot be.
        reduction: `mean` of columns[0]; `ratio` of the sums of columns[0] and columns[1]; `macro_f1` and
            `balanced_accuracy` of columns (target, prediction).
        group_by: a column; the metric is then the mean over its values (such as series) of each group's own.
        transform: of a group's reduction.
        scale: -1 where the column is higher for a better example and the metric lower.

    >>> MetricInfo("minimize", columns=("edits", "target_length"), reduction="ratio").direction
    'minimize'
    """

    direction: Direction
    headline: bool = False
    columns: tuple[str, ...] = ()
    reduction: Reduction = "mean"
    group_by: str | None = None
    transform: Transform = "identity"
    scale: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """The facts that differ from the defaults, as environment.json holds them."""
        values = asdict(self)
        values["columns"] = list(self.columns)
        return {
            f.name: values[f.name] for f in fields(self) if f.name == "direction" or getattr(self, f.name) != f.default
        }

    @classmethod
    def from_json(cls, stored: Any, place: str) -> MetricInfo:
        """The facts that `as_json` gave.

        Args:
            stored: what a file holds.
            place: the file and metric, for the message.

        Raises:
            BadInput: they are something else.
        """
        if not isinstance(stored, dict) or "direction" not in stored:
            raise BadInput(f"{place}: no facts of a metric (a direction is needed)")
        names = {f.name for f in fields(cls)}
        values = {key: value for key, value in stored.items() if key in names}  # a later version may know more
        for key, choices in _CHOICES.items():
            if key in values and values[key] not in choices:
                raise BadInput(f"{place}: {key}={values[key]!r}; one of {', '.join(choices)} is accepted")
        columns = values.get("columns", [])
        if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
            raise BadInput(f"{place}: columns are a list of names")
        if not isinstance(values.get("scale", 1.0), (int, float)) or not isinstance(values.get("group_by", ""), str):
            raise BadInput(f"{place}: scale is a number and group_by the name of a column")
        return cls(**{**values, "columns": tuple(columns)})


#: The loss, which every task has.
LOSS = MetricInfo("minimize", headline=True)


def declared(metrics: Any) -> dict[str, MetricInfo]:
    """The facts of each metric that an object with `compute() -> {name: value}` declares.

    `INFO` of its class (name -> MetricInfo) says them; a torchmetrics class of one value says its direction by
    `higher_is_better`, and is then known by the name of that class in lower case.  The loss needs no declaration.
    """
    infos: dict[str, MetricInfo] = {"loss": LOSS}
    info: Mapping[str, MetricInfo] = getattr(metrics, "INFO", None) or {}
    higher = getattr(metrics, "higher_is_better", None)
    if not info and higher is not None:
        infos[type(metrics).__name__.lower()] = MetricInfo("maximize" if higher else "minimize")
    return {**infos, **info}
