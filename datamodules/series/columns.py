"""Columns of a table: which are forecast, which are covariates, and which are neither."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import polars

from datamodules.errors import BadInput, did_you_mean
from datamodules.series.config import ReadingConfig
from datamodules.series.tables import Table

SHOWN = 8  # names in a sentence
#: Part of a stamp -> words of a column's name, the part as a number, and after how many it starts anew.
PARTS: dict[str, tuple[set[str], Callable[[np.ndarray], np.ndarray], int]] = {
    "hour": ({"hour", "hr", "he", "hourending"}, lambda times: times.astype("datetime64[h]").astype(np.int64), 24),
    "weekday": ({"weekday", "dow", "dayofweek"}, lambda times: times.astype("datetime64[D]").astype(np.int64), 7),
    "month": ({"month", "mon", "mnth"}, lambda times: times.astype("datetime64[M]").astype(np.int64), 12),
    "year": ({"year", "yr"}, lambda times: times.astype("datetime64[Y]").astype(np.int64) + 1970, 10_000),
    "day": (
        {"day", "dom", "dayofmonth"},
        lambda times: (times.astype("datetime64[D]") - times.astype("datetime64[M]")).astype(np.int64),
        10_000,
    ),
}


def choose_targets(
    table: Table, columns: list[str], config: ReadingConfig, identity: str | None, times: np.ndarray
) -> tuple[list[str], list[str]]:
    """The target columns of a table, and those left out with the reason.

    Args:
        table: a file.
        columns: those that are neither stamp nor id.
        config: how it is read.
        identity: the column of ids of a long table.
        times: (N,) its stamps.

    Raises:
        BadInput: a column that was asked for is not there, or there is none of numbers.
    """
    asked = [*(config.target_columns or ()), *config.covariates]
    for name in asked:
        if name not in columns:
            key = "target_columns" if name in (config.target_columns or ()) else "past_covariates"
            key = "future_covariates" if name in config.future_covariates else key
            raise BadInput(
                f"{table.path}: no column '{name}'{did_you_mean(name, columns)} (datamodule.{key}); it has"
                f" {', '.join(columns[:SHOWN])}{' ...' if len(columns) > SHOWN else ''}"
            )
    wanted = config.target_columns or (config.known_targets if set(config.known_targets) <= set(columns) else ())
    if wanted:
        return list(wanted), []
    targets: list[str] = []
    left_out: list[str] = []
    other: dict[str, str] = {}  # numbers that are a target only where there is no other
    for name in columns:
        if name in config.covariates:
            continue
        column = table.frame[name]
        if column.null_count() == len(column):
            left_out.append(f"'{name}' (empty)")
        elif not table.is_numeric(name):
            left_out.append(f"'{name}' (no numbers)")
        elif identity is None and _is_counter(table, name):
            other[name] = "counts rows"
        elif _is_constant(column):
            other[name] = "constant"
        elif identity is not None and table.follows_from(name, identity):
            other[name] = f"constant for each {identity}"
        elif part := _part_of_stamp(table, name, times):
            other[name] = f"the stamp's {part}"
        else:
            targets.append(name)
    if not targets and len(other) == 1:
        targets, other = list(other), {}
    left_out += [f"'{name}' ({reason})" for name, reason in other.items()]
    if config.known_targets and len(targets) != len(config.known_targets):
        missing = next(name for name in config.known_targets if name not in columns)
        raise BadInput(
            f"{table.path}: no column '{missing}'{did_you_mean(missing, columns)}; the run forecasts"
            f" {', '.join(config.known_targets[:SHOWN])}, the file has {', '.join(columns[:SHOWN])}"
        )
    if config.known_targets and len(config.known_targets) > 1:
        missing = next(name for name in config.known_targets if name not in columns)
        raise BadInput(
            f"{table.path}: no column '{missing}'{did_you_mean(missing, columns)}; it has {', '.join(columns[:SHOWN])}"
        )
    if not targets:
        raise BadInput(
            f"{table.path}: no column of numbers to forecast; left out: {', '.join(left_out) or 'none'}"
            " (datamodule.target_columns names some)"
        )
    return targets, left_out


def _is_counter(table: Table, name: str) -> bool:
    """Whether a column rises by one number from row to row, as a row number does."""
    column = table.frame[name]
    if len(column) < 3 or (column.dtype == polars.String and column.null_count()):
        return False
    head = column.head(50)
    if column.dtype == polars.String:
        head = head.str.strip_chars().cast(polars.Float64, strict=False)
    steps = head.cast(polars.Float64).diff().drop_nulls()
    if not len(steps) or steps.n_unique() != 1 or steps[0] == 0:
        return False
    all_steps = np.diff(table.numbers(name))
    return bool((all_steps == all_steps[0]).all())


def _is_constant(column: polars.Series) -> bool:
    present = column.drop_nulls()
    return bool(len(present) > 1 and present[0] == present[-1] and present.n_unique() == 1)


def _part_of_stamp(table: Table, name: str, times: np.ndarray) -> str | None:
    """The part of the stamps that a column repeats (in another zone perhaps, or counted from 1); None for none."""
    words = set(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
    words.add("".join(re.findall(r"[a-z]+", name.lower())))
    for part, (names, number, cycle) in PARTS.items():
        if words & names:
            values = table.numbers(name)
            known = ~np.isnan(values)
            shifts = np.unique(((values - number(times)) % cycle)[known])
            if len(shifts) <= 2 and (shifts == np.floor(shifts)).all():  # a clock that goes back has two
                return part
    return None
