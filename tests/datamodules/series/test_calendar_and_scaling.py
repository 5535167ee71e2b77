from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from datamodules.series.calendar import calendar_features, hour_of_day
from datamodules.series.scaling import fit_scaler

TIMES = np.array(["2016-02-29T00:00:00", "2017-12-31T23:30:00", "2018-07-04T13:00:00"], dtype="datetime64[s]")


def test_ordinal_features_against_datetime() -> None:
    features = calendar_features(TIMES, "ordinal")
    for row, time in zip(features, TIMES):
        moment: datetime = time.item()
        day = moment.timetuple().tm_yday - 1
        expected = [moment.hour / 23, moment.weekday() / 6, (moment.month - 1) / 11, day / 365]
        assert row.tolist() == pytest.approx(expected, rel=1e-6)


def test_cyclic_features_against_datetime() -> None:
    features = calendar_features(TIMES, "cyclic")
    assert features.shape == (3, 6 + 7 + 4)
    for row, time in zip(features, TIMES):
        moment: datetime = time.item()
        day = (moment.hour + moment.minute / 60) / 24
        year = (moment.timetuple().tm_yday - 1) / 365.25
        waves = [f(2 * np.pi * n * day) for n in (1, 2, 3) for f in (np.sin, np.cos)]
        weekdays = [float(moment.weekday() == d) for d in range(7)]
        years = [f(2 * np.pi * n * year) for n in (1, 2) for f in (np.sin, np.cos)]
        assert row.tolist() == pytest.approx(waves + weekdays + years, abs=1e-6)


def test_holidays_are_a_column() -> None:
    pytest.importorskip("holidays", reason="the package holidays is not installed")
    assert calendar_features(TIMES, "none", {"country": "US"})[:, 0].tolist() == [0, 0, 1]


def test_hours() -> None:
    assert hour_of_day(TIMES).tolist() == [0, 23, 13]


def test_scalers() -> None:
    values = np.array([[1.0, 7.0], [2.0, 7.0], [5.0, 7.0]])
    offset, scale = fit_scaler(values, "minmax")
    assert ((values - offset) / scale)[:, 0].tolist() == [0, 0.25, 1]
    offset, scale = fit_scaler(values, "standard")
    scaled = (values - offset) / scale
    assert scaled[:, 0].mean() == pytest.approx(0)
    assert scaled[:, 0].std() == pytest.approx(1)
    assert (scaled[:, 1] == 0).all(), "a column that never changes does not divide by zero"
    offset, _ = fit_scaler(values, "robust")
    assert offset.tolist() == [2, 7]
    offset, scale = fit_scaler(values, "none")
    assert (offset.tolist(), scale.tolist()) == ([0, 0], [1, 1])
