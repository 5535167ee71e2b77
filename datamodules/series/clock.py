"""Clock: the stamps of all series, each kept once, and where every segment of every series begins among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datamodules.series.cleaning import CleanSeries
from datamodules.series.zones import to_wall_time

MOST_EMPTY = 4  # times as many stamps as the longest series has, before series get separate stamps


@dataclass(frozen=True)
class StampTable:
    """Stamps of all rows: T shared stamps, and for each of G segments where its stamps begin among them."""

    wall: np.ndarray  # (T,) datetime64[s] wall time, for calendar features
    times: np.ndarray  # (T,) datetime64[s] as the series have them
    first_rows: np.ndarray  # (G,) int64 first row of each segment among the rows of all series
    shifts: np.ndarray  # (G,) int64: row + shift = place among the T stamps
    numbers: np.ndarray  # (G,) int64 which series the segment is of

    def times_of(self, rows: np.ndarray) -> np.ndarray:
        """(N,) stamps of rows (N,) among those of all series."""
        segment = np.searchsorted(self.first_rows, rows, side="right") - 1
        return self.times[rows + self.shifts[segment]]


@dataclass
class Clock:
    """T stamps, shared by the segments of all series that were added.

    Args:
        regular: rows follow one another by the step (repeats and gaps are not kept as they are).
    """

    regular: bool = True

    def __post_init__(self) -> None:
        self._spans: dict[tuple, list[np.datetime64]] = {}  # phase -> first and last stamp
        self._longest = 0
        self._segments: list[tuple[tuple, np.datetime64, int, int]] = []  # key, first stamp, rows, series
        self._stamps: dict[tuple, np.ndarray] = {}

    def add(self, series: CleanSeries, number: int) -> None:
        """The segments of a series, in order of its rows."""
        frequency = series.frequency
        starts = np.flatnonzero(np.diff(series.segment, prepend=-1))
        ends = np.append(starts[1:], len(series))
        self._longest = max(self._longest, len(series))
        for start, end in zip(starts.tolist(), ends.tolist()):
            key: tuple
            times = series.times[start:end]
            if self.regular and frequency.unit == "second":
                phase = int(times[0].astype(np.int64) % frequency.count)
                key = ("step", phase, frequency.count, series.zone)
                first, last = self._spans.setdefault(key, [times[0], times[-1]])
                self._spans[key] = [min(first, times[0]), max(last, times[-1])]
            else:
                key = ("own", series.zone, times[:1].tobytes(), times[-1:].tobytes(), len(times), hash(times.tobytes()))
                self._stamps.setdefault(key, times)
            self._segments.append((key, times[0], end - start, number))

    def finish(self) -> StampTable:
        """The table of all that was added."""
        starts: dict[tuple, int] = {}
        pieces: list[np.ndarray] = []
        walls: list[np.ndarray] = []
        total = 0

        def append(key: tuple, times: np.ndarray, zone: str | None) -> None:
            nonlocal total
            starts[key] = total
            pieces.append(times)
            walls.append(times if zone is None else to_wall_time(times, zone))
            total += len(times)

        shared = {}
        for key, (first, last) in self._spans.items():
            count = int((last - first).astype(np.int64)) // key[2] + 1
            shared[key] = count <= MOST_EMPTY * self._longest + 1000
            if shared[key]:
                append(key, first + (np.arange(count) * key[2]).astype("timedelta64[s]"), key[3])
        for key, times in self._stamps.items():
            append(key, times, key[1])
        row, first_rows, shifts, numbers = 0, [], [], []
        for key, first_stamp, rows, number in self._segments:
            if key[0] == "step" and not shared[key]:
                cache_key = (*key, first_stamp, rows)
                if cache_key not in starts:
                    append(cache_key, first_stamp + (np.arange(rows) * key[2]).astype("timedelta64[s]"), key[3])
                place = starts[cache_key]
            elif key[0] == "step":
                place = starts[key] + int((first_stamp - self._spans[key][0]).astype(np.int64)) // key[2]
            else:
                place = starts[key]
            first_rows.append(row)
            shifts.append(place - row)
            numbers.append(number)
            row += rows
        return StampTable(
            np.concatenate(walls), np.concatenate(pieces), np.array(first_rows), np.array(shifts), np.array(numbers)
        )
