"""Raw rows -> a regular series: in order of time, one row a stamp, every gap known.  Nothing is repaired silently."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from datamodules.errors import BadInput
from datamodules.series.reading import RawSeries

Duplicates = Literal["mean", "first", "last", "error", "keep"]
Gaps = Literal["interpolate", "drop", "error", "ignore"]
Outliers = Literal["keep", "mask"]

MIXED_RUN = 12  # so many equal steps in a row that are not the usual one are no gaps
OUTLIER_DEVIATIONS = 10.0
OUTLIER_SHARE = 0.2
OUTLIER_DAYS = 2
SHOWN = 5


@dataclass
class CleanSeries:
    """A series in order of time, N rows and K columns.

    Rows of one `segment` follow one another without a gap.  A `filled` row was no row of the file: it is interpolated
    between its neighbours, so it must not be forecast, nor be the last thing that a forecast knows.
    """

    name: str
    columns: tuple[str, ...]
    times: np.ndarray  # (N,) datetime64[s]
    values: np.ndarray  # (N, K) float64
    filled: np.ndarray  # (N,) bool
    segment: np.ndarray  # (N,) int32, rising
    step: int  # seconds from a row to the next
    report: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.times)


def cleaned(
    raw: RawSeries,
    duplicates: Duplicates = "mean",
    gaps: Gaps = "interpolate",
    max_gap: int = 6,
    outliers: Outliers = "keep",
) -> CleanSeries:
    """A regular series, with a report of all that was found and done.

    Args:
        raw: the rows of a file.
        duplicates: repeated stamps become one row (their `mean`, the `first`, the `last` in the file), are an
            `error`, or are kept as if they followed one another (as the source article has it).
        gaps: missing rows are interpolated linearly where at most `max_gap` are missing in a row and cut the series
            in two where more are; always cut it (`drop`: no window spans one); are an `error`; or are ignored (as the
            source article has it).
        max_gap: rows.
        outliers: values that can hardly be meant are listed and kept, or listed and taken for missing (`mask`).

    Raises:
        BadInput: an error was asked for, or rows at two frequencies are mixed.
    """
    order = np.argsort(raw.times, kind="stable")
    reordered = int((np.diff(raw.times) < np.timedelta64(0)).sum())
    times, values, rows = raw.times[order], raw.values[order], order
    step = _step(raw, times, rows)

    times, values, repeated = _without_repeats(raw, times, values, rows, duplicates)
    empty = np.isnan(values).any(axis=1)
    num_empty = int(empty.sum())
    times, values = times[~empty], values[~empty]  # an empty cell is a missing hour
    if len(times) < 2:
        raise BadInput(f"{raw.path or raw.name}: fewer than two rows with numbers")

    suspected = suspected_outliers(values, rows_a_day=max(1, 86_400 // step))
    listed = [{"time": str(times[i]), "values": values[i].tolist()} for i in np.flatnonzero(suspected)]
    if outliers == "mask":
        times, values = times[~suspected], values[~suspected]
    missing, stamps = _missing(times, step)
    if missing and gaps == "error":
        raise BadInput(
            f"{raw.path or raw.name}: {missing} missing rows, the first at {stamps[0]}"
            " (datamodule.gaps: interpolate, drop or ignore accept that)"
        )
    times, values, filled, segment, interpolated = _regular(times, values, step, gaps, max_gap)
    report = {
        "series": raw.name,
        "rows": len(raw.times),
        "first": str(times[0]),
        "last": str(times[-1]),
        "step_seconds": step,
        "reordered": reordered,
        "repeated": {"stamps": repeated[:100], "count": len(repeated), "done": duplicates},
        "empty": num_empty,
        "missing": {"stamps": stamps[:100], "count": missing, "done": gaps, "interpolated": interpolated},
        "segments": int(segment[-1]) + 1,
        "outliers": {"rows": listed[:100], "count": len(listed), "done": outliers},
    }
    return CleanSeries(raw.name, raw.columns, times, values, filled, segment, step, report)


def report_line(report: dict[str, Any]) -> str:
    """The report of a series for people, on one line."""
    parts = [f"{report['rows']:,} rows, {report['first'][:16]} to {report['last'][:16]}"]
    if report["reordered"]:
        parts.append(f"{report['reordered']:,} steps back in time: sorted")
    if report["repeated"]["count"]:
        done = {"mean": "averaged", "first": "first kept", "last": "last kept", "keep": "kept"}
        parts.append(f"{report['repeated']['count']} repeated stamps: {done[report['repeated']['done']]}")
    if report["empty"]:
        parts.append(f"{report['empty']} rows with an empty cell")
    if report["missing"]["count"]:
        missing = report["missing"]
        what = "ignored" if missing["done"] == "ignore" else f"{missing['interpolated']} interpolated"
        parts.append(f"{missing['count']} missing: {what}, {report['segments']} unbroken stretches")
    if report["outliers"]["count"]:
        rows = report["outliers"]["rows"]
        shown = ", ".join(f"{r['time'][:16]} {' '.join(f'{v:,.6g}' for v in r['values'])}" for r in rows[:SHOWN])
        more = " ..." if report["outliers"]["count"] > SHOWN else ""
        what = "kept" if report["outliers"]["done"] == "keep" else "taken for missing"
        parts.append(f"{report['outliers']['count']} suspected outliers {what}: {shown}{more}")
    return f"{report['series']}: {'; '.join(parts)}"


def suspected_outliers(values: np.ndarray, rows_a_day: int) -> np.ndarray:
    """(N,) True for rows between a jump and the jump back, and for zeros and less in a series that has hardly any.

    A jump is a change from one row to the next that is `OUTLIER_DEVIATIONS` robust standard deviations away from the
    change at the same hour of other days, and in a series that is hardly ever negative also `OUTLIER_SHARE` of its
    level.  A heat wave comes and goes hour by hour and is none; a meter that fails does not.  The jump back comes
    within `OUTLIER_DAYS`.
    """
    flagged = np.zeros(len(values), dtype=bool)
    shifts = [days * rows_a_day for days in (-2, -1, 1, 2)]
    if len(values) <= 2 * max(shifts):
        return flagged
    for column in values.T:
        change = np.diff(column, prepend=column[0])
        unusual = change - np.median([np.roll(change, shift) for shift in shifts], axis=0)
        threshold = np.full(len(column), OUTLIER_DEVIATIONS * 1.4826 * np.median(np.abs(unusual)))
        if (column > 0).mean() > 0.999:
            flagged |= column <= 0
            level = np.abs(np.concatenate([column[:1], column[:-1]]))
            threshold = np.maximum(threshold, OUTLIER_SHARE * np.maximum(level, np.abs(column)))
        jumps = np.flatnonzero((np.abs(unusual) > threshold) & (np.abs(change) > threshold))
        for here, there in pairwise(jumps):
            back = np.sign(change[here]) != np.sign(change[there])
            if back and there - here <= OUTLIER_DAYS * rows_a_day:
                flagged[here:there] = True
    return flagged


def _step(raw: RawSeries, times: np.ndarray, rows: np.ndarray) -> int:
    """Seconds between rows: the most frequent difference of neighbours."""
    differences = np.diff(times).astype(np.int64)
    positive = differences[differences > 0]
    if not len(positive):
        raise BadInput(f"{raw.path or raw.name}: fewer than two time stamps")
    kinds, counts = np.unique(positive, return_counts=True)
    step: int = int(kinds[counts.argmax()])
    odd = np.flatnonzero((differences > 0) & (differences % step != 0))
    if len(odd):
        at = int(odd[0]) + 1
        raise BadInput(
            f"{raw.place(int(rows[at]))}: {times[at]} is {differences[at - 1]:,} seconds after the row before it,"
            f" the others are {step:,} apart; one frequency a file is accepted"
        )
    unusual = (differences != step) & (differences > 0)
    run = 0
    for at in np.flatnonzero(unusual).tolist():
        run = run + 1 if at and unusual[at - 1] and differences[at] == differences[at - 1] else 1
        if run >= MIXED_RUN:
            raise BadInput(
                f"{raw.place(int(rows[at + 1]))}: {run} rows in a row are {differences[at]:,} seconds apart, the others"
                f" {step:,}; one frequency a file is accepted"
            )
    return step


def _without_repeats(
    raw: RawSeries, times: np.ndarray, values: np.ndarray, rows: np.ndarray, duplicates: Duplicates
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    again = np.flatnonzero(np.diff(times) == np.timedelta64(0)) + 1
    stamps = [str(stamp) for stamp in np.unique(times[again])]
    if not len(again) or duplicates == "keep":
        return times, values, stamps
    if duplicates == "error":
        raise BadInput(
            f"{raw.place(int(rows[again[0]]))}: {times[again[0]]} is there twice"
            " (datamodule.duplicates: mean, first or last accept that)"
        )
    distinct, first, counts = np.unique(times, return_index=True, return_counts=True)
    if duplicates == "mean":
        values = np.add.reduceat(values, first, axis=0) / counts[:, None]
    else:
        values = values[first if duplicates == "first" else first + counts - 1]
    return distinct, values, stamps


def _missing(times: np.ndarray, step: int) -> tuple[int, list[str]]:
    """How many rows are missing between the first and the last, and the stamps of the first hundred."""
    lacking = np.maximum(np.diff(times).astype(np.int64) // step - 1, 0)
    stamps: list[str] = []
    for at in np.flatnonzero(lacking)[:100]:
        stamps += [str(times[at] + np.timedelta64(step * (i + 1), "s")) for i in range(min(int(lacking[at]), 100))]
    return int(lacking.sum()), stamps


def _regular(
    times: np.ndarray, values: np.ndarray, step: int, gaps: Gaps, max_gap: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Times, values, filled, segment and the number of interpolated rows."""
    lacking = np.maximum(np.diff(times).astype(np.int64) // step - 1, 0)
    if gaps == "ignore" or not lacking.any():
        return times, values, np.zeros(len(times), bool), np.zeros(len(times), np.int32), 0
    fillable = (lacking > 0) & (lacking <= max_gap) if gaps == "interpolate" else np.zeros(len(lacking), bool)
    rows = np.repeat(np.arange(len(times)), np.append(np.where(fillable, lacking, 0) + 1, 1))
    offset = np.arange(len(rows)) - np.searchsorted(rows, rows)  # 0 for a row of the file, 1.. for those after it
    share = (offset / np.append(np.where(fillable, lacking, 0) + 1, 1)[rows])[:, None]
    following = np.minimum(rows + 1, len(times) - 1)
    dense = values[rows] * (1 - share) + values[following] * share
    cut = np.append(0, np.cumsum((lacking > 0) & ~fillable))
    regular_times = times[rows] + (offset * step).astype("timedelta64[s]")
    return regular_times, dense, offset > 0, cut[rows].astype(np.int32), int((offset > 0).sum())
