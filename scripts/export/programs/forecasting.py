"""What comes after the end of tables (CSV, TSV) with a column of time stamps and one or more of numbers.

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


def table(path):
    """Names of the value columns, stamps (N,) and values (N, K), NaN where a cell is empty."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ","))
    if len(rows) < 2:
        sys.exit(f"{path}: a header and a row for each stamp are needed")
    header = rows[0]
    called = [name for known in TIME_NAMES for name in header if name.strip().lower() == known]
    time = READING["time_column"] or (called or header)[0]
    columns = READING["value_columns"] or [name for name in header if name != time]
    for name in [time, *columns]:
        if name not in header:
            sys.exit(f"{path}: no column '{name}'; it has {', '.join(header)}")
    times, values = [], []
    for line, row in enumerate(rows[1:], 2):
        cells = dict(zip(header, row))
        try:
            times.append(stamp(cells[time].strip()))
            values.append([float(cells.get(name, "").strip() or "nan") for name in columns])
        except (KeyError, ValueError) as error:
            sys.exit(f"{path}:{line}: not a stamp and {len(columns)} numbers ({error})")
    return columns, np.array(times, dtype="datetime64[s]"), np.array(values)


def stamp(text):
    form = READING["time_format"]
    return datetime.strptime(text, form) if form else datetime.fromisoformat(text)


def known_rows(path, times, values):
    """The rows with numbers, in order of time, one a stamp."""
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    distinct, first, counts = np.unique(times, return_index=True, return_counts=True)
    if counts.max() > 1 and READING["duplicates"] == "error":
        sys.exit(f"{path}: {distinct[counts.argmax()]} is there twice")
    if READING["duplicates"] == "mean":
        times, values = distinct, np.add.reduceat(values, first, axis=0) / counts[:, None]
    elif READING["duplicates"] in ("first", "last"):
        times, values = distinct, values[first if READING["duplicates"] == "first" else first + counts - 1]
    known = ~np.isnan(values).any(axis=1)
    return times[known], values[known]


def look_back(path, times, values):
    """The last L stamps and rows, without a gap: short ones are interpolated as the run does."""
    needed, gaps = RUN["lookback"], READING["gaps"]
    if (np.diff(times) % STEP).any():
        sys.exit(f"{path}: rows that are not {RUN['step_seconds']} seconds apart, as those of the run are")
    lacking = np.diff(times) // STEP - 1
    if (lacking > 0).any() and gaps == "error":
        sys.exit(f"{path}: a row is missing after {times[lacking.argmax()]}")
    if gaps != "ignore":
        wide = np.flatnonzero(lacking > (READING["max_gap"] if gaps == "interpolate" else 0))
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
    times, values = known_rows(path, times, values)
    offset, scale = scaling(name, values)
    times, values = look_back(path, times, values)
    ahead = times[-1] + STEP * np.arange(1, RUN["horizon"] + 1)
    scaled = run(
        past=((values - offset) / scale).astype(np.float32)[None],
        series=np.array([RUN["names"].index(name) if name in RUN["names"] else -1]),
        calendar=calendar(np.concatenate([times, ahead]))[None],
    )[0][0]  # (H, K), or (H, K, Q)
    scaled = scaled.reshape(*scaled.shape[:2], -1)
    answers = scaled * scale[:, None] + offset[:, None]
    middle = RUN["quantiles"].index(0.5) if RUN["quantiles"] else 0
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for i, stamped in enumerate(ahead):
        for k, column in enumerate(columns):
            quantiles = answers[i, k].tolist() if RUN["quantiles"] else []
            numbers = [round(number, 6) for number in [answers[i, k, middle].item(), *quantiles]]
            writer.writerow([name, str(stamped).replace("T", " "), column, *numbers])


def main(paths):
    print(",".join(["series,time,column,forecast", *(f"quantile_{q:g}" for q in RUN["quantiles"])]))
    for path in map(Path, paths):
        columns, times, values = table(path)
        stem = path.stem.removesuffix("_hourly")
        if READING["series"] == "columns":
            for k, column in enumerate(columns):
                forecast(path, f"{stem} {column}", [column], times, values[:, [k]])
        elif len(columns) != len(RUN["columns"]):
            sys.exit(f"{path}: {len(columns)} value columns; the run forecasts {len(RUN['columns'])}")
        else:
            forecast(path, stem, columns, times, values)


if __name__ == "__main__":
    main(sys.argv[1:] or sorted(Path(__file__).parent.glob("*.csv")))
