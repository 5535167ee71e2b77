"""Raw rows -> a regular series: in order of time, one row a stamp, every gap known.  Nothing is repaired silently."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from datamodules.errors import BadInput
from datamodules.series.frequency import Frequency, duration_rows
from datamodules.series.outliers import suspected_outliers
from datamodules.series.reading import RawSeries
from datamodules.series.resampling import Resampling, resampled
from datamodules.series.timeline import Timeline, build_timeline
from datamodules.series.zones import Style

Duplicates = Literal["mean", "first", "last", "error", "keep"]
Gaps = Literal["interpolate", "drop", "error", "ignore"]
Outliers = Literal["keep", "mask"]

SHOWN = 5
LISTED = 100  # stamps of a report


@dataclass(frozen=True)
class CleaningConfig:
    """Cleaning of series: duplicates, gaps, outliers, resampling.

    Args:
        duplicates: repeated stamps become one row (their `mean`, the `first`, the `last` in the file), are an
            `error`, or are kept as if they followed one another.  A cell that is empty gives way to one that is not.
        gaps: missing rows are interpolated linearly where at most `max_gap` are missing in a row and cut the series
            in two where more are; always cut it (`drop`: no window spans one); are an `error`; or are ignored.
        max_gap: rows or a duration (`6h`); one row at least.
        outliers: values that can hardly be meant are listed and kept, or listed and taken for missing (`mask`).
        resample: a step and `mean` or `sum`.
    """

    duplicates: Duplicates = "mean"
    gaps: Gaps = "interpolate"
    max_gap: int | str = "6h"
    outliers: Outliers = "keep"
    resample: Resampling | None = None

    def to_dict(self) -> dict[str, Any]:
        how = self.resample
        return {**asdict(self), "resample": None if how is None else {how.step: how.how}}


@dataclass
class CleanSeries:
    """A series in order of time: N rows, K targets, C covariates.

    Rows of one `segment` follow one another without a gap.  A `filled` row was no row of the file: it is interpolated
    between its neighbours, so it must not be forecast, nor be the last thing that a forecast knows.
    """

    name: str
    columns: tuple[str, ...]
    times: np.ndarray  # (N,) datetime64[s]
    values: np.ndarray  # (N, K) float64
    filled: np.ndarray  # (N,) bool
    segment: np.ndarray  # (N,) int32, rising
    frequency: Frequency
    covariate_names: tuple[str, ...] = ()
    covariates: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))  # (N, C) float64
    ahead_times: np.ndarray = field(default_factory=lambda: np.zeros(0, "datetime64[s]"))  # (A,) after the last row
    ahead_covariates: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))  # (A, C), NaN where missing
    zone: str | None = None  # whose wall time the calendar is read in
    style: Style = field(default_factory=Style)
    report: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.times)

    def stamps_after(self, row: int, count: int) -> np.ndarray:
        """(count,) datetime64[s] of the steps that follow row `row`."""
        return self.frequency.stamps(self.times[row], np.arange(1, count + 1))


def clean(
    raw: RawSeries,
    values: np.ndarray,
    config: CleaningConfig,
    timeline: Timeline | None = None,
    check_outliers: bool = True,
) -> CleanSeries:
    """A regular series, with a report of all that was found and done.

    Args:
        raw: the rows of a file.
        values: (N, K + C) of `raw.values`.
        config: what is done.
        timeline: of these stamps, where it is known already.
        check_outliers: look for them.

    Raises:
        BadInput: an error was asked for, or rows at two steps are mixed.
    """
    num_targets = len(raw.columns)
    num_rows = len(raw.times)
    incomplete = 0
    if config.resample is not None:
        raw, values, incomplete = resampled(raw, values, config.resample)
        timeline = None
    line = timeline or build_timeline(raw)
    values = values if line.order is None else values[line.order]
    times, values, repeated = _merge_repeats(raw, line, values, config.duplicates)
    frequency = line.frequency
    max_gap = duration_rows(config.max_gap, frequency, "datamodule.max_gap")

    positions = frequency.positions(times, times[0])
    covariates = values[:, num_targets:]
    covariates, interpolated_covariates = _interpolate_short(positions, covariates, max_gap)
    targets = values[:, :num_targets]
    empty = np.isnan(targets).any(axis=1)
    num_empty = np.isnan(targets).sum(axis=0)
    if empty.all():
        raise BadInput(f"{raw.path or raw.name}: series '{raw.name}' has no row with numbers")
    last = len(empty) - 1 - int(empty[::-1].argmin()) if empty[-1] else len(empty) - 1
    ahead_times, ahead_covariates = times[last + 1 :], covariates[last + 1 :]
    times, positions, targets, covariates, empty = (
        a[: last + 1] for a in (times, positions, targets, covariates, empty)
    )
    lacking = np.isnan(covariates).any(axis=1) & ~empty
    usable = ~(empty | lacking)
    if not usable.any():
        raise BadInput(f"{raw.path or raw.name}: series '{raw.name}' has no row with all covariates")
    all_positions, all_covariates = positions, covariates
    if not usable.all():
        times, positions, targets, covariates = (a[usable] for a in (times, positions, targets, covariates))
    if len(times) < 2:
        raise BadInput(f"{raw.path or raw.name}: series '{raw.name}' has fewer than two rows with numbers")

    suspected = suspected_outliers(targets, frequency.rows_a_day) if check_outliers else np.zeros(len(times), bool)
    listed = [{"time": str(times[i]), "values": targets[i].tolist()} for i in np.flatnonzero(suspected)[:LISTED]]
    num_suspected = int(suspected.sum())
    if config.outliers == "mask" and num_suspected:
        times, positions, targets, covariates = (a[~suspected] for a in (times, positions, targets, covariates))
    lack = np.maximum(np.diff(positions) - 1, 0)
    missing = int(lack.sum())
    stamps = _missing_stamps(times, lack, frequency)
    if missing and config.gaps == "error":
        raise BadInput(
            f"{raw.path or raw.name}: {missing} missing rows, the first at {stamps[0]}"
            " (datamodule.gaps: interpolate, drop or ignore accept that)"
        )
    times, targets, covariates, filled, segment = _regular(
        times, positions, targets, covariates, lack, frequency, config.gaps, max_gap, (all_positions, all_covariates)
    )
    report = {
        "series": raw.name,
        "rows": num_rows,
        "first": str(times[0]),
        "last": str(times[-1]),
        "step": str(frequency),
        "reordered": line.reordered,
        "jittered": line.jittered,
        "resampled": None if config.resample is None else {"step": config.resample.step, "incomplete": incomplete},
        "repeated": {"stamps": repeated[:LISTED], "count": len(repeated), "done": config.duplicates},
        "columns": num_targets,
        "empty": int(empty.sum()),
        "empty_columns": {name: int(n) for name, n in zip(raw.columns, num_empty) if n},
        "ahead": len(ahead_times),
        "covariates": {"missing": int(lacking.sum()), "interpolated": interpolated_covariates},
        "missing": {
            "stamps": stamps, "count": missing, "done": config.gaps, "interpolated": int(filled.sum()),
        },
        "segments": int(segment[-1]) + 1,
        "outliers": {"rows": listed, "count": num_suspected, "done": config.outliers},
    }  # fmt: skip
    return CleanSeries(
        raw.name, raw.columns, times, targets, filled, segment, frequency, raw.covariates, covariates, ahead_times,
        ahead_covariates, raw.zone, raw.style, report,
    )  # fmt: skip


def _columns(report: dict[str, Any]) -> str:
    """The columns whose cells are empty, those with most first, where it is not all of them."""
    counts = sorted(report["empty_columns"].items(), key=lambda item: -item[1])
    if all(count == report["empty"] for _, count in counts) and len(counts) == report["columns"]:
        return ""
    return f" ({', '.join(f'{name} {count:,}' for name, count in counts[:SHOWN])})"


def report_line(report: dict[str, Any], always: bool = True) -> str:
    """The report of a series, on one line; empty where there is nothing to say and `always` is false."""
    parts = []
    if report["resampled"]:
        parts.append(
            f"resampled to {report['resampled']['step']}, {report['resampled']['incomplete']} incomplete steps missing"
        )
    if report["reordered"]:
        parts.append(f"{report['reordered']:,} steps back in time: sorted")
    if report["jittered"]:
        parts.append(f"{report['jittered']:,} stamps a second or two beside the step: put onto it")
    if report["repeated"]["count"]:
        done = {"mean": "averaged", "first": "first kept", "last": "last kept", "keep": "kept"}
        parts.append(f"{report['repeated']['count']} repeated stamps: {done[report['repeated']['done']]}")
    if report["empty"]:
        parts.append(f"{report['empty']:,} rows with an empty cell{_columns(report)}")
    if report["ahead"]:
        parts.append(f"{report['ahead']:,} rows after the last one with numbers: not known yet")
    if report["covariates"]["missing"] or report["covariates"]["interpolated"]:
        covariates = report["covariates"]
        parts.append(
            f"{covariates['interpolated']:,} empty covariates interpolated, {covariates['missing']:,} rows without one"
            " taken for missing"
        )
    if report["missing"]["count"]:
        missing = report["missing"]
        what = "ignored" if missing["done"] == "ignore" else f"{missing['interpolated']:,} interpolated"
        parts.append(f"{missing['count']:,} missing: {what}, {report['segments']} unbroken stretches")
    if report["outliers"]["count"]:
        rows = report["outliers"]["rows"]
        shown = ", ".join(f"{r['time'][:16]} {' '.join(f'{v:,.6g}' for v in r['values'])}" for r in rows[:SHOWN])
        more = " ..." if report["outliers"]["count"] > SHOWN else ""
        what = "kept" if report["outliers"]["done"] == "keep" else "taken for missing"
        parts.append(f"{report['outliers']['count']} suspected outliers {what}: {shown}{more}")
    if not parts and not always:
        return ""
    span = f"{report['rows']:,} rows, {report['first'][:16]} to {report['last'][:16]}, step {report['step']}"
    return f"{report['series']}: {'; '.join([span, *parts])}"


def _merge_repeats(
    raw: RawSeries, line: Timeline, values: np.ndarray, duplicates: Duplicates
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Times, values and the repeated stamps."""
    again, times = line.repeated, line.times
    stamps = [str(stamp) for stamp in np.unique(times[again])]
    if not len(again) or duplicates == "keep":
        return times, values, stamps
    if duplicates == "error":
        raise BadInput(
            f"{raw.place(line.row(int(again[0])))}: {times[again[0]]} is there twice"
            " (datamodule.duplicates: mean, first or last accept that)"
        )
    first = np.ones(len(times), bool)
    first[again] = False
    starts = np.flatnonzero(first)
    counts = np.diff(np.append(starts, len(times)))
    merged = values[starts]
    for group in np.flatnonzero(counts > 1).tolist():
        rows = values[starts[group] : starts[group] + counts[group]]
        for column in range(rows.shape[1]):
            present = rows[~np.isnan(rows[:, column]), column]
            if len(present):
                merged[group, column] = {"mean": present.mean(), "first": present[0], "last": present[-1]}[duplicates]
    return times[starts], merged, stamps


def _interpolate_short(positions: np.ndarray, values: np.ndarray, max_gap: int) -> tuple[np.ndarray, int]:
    """Values with empty cells between two others filled linearly, up to `max_gap` steps; and how many."""
    if not values.shape[1] or not np.isnan(values).any():
        return values, 0
    values, count = values.copy(), 0
    for column in values.T:
        known = np.flatnonzero(~np.isnan(column))
        if len(known) < 2:
            continue
        empty = np.flatnonzero(np.isnan(column))
        empty = empty[(empty > known[0]) & (empty < known[-1])]
        after = np.searchsorted(known, empty)
        width = positions[known[after]] - positions[known[after - 1]] - 1
        short = empty[width <= max_gap]
        column[short] = np.interp(positions[short], positions[known], column[known])
        count += len(short)
    return values, count


def _missing_stamps(times: np.ndarray, lack: np.ndarray, frequency: Frequency) -> list[str]:
    """The first missing stamps."""
    stamps: list[str] = []
    for at in np.flatnonzero(lack)[:LISTED]:
        stamps += [str(s) for s in frequency.stamps(times[at], np.arange(1, min(int(lack[at]), LISTED) + 1))]
    return stamps[:LISTED]


def _regular(
    times: np.ndarray,
    positions: np.ndarray,
    targets: np.ndarray,
    covariates: np.ndarray,
    lack: np.ndarray,
    frequency: Frequency,
    gaps: Gaps,
    max_gap: int,
    known: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times, targets, covariates, filled and segment of the rows with short gaps filled.

    Args:
        lack: (N - 1,) rows missing after each.
        known: positions and covariates of all rows, those without targets among them.
    """
    if gaps == "ignore" or not lack.any():
        return times, targets, covariates, np.zeros(len(times), bool), np.zeros(len(times), np.int32)
    fillable = (lack > 0) & (lack <= max_gap) if gaps == "interpolate" else np.zeros(len(lack), bool)
    repeats = np.append(np.where(fillable, lack, 0) + 1, 1)
    rows = np.repeat(np.arange(len(times)), repeats)
    offset = np.arange(len(rows)) - np.repeat(np.cumsum(repeats) - repeats, repeats)  # 0: a row of the file
    filled = offset > 0
    segment = np.append(0, np.cumsum((lack > 0) & ~fillable)).astype(np.int32)[rows]
    if not filled.any():
        return times, targets, covariates, filled, segment
    share = (offset / repeats[rows])[:, None]
    following = np.minimum(rows + 1, len(times) - 1)
    dense, other = (table[rows] * (1 - share) + table[following] * share for table in (targets, covariates))
    regular = times[rows]
    if frequency.unit == "second":
        regular = regular + (offset * frequency.count).astype("timedelta64[s]")
    else:
        for at in np.flatnonzero(filled).tolist():
            regular[at] = frequency.stamps(times[rows[at]], np.array([offset[at]]))[0]
    if covariates.shape[1]:  # a row without targets may have its covariates
        wanted = (positions[rows] + offset)[filled]
        all_positions, table = known
        at = np.minimum(np.searchsorted(all_positions, wanted), len(all_positions) - 1)
        there = (all_positions[at] == wanted) & ~np.isnan(table[at]).any(axis=1)
        other[np.flatnonzero(filled)[there]] = table[at[there]]
    return regular, dense, other, filled, segment
