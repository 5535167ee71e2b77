"""Synthetic hourly load, named `synthetic` wherever it shows.

Base load, the shape of a working day and of a weekend day, a temperature with a yearly and a daily wave and weather
that lasts for days, heating and cooling, holidays, growth, noise.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from datamodules.series.reading import RawSeries

REGIONS = ("North", "East", "South", "West")
START = np.datetime64("2015-01-01T00:00:00")
WORKING_DAY = (62, 58, 56, 55, 57, 64, 78, 92, 98, 99, 100, 100, 99, 98, 97, 96, 97, 102, 106, 105, 100, 92, 80, 70)
WEEKEND_DAY = (64, 60, 57, 56, 56, 58, 63, 71, 80, 86, 89, 90, 90, 88, 86, 85, 87, 94, 99, 98, 94, 87, 78, 70)
SYNTHETIC_COVARIATE = "temperature"
FIXED_HOLIDAYS = ("01-01", "05-01", "12-25", "12-26")


def synthetic_load(
    num_regions: int = 4, days: int = 1096, seed: int = 0, with_temperature: bool = False
) -> list[RawSeries]:
    """`num_regions` series of `days` days, in MW; with the temperature in degrees Celsius as a covariate, if asked for.

    The same seed gives the same series, whatever else is drawn in the process.
    """
    hours = days * 24
    times = START + np.arange(hours).astype("timedelta64[h]").astype("timedelta64[s]")
    dates = times.astype("datetime64[D]")
    weekday = (dates.astype(np.int64) + 3) % 7
    off = (weekday >= 5) | np.isin(np.array([str(day)[5:] for day in dates]), FIXED_HOLIDAYS)
    shape = np.where(off, np.tile(WEEKEND_DAY, days), np.tile(WORKING_DAY, days)) / 100
    year = 2 * np.pi * np.arange(hours) / (365.25 * 24)
    day = 2 * np.pi * np.arange(hours) / 24
    weather = _lasting(np.random.default_rng([seed, 999]), hours)  # shared: regions have the same fronts
    result = []
    for number in range(num_regions):
        rng = np.random.default_rng([seed, number])
        warmth, size = rng.uniform(8, 18), 10 ** rng.uniform(3.0, 4.3)
        local = _lasting(rng, hours)
        temperature = (
            warmth - 11 * np.cos(year - 0.35) - 4 * np.cos(day - 0.6) + 3.5 * (0.8 * weather + 0.6 * local)
        )  # degrees Celsius, felt some hours later
        felt = _smoothed(temperature, hours=6)
        heating, cooling = np.maximum(14 - felt, 0), np.maximum(felt - 21, 0)
        growth = 1 + rng.normal(0, 0.01) * np.arange(hours) / (365 * 24)
        load = growth * (0.75 * shape + 0.010 * heating + 0.022 * cooling * shape) * (1 + _noise(rng, hours))
        name = f"synthetic {REGIONS[number]}" if number < len(REGIONS) else f"synthetic {number + 1}"
        table = np.round(size * load)[:, None]
        if with_temperature:
            table = np.concatenate([table, np.round(temperature, 1)[:, None]], axis=1)
        covariates = (SYNTHETIC_COVARIATE,) if with_temperature else ()
        result.append(RawSeries(name, ("MW",), None, times, partial(np.asarray, table), covariates))
    return result


def _lasting(rng: np.random.Generator, hours: int) -> np.ndarray:
    """Weather: unit variance, correlated over about three days."""
    return _filtered(rng.normal(size=hours), 1 - 1 / 72)


def _noise(rng: np.random.Generator, hours: int) -> np.ndarray:
    return 0.006 * _filtered(rng.normal(size=hours), 0.8) + 0.002 * rng.normal(size=hours)


def _filtered(x: np.ndarray, memory: float) -> np.ndarray:
    """y[t] = memory y[t-1] + sqrt(1 - memory^2) x[t], y[-1] = 0: a first-order autoregression."""
    length = min(len(x), int(np.ceil(np.log(1e-6) / np.log(memory))))
    kernel = memory ** np.arange(length) * np.sqrt(1 - memory**2)
    size = 1 << (len(x) + length).bit_length()
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(kernel, size), size)[: len(x)]


def _smoothed(x: np.ndarray, hours: int) -> np.ndarray:
    """The mean of the last `hours` values."""
    total = np.cumsum(np.concatenate([np.full(hours, x[0]), x]))
    return (total[hours:] - total[:-hours]) / hours
