"""Settings for reading series from tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from datamodules.errors import BadInput
from datamodules.series.zones import zone_of

SeriesOf = Literal["files", "columns"]


@dataclass(frozen=True)
class ReadingConfig:
    """How files become series; None: detected.  A finished run keeps what was decided.

    Args:
        time_column: one name, or several that make one stamp.
        time_format: of the stamps, as Python's strptime has it.
        timezone: an IANA name, in whose wall time the calendar is read; stamps without a zone are of that zone.
        day_first: how `01/02/2024` is meant where a file does not say.
        id_column: of a long table.
        hour_columns: the 24 of a table with a day a row.
        target_columns: to forecast; None: all of numbers that are no counter, no constant and no covariate.
        past_covariates: known up to now.
        future_covariates: known ahead as well.
        series: `files`: a file (or id) is one series of all its target columns; `columns`: each column is one.
        separator, decimal, thousands, encoding, skip_rows, missing_values: see `Dialect`.
        known_targets: of a finished run, matched by name where `target_columns` names none.
    """

    time_column: str | tuple[str, ...] | None = None
    time_format: str | None = None
    timezone: str | None = None
    day_first: bool | None = None
    id_column: str | None = None
    hour_columns: tuple[str, ...] | None = None
    target_columns: tuple[str, ...] | None = None
    past_covariates: tuple[str, ...] = ()
    future_covariates: tuple[str, ...] = ()
    series: SeriesOf = "files"
    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    skip_rows: int | None = None
    missing_values: tuple[str, ...] = ()
    known_targets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        both = set(self.past_covariates) & set(self.future_covariates)
        both |= set(self.target_columns or ()) & {*self.past_covariates, *self.future_covariates}
        if both:
            raise BadInput(
                f"datamodule: column '{min(both)}' has two roles; target_columns, past_covariates and"
                " future_covariates are distinct"
            )
        if self.timezone is not None:
            zone_of(self.timezone)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Past covariates, then future ones."""
        return (*self.past_covariates, *self.future_covariates)

    def to_dict(self) -> dict[str, Any]:
        state = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        del state["known_targets"]
        return state

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> ReadingConfig:
        """Also of version 0.1.0, whose targets were `value_columns`."""
        state = {**state, "target_columns": state.get("target_columns") or state.get("value_columns")}
        known = {name: state[name] for name in cls.__dataclass_fields__ if state.get(name) is not None}
        return cls(**known)
