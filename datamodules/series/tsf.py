"""TSF, the format of the Monash forecasting archive (Godahewa et al. 2021): a line a series, without stamps.

@attribute series_name string
@attribute start_timestamp date
@frequency half_hourly
@data
T1:2012-01-01 00-00-00:1234.5,1240.0,?,1251.2
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import numpy as np
import polars

from datamodules.errors import BadInput, did_you_mean
from datamodules.files.tables import reading
from datamodules.series.frequency import Frequency

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
NAMED = {"minutely": "minute", "hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month",
         "quarterly": "quarter", "yearly": "year"}  # fmt: skip
STAMPS = ("%Y-%m-%d %H-%M-%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")


def read_tsf(path: Path) -> polars.DataFrame:
    """The file as a long table: columns `series`, `stamp`, `value`, and attributes that are neither.

    Raises:
        BadInput: naming the line that cannot be read.
    """
    attributes: list[tuple[str, str]] = []
    frequency: Frequency | None = None
    parts: list[polars.DataFrame] = []
    in_data = False
    with reading(path, "a TSF file"), path.open(encoding="cp1252", errors="replace") as file:
        for number, line in enumerate(file, 1):
            line, place = line.strip(), f"{path}:{number}"
            if not line or line.startswith("#"):
                continue
            if not line.startswith("@"):
                if not in_data or frequency is None:
                    raise BadInput(f"{place}: @frequency and @data have to stand before the series")
                parts.append(_series(line, attributes, frequency, place))
            elif line.lower().startswith("@data"):
                in_data = True
            elif line.lower().startswith("@attribute"):
                words = line.split()
                if len(words) != 3:
                    raise BadInput(f"{place}: an attribute is written @attribute NAME TYPE")
                attributes.append((words[1], words[2].lower()))
            elif line.lower().startswith("@frequency"):
                frequency = _frequency(line.split(maxsplit=1)[-1].strip(), place)
    if not parts:
        raise BadInput(f"{path}: no series; a line for each is needed below @data")
    return polars.concat(parts)


def _frequency(text: str, place: str) -> Frequency:
    """`10_minutes` is 600 seconds, `quarterly` three months."""
    lowered = text.lower()
    match = re.fullmatch(r"(?:(\d+)_)?([a-z]+?)s?", lowered)
    unit = NAMED.get(lowered, match[2] if match else "")
    count = int((match and match[1]) or 1)
    if lowered == "half_hourly":
        return Frequency("second", 1800)
    if unit in MONTHS:
        return Frequency("month", count * MONTHS[unit])
    if unit not in SECONDS:
        known = ["half_hourly", *NAMED, "10_minutes", "4_seconds"]
        raise BadInput(f"{place}: @frequency {text}{did_you_mean(lowered, known)}; {', '.join(known)} are accepted")
    return Frequency("second", count * SECONDS[unit])


def _series(line: str, attributes: list[tuple[str, str]], frequency: Frequency, place: str) -> polars.DataFrame:
    *given, values = _cells(line)
    if len(given) != len(attributes):
        raise BadInput(f"{place}: {len(given)} attributes before the values; {len(attributes)} are declared")
    named = {name: (kind, cell) for (name, kind), cell in zip(attributes, given)}
    start = next((cell for kind, cell in named.values() if kind == "date"), None)
    if start is None:
        raise BadInput(f"{place}: the series has no stamp; an attribute of type date says when it starts")
    try:
        numbers = [float("nan") if cell.strip() == "?" else float(cell) for cell in values.split(",")]
    except ValueError as error:
        raise BadInput(f"{place}: {error}; numbers and ? are accepted") from None
    stamps = frequency.stamps(_start(start, place), np.arange(len(numbers)))
    frame = polars.DataFrame({"stamp": stamps.astype("datetime64[us]"), "value": numbers})
    others = {name: cell for name, (kind, cell) in named.items() if kind != "date"}
    return frame.with_columns(polars.lit(cell).alias(name) for name, cell in others.items()).with_columns(
        polars.col("value").fill_nan(None)
    )


def _cells(line: str) -> list[str]:
    """The attributes, separated by colons (a stamp's own clock may have colons too), and the values."""
    return re.sub(r"(\d{4}-\d\d-\d\d \d\d):(\d\d):(\d\d)", r"\1-\2-\3", line).split(":")


def _start(cell: str, place: str) -> np.datetime64:
    for form in STAMPS:
        try:
            return np.datetime64(datetime.strptime(cell.strip(), form), "s")
        except ValueError:
            continue
    raise BadInput(f"{place}: '{cell}' is no stamp like 2012-01-01 00-00-00")
