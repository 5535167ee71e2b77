from __future__ import annotations

import numpy as np
import pytest

from datamodules.errors import BadInput
from datamodules.series.cleaning import CleaningConfig, CleanSeries, clean, report_line
from datamodules.series.reading import RawSeries

HOUR = np.timedelta64(3600, "s")
START = np.datetime64("2018-01-01T00:00:00")


def series(hours: list[int], values: list[float] | None = None) -> RawSeries:
    times = START + np.array(hours) * HOUR
    numbers = np.array(values if values is not None else [10.0 * h for h in hours], dtype=np.float64)
    return raw_series(times, numbers[:, None])


def raw_series(times: np.ndarray, values: np.ndarray, covariates: tuple[str, ...] = ()) -> RawSeries:
    return RawSeries("made", ("MW",), None, times, lambda: values, covariates, place=lambda row: f"made, row {row + 1}")


def cleaned(raw: RawSeries, **settings) -> CleanSeries:
    return clean(raw, raw.values(), CleaningConfig(**settings))


def test_rows_are_put_in_order() -> None:
    one = cleaned(series([3, 4, 5, 0, 1, 2]))
    assert one.values[:, 0].tolist() == [0, 10, 20, 30, 40, 50]
    assert one.report["reordered"] == 1
    assert not one.filled.any()


@pytest.mark.parametrize(("how", "value"), [("mean", 15.0), ("first", 10.0), ("last", 20.0)])
def test_repeated_stamps_become_one(how: str, value: float) -> None:
    one = cleaned(series([0, 1, 1, 2], [0, 10, 20, 30]), duplicates=how)
    assert one.values[:, 0].tolist() == [0, value, 30]
    assert one.report["repeated"]["stamps"] == ["2018-01-01T01:00:00"]


def test_repeated_stamps_can_be_an_error_or_kept() -> None:
    raw = series([0, 1, 1, 2], [0, 10, 20, 30])
    with pytest.raises(BadInput, match="made, row 3: 2018-01-01T01:00:00 is there twice"):
        cleaned(raw, duplicates="error")
    assert len(cleaned(raw, duplicates="keep")) == 4


def test_short_gaps_are_interpolated_and_long_ones_cut() -> None:
    one = cleaned(series([0, 1, 4, 5, 12, 13]), max_gap=2)
    assert one.values[:, 0].tolist() == [0, 10, 20, 30, 40, 50, 120, 130]
    assert one.filled.tolist() == [False, False, True, True, False, False, False, False]
    assert one.segment.tolist() == [0] * 6 + [1] * 2
    missing = one.report["missing"]
    assert (missing["count"], missing["interpolated"]) == (8, 2)
    assert missing["stamps"][:2] == ["2018-01-01T02:00:00", "2018-01-01T03:00:00"]
    assert "8 missing: 2 interpolated, 2 unbroken stretches" in report_line(one.report)


def test_gaps_can_cut_be_an_error_or_be_ignored() -> None:
    raw = series([0, 1, 3])
    assert cleaned(raw, gaps="drop").segment.tolist() == [0, 0, 1]
    assert cleaned(raw, gaps="ignore").segment.tolist() == [0, 0, 0]
    with pytest.raises(BadInput, match="1 missing rows, the first at 2018-01-01T02:00:00"):
        cleaned(raw, gaps="error")


def test_an_empty_cell_is_a_missing_hour() -> None:
    one = cleaned(series([0, 1, 2], [0, np.nan, 20]))
    assert one.values[:, 0].tolist() == [0, 10, 20]
    assert one.filled.tolist() == [False, True, False]
    assert one.report["empty"] == 1


def test_two_frequencies_are_refused() -> None:
    with pytest.raises(BadInput, match=r"datamodule\.resample"):
        cleaned(raw_series(START + np.array([0, 60, 120, 150]) * np.timedelta64(60, "s"), np.ones((4, 1))))
    with pytest.raises(BadInput, match="86,400 seconds apart"):
        cleaned(series([*range(60), *range(60 + 24, 60 + 24 * 30, 24)]))


def load(days: int = 30) -> np.ndarray:
    hours = np.arange(days * 24)
    return 100 + 30 * np.sin(2 * np.pi * hours / 24) + np.random.default_rng(0).normal(0, 1, len(hours))


def test_a_failing_meter_is_suspected_and_a_heat_wave_is_not() -> None:
    values = load()
    values[100] = 8.0  # a single absurd value
    values[300:324] *= 0.4  # a day that drops and jumps back
    values[500] = 0.0
    values[560:640] *= 1 + 0.5 * np.sin(np.pi * np.arange(80) / 80)  # comes and goes hour by hour
    raw = series(list(range(len(values))), values.tolist())
    one = cleaned(raw)
    expected = [100, *range(300, 324), 500]
    suspected = [START + i * HOUR for i in expected]
    assert [row["time"] for row in one.report["outliers"]["rows"]] == [str(t) for t in suspected]
    assert (one.values == raw.values()).all(), "kept unless asked"
    masked = cleaned(raw, outliers="mask")
    assert masked.filled.nonzero()[0].tolist() == [100, 500 - 24]  # the day is too long to fill: it cuts
    assert masked.segment[-1] == 1
