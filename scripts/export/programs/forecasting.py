"""Forecasts of what follows the rows of tables (CSV, TSV) with a column of time stamps and one or more of numbers.

Covariates known ahead stand in rows after the last one with numbers in the columns to forecast.

python predict.py load.csv
"""

import csv
import json
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
from network import run  # the file beside this one

RUN = json.loads((Path(__file__).parent / "series.json").read_text(encoding="utf-8"))
READING = RUN["reading"]
STEP = np.timedelta64(RUN["step_seconds"], "s")
TIME_NAMES = ("datetime", "date", "timestamp", "time", "ds")


COVARIATES = RUN["past_covariates"] + RUN["future_covariates"]
MISSING = {"", "NaN", "nan", "NA", "N/A", "null", "-", *map(str, READING.get("missing_values") or [])}


def table(path):
    """Names of the target columns, stamps (N,) and values (N, K + C), NaN where a cell is empty."""
    separator = READING.get("separator") or ("\t" if path.suffix.lower() == ".tsv" else ",")
    with path.open(encoding=READING.get("encoding") or "utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=separator))
    if len(rows) < 2:
        sys.exit(f"{path}: a header and a row for each stamp are needed")
    header = rows[0]
    called = [name for known in TIME_NAMES for name in header if name.strip().lower() == known]
    asked = READING.get("time_column")
    time = asked if isinstance(asked, str) else (called or header)[0]
    columns = READING.get("target_columns") or [name for name in header if name not in (time, *COVARIATES)]
    if READING["series"] == "files" and set(RUN["columns"]) <= set(header):
        columns = RUN["columns"]
    for name in [time, *columns, *COVARIATES]:
        if name not in header:
            sys.exit(f"{path}: no column '{name}'; it has {', '.join(header)}")
    times, values = [], []
    for line, row in enumerate(rows[1:], 2):
        cells = dict(zip(header, row))
        try:
            times.append(stamp(cells[time].strip()))
            values.append([number(cells.get(name, "").strip()) for name in [*columns, *COVARIATES]])
        except (KeyError, ValueError) as error:
            sys.exit(f"{path}:{line}: not a stamp and {len(columns) + len(COVARIATES)} numbers ({error})")
    return columns, np.array(times, dtype="datetime64[s]"), np.array(values)


def number(cell):
    if READING.get("thousands"):
        cell = cell.replace(READING["thousands"], "")
    if READING.get("decimal") == ",":
        cell = cell.replace(",", ".")
    return float("nan" if cell in MISSING else cell)


def stamp(text):
    form = READING.get("time_format")
    return datetime.strptime(text, form) if form else datetime.fromisoformat(text)


def known_rows(path, times, values):
    """The rows in order of time, one a stamp."""
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    distinct, first, counts = np.unique(times, return_index=True, return_counts=True)
    if counts.max() > 1 and READING.get("duplicates", "mean") == "error":
        sys.exit(f"{path}: {distinct[counts.argmax()]} is there twice")
    if READING.get("duplicates", "mean") == "mean":
        present = np.add.reduceat(~np.isnan(values), first, axis=0)
        total = np.add.reduceat(np.nan_to_num(values), first, axis=0)
        times, values = distinct, np.where(present > 0, total / np.maximum(present, 1), np.nan)
    elif READING.get("duplicates", "mean") in ("first", "last"):
        times, values = distinct, values[first if READING.get("duplicates", "mean") == "first" else first + counts - 1]
    return times, values


def apart(columns, times, values):
    """Stamps and values of the known rows, and stamps and covariates of those after the last of them."""
    empty = np.isnan(values[:, : len(columns)]).any(axis=1)
    end = len(empty) - int(np.argmin(empty[::-1]))
    known = np.flatnonzero(~np.isnan(values[:end]).any(axis=1))
    return times[known], values[known], times[end:], values[end:, len(columns) :]


def look_back(path, times, values):
    """The last L stamps and rows, without a gap: short ones are interpolated as the run does."""
    needed, gaps = RUN["lookback"], READING["gaps"]
    if (np.diff(times) % STEP).any():
        sys.exit(f"{path}: rows that are not {RUN['step_seconds']} seconds apart, as those of the run are")
    lacking = np.diff(times) // STEP - 1
    if (lacking > 0).any() and gaps == "error":
        sys.exit(f"{path}: a row is missing after {times[lacking.argmax()]}")
    if gaps != "ignore":
        wide = np.flatnonzero(lacking > (RUN["max_gap"] if gaps == "interpolate" else 0))
        start = wide[-1] + 1 if len(wide) else 0
        every = np.arange(times[start], times[-1] + STEP, STEP) if len(times) else times
        wanted, had = ((stamps - times[start]).astype(float) for stamps in (every, times[start:]))
        values = np.stack([np.interp(wanted, had, column) for column in values[start:].T], axis=1)
        times = every
    if len(times) < needed:
        sys.exit(f"{path}: {len(times)} rows without a gap at its end; the run looks back {needed}")
    return times[-needed:], values[-needed:]


def scaling(name, values):
    """Offset and scale (K,), the run's; of a series that it never saw, those of its own rows."""
    if name in RUN["names"]:
        row = RUN["names"].index(name)
        return np.array(RUN["offset"][row]), np.array(RUN["scale"][row])
    print(f"{name}: not a series of the run; scaled by its own rows", file=sys.stderr)
    if RUN["scaler"] == "minmax":
        offset, scale = values.min(0), np.ptp(values, axis=0)
    elif RUN["scaler"] == "standard":
        offset, scale = values.mean(0), values.std(0)
    elif RUN["scaler"] == "robust":
        low, offset, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        scale = high - low
    else:
        offset, scale = np.zeros(values.shape[1]), np.ones(values.shape[1])
    return offset, np.where(scale > 0, scale, 1.0)


def calendar(times):
    """Features of each stamp, (N, F)."""
    days = times.astype("datetime64[D]")
    minute = (times - days).astype(int) // 60
    weekday = (days.astype(int) + 3) % 7
    day_of_year = (days - times.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)
    columns = []
    if RUN["calendar"] == "ordinal":
        month = times.astype("datetime64[M]").astype(int) % 12
        columns = [(minute // 60) / 23, weekday / 6, month / 11, day_of_year / 365]
    elif RUN["calendar"] == "cyclic":
        columns = waves(minute / (24 * 60), 3) + list(np.eye(7)[weekday].T) + waves(day_of_year / 365.25, 2)
    if RUN["holidays"] is not None:
        first, last = RUN["holiday_years"]
        if not first <= int(str(times[0])[:4]) <= int(str(times[-1])[:4]) <= last:
            sys.exit(f"{times[-1]}: holidays are known from {first} to {last}")
        columns.append(np.isin(days.astype(str), RUN["holidays"]))
    return np.stack(columns, axis=1).astype(np.float32) if columns else np.zeros((len(times), 0), np.float32)


def waves(turns, harmonics):
    angles = [2 * np.pi * turns * k for k in range(1, harmonics + 1)]
    return [wave(angle) for angle in angles for wave in (np.sin, np.cos)]


def forecast(path, name, columns, times, values):
    """Print the rows after the last one: the forecast (the median), and each quantile."""
    count = len(columns)
    times, values = known_rows(path, times, values)
    times, values, later, covariates = apart(columns, times, values)
    offset, scale = scaling(name, values[:, :count])
    times, values = look_back(path, times, values)
    ahead = times[-1] + STEP * np.arange(1, RUN["horizon"] + 1)
    features = calendar(np.concatenate([times, ahead]))
    if COVARIATES:
        rows = np.concatenate([values[:, count:], known_ahead(path, ahead, later, covariates)])
        rows = (rows - RUN["covariate_offset"]) / RUN["covariate_scale"]
        features = np.concatenate([features, rows.astype(np.float32)], axis=1)
    scaled = run(
        past=((values[:, :count] - offset) / scale).astype(np.float32)[None],
        series=np.array([RUN["names"].index(name) if name in RUN["names"] else -1]),
        calendar=features[None],
    )[0][0]  # (H, K), or (H, K, Q)
    scaled = scaled.reshape(*scaled.shape[:2], -1)
    answers = scaled * scale[:, None] + offset[:, None]
    middle = RUN["quantiles"].index(0.5) if RUN["quantiles"] else 0
    writer = csv.writer(sys.stdout, lineterminator="\n")
    cutoff = str(times[-1]).replace("T", " ")
    for i, stamped in enumerate(ahead):
        for k, column in enumerate(columns):
            quantiles = answers[i, k].tolist() if RUN["quantiles"] else []
            numbers = [round(number, 6) for number in [answers[i, k, middle].item(), *quantiles]]
            writer.writerow([cutoff, str(stamped).replace("T", " "), name, column, *numbers])


def known_ahead(path, ahead, times, covariates):
    """(H, C) covariates of the rows to forecast; those of the past alone as their mean."""
    rows = np.full((len(ahead), len(COVARIATES)), np.nan)
    for i, stamped in enumerate(ahead):
        there = np.flatnonzero(times == stamped)
        rows[i] = covariates[there[0]] if len(there) else np.nan
    past = len(RUN["past_covariates"])
    rows[:, :past] = RUN["covariate_offset"][:past]
    if np.isnan(rows).any():
        step, column = np.argwhere(np.isnan(rows))[0]
        sys.exit(f"{path}: no '{COVARIATES[column]}' at {ahead[step]}; it is needed for {len(ahead)} rows ahead")
    return rows


def main(paths):
    print(",".join(["cutoff,stamp,series,target,forecast", *(f"quantile_{q:g}" for q in RUN["quantiles"])]))
    for path in map(Path, paths):
        columns, times, values = table(path)
        stem = path.stem.removesuffix("_hourly")
        if READING["series"] == "columns":
            for k, column in enumerate(columns):
                chosen = [k, *range(len(columns), values.shape[1])]
                forecast(path, f"{stem} {column}", [column], times, values[:, chosen])
        elif len(columns) != len(RUN["columns"]):
            sys.exit(f"{path}: {len(columns)} value columns; the run forecasts {len(RUN['columns'])}")
        else:
            forecast(path, stem, columns, times, values)


if __name__ == "__main__":
    main(sys.argv[1:] or sorted(Path(__file__).parent.glob("*.csv")))
