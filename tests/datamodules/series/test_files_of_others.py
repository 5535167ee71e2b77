"""Kinds of file that forecasters have: each made small, read, and compared with what went in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars
import pytest

from datamodules.energy import Energy
from datamodules.errors import BadInput
from datamodules.series.cleaning import CleaningConfig, CleanSeries, clean
from datamodules.series.config import ReadingConfig
from datamodules.series.reading import read_series

START = datetime(2021, 1, 1)
HOURS = [START + timedelta(hours=i) for i in range(24 * 20)]
LOAD = [round(1500 + 400 * np.sin(i * 2 * np.pi / 24) + i / 7, 2) for i in range(len(HOURS))]


def read(path: Path, **settings) -> tuple[list[CleanSeries], str]:
    """Clean series, and what was said of the file."""
    found, reports = read_series([path], ReadingConfig(**settings))
    return [clean(raw, raw.values(), CleaningConfig()) for raw in found], "; ".join(reports[0].lines)


def write(path: Path, header: str, rows: list[str], encoding: str = "utf-8") -> Path:
    path.write_bytes("\n".join([header, *rows, ""]).encode(encoding))
    return path


def assert_is_load(one: CleanSeries, hours: list[datetime] = HOURS, values: list[float] = LOAD) -> None:
    assert one.times.tolist() == hours
    np.testing.assert_allclose(one.values[:, 0], values)
    assert not one.filled.any()


STAMPS: dict[str, Callable[[datetime], str]] = {
    "compact hour": lambda t: f"{t:%Y%m%d%H}",
    "compact minute": lambda t: f"{t:%Y%m%d%H%M}",
    "compact iso": lambda t: f"{t:%Y%m%dT%H%M%S}",
    "milliseconds": lambda t: str(int(t.replace(tzinfo=UTC).timestamp() * 1000)),
    "seconds": lambda t: str(int(t.replace(tzinfo=UTC).timestamp())),
    "excel": lambda t: f"{(t - datetime(1899, 12, 30)) / timedelta(days=1):.6f}",
    "zulu": lambda t: f"{t:%Y-%m-%dT%H:%M:%SZ}",
    "fractions": lambda t: f"{t:%Y-%m-%d %H:%M:%S}.000",
    "day first": lambda t: f"{t:%d.%m.%Y %H:%M}",
    "day first, short year": lambda t: f"{t:%d/%m/%y %H:%M}",
    "month first, a.m.": lambda t: f"{t:%m/%d/%Y %I:%M:%S %p}",
    "no leading zeros": lambda t: f"{t.day}/{t.month}/{t.year} {t.hour}:00",
    "month names": lambda t: f"{t:%d-%b-%Y %H:%M}",
    "month name first": lambda t: f"{t:%B %d %Y %H:%M}",
    "intervals": lambda t: f"{t:%d.%m.%Y %H:%M} - {t + timedelta(hours=1):%d.%m.%Y %H:%M}",
    "iso intervals": lambda t: f"{t:%Y-%m-%dT%H:%M}/{t + timedelta(hours=1):%Y-%m-%dT%H:%M}",
    "slashes, year first": lambda t: f"{t:%Y/%m/%d %H:%M}",
    "week dates": lambda t: f"{t.isocalendar().year}-W{t.isocalendar().week:02d}-{t.isocalendar().weekday}T{t:%H:%M}",
    "jitter": lambda t: f"{t + timedelta(seconds=t.day % 3 - 1 if t.hour else 0):%Y-%m-%d %H:%M:%S}",
}


@pytest.mark.parametrize("kind", STAMPS)
def test_stamps_of_every_kind(kind: str, tmp_path: Path) -> None:
    written = STAMPS[kind]
    path = write(tmp_path / "a.csv", "stamp,MW", [f"{written(t)},{v}" for t, v in zip(HOURS, LOAD)])
    (one,), _ = read(path)
    assert_is_load(one)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("decimal", "thousands"), [(".", ""), (".", ","), (",", ""), (",", "."), (".", "'"), (",", " ")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_dialect_is_read_back(
    separator: str, decimal: str, thousands: str, encoding: str, tmp_path: Path
) -> None:
    def number(value: float) -> str:
        text = f"{value:,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)
        return f'"{text}"' if separator in text else text

    rows = [f"{t:%Y-%m-%d %H:%M}{separator}{number(v)}{separator}{number(-v)}" for t, v in zip(HOURS, LOAD)]
    path = write(tmp_path / "a.csv", separator.join(["Datum", "Last_Österreich", "b"]), rows, encoding)
    if separator == "," and decimal == "," and not thousands:
        path = write(path, "Datum,Last_Österreich,b", rows, encoding)
    (one,), _ = read(path)
    assert one.columns == ("Last_Österreich", "b")
    assert_is_load(one)
    np.testing.assert_allclose(one.values[:, 1], [-v for v in LOAD])


def test_whole_thousands_need_no_decimals(tmp_path: Path) -> None:
    values = [800 + i for i in range(len(HOURS))]
    rows = [f"{t:%Y-%m-%d %H:%M};{v:,}".replace(",", ".") for t, v in zip(HOURS, values)]
    (one,), message = read(write(tmp_path / "a.csv", "t;MW", rows))
    assert_is_load(one, values=values)
    assert "thousands mark '.'" in message
    rows = [f"{t:%Y-%m-%d %H:%M};{v:.3f}".replace(".", ",") for t, v in zip(HOURS, LOAD)]
    (one,), message = read(write(tmp_path / "a.csv", "t;MW", rows))
    assert_is_load(one), "three digits behind every comma are decimals"
    assert "decimal mark ','" in message


def test_date_and_hour_make_one_stamp(tmp_path: Path) -> None:
    exit_on_error = [t + timedelta(hours=1) for t in HOURS]
    rows = [f"{t:%Y-%m-%d},{t.hour + 1},{v}" for t, v in zip(HOURS, LOAD)]
    (one,), message = read(write(tmp_path / "a.csv", "Date,Hour,Demand", rows))
    assert_is_load(one, exit_on_error)
    assert "stamps from 'Date' and 'Hour'; hour 24 is the next day's 0:00" in message
    rows = [f"{t:%d/%m/%Y};{t:%H:%M:%S};{v};{'?' if i == 3 else v}" for i, (t, v) in enumerate(zip(HOURS, LOAD))]
    (one,), message = read(write(tmp_path / "a.csv", "Date;Time;Power;Voltage", rows))
    assert "separator ';'" in message
    assert "'?' taken for missing (1 cells)" in message
    assert one.times.tolist() == HOURS
    assert one.filled.nonzero()[0].tolist() == [3]
    rows = [f"{t.year},{t.month},{t.day},{t.hour},{v}" for t, v in zip(HOURS, LOAD)]
    (one,), _ = read(write(tmp_path / "a.csv", "year,month,day,hour,pm", rows))
    assert_is_load(one)
    rows = [f"{t:%d.%m.%Y},{t.hour + 1},{v}" for t, v in zip(HOURS, LOAD)]
    (one,), _ = read(write(tmp_path / "a.csv", "Tag,Nr,MW", rows), time_column=("Tag", "Nr"))
    assert_is_load(one, exit_on_error)


def test_hour_24_is_the_next_days_midnight(tmp_path: Path) -> None:
    rows = [f'{t:%m/%d/%Y} {t.hour + 1:02d}:00,"{v:,.2f}"' for t, v in zip(HOURS, LOAD)]
    (one,), message = read(write(tmp_path / "a.csv", "Hour Ending,COAST", rows))
    assert_is_load(one, [t + timedelta(hours=1) for t in HOURS])
    assert "thousands mark ','; stamps month first; 24:00 is the next day's 0:00" in message


@pytest.mark.parametrize(
    "names", [[f"HE{h}" for h in range(1, 25)], [str(h) for h in range(24)], [f"H{h:02d}" for h in range(1, 25)]]
)
def test_a_day_a_row(names: list[str], tmp_path: Path) -> None:
    rows = [",".join([f"{HOURS[24 * d]:%Y-%m-%d}", *map(str, LOAD[24 * d : 24 * d + 24])]) for d in range(20)]
    (one,), message = read(write(tmp_path / "a.csv", ",".join(["Date", *names]), rows))
    shift = 0 if names[0] == "0" else 1
    assert_is_load(one, [t + timedelta(hours=shift) for t in HOURS])
    assert f"a day a row: hours in columns {names[0]} to {names[-1]}" in message


@pytest.mark.parametrize("ids", [["1", "2"], ["007", "008"], ["a b", "c"]])
def test_a_long_table_is_a_series_an_id(ids: list[str], tmp_path: Path) -> None:
    rows = [f"{name},{t},{v * (i + 1):.4f}" for i, name in enumerate(ids) for t, v in zip(HOURS, LOAD)]
    for order in (rows, sorted(rows, key=lambda row: row.split(",")[1])):
        series, message = read(write(tmp_path / "a.csv", "unique_id,ds,y", order))
        assert [one.name for one in series] == ids
        assert_is_load(series[0])
        assert_is_load(series[1], values=[2 * v for v in LOAD])
        assert "a long table: 2 series by column 'unique_id'" in message


def test_repeated_stamps_that_are_no_clock_are_refused(tmp_path: Path) -> None:
    rows = [f"{t},{v}" for t, v in zip(HOURS, LOAD)] + [f"{t},{v + 1}" for t, v in zip(HOURS, LOAD)]
    path = write(tmp_path / "a.csv", "ds,y", rows)
    with pytest.raises(BadInput, match=r"a.csv:\d+: 2021-01-01T00:00:00 is there again.*is this a long table"):
        read(path)
    rows = [f"{t},{v}" for t, v in zip(HOURS, LOAD)] * 2
    (one,), message = read(write(path, "ds,y", rows))
    assert_is_load(one)
    assert "480 rows stand twice, the same: kept once" in message


def test_the_number_that_is_there_is_kept(tmp_path: Path) -> None:
    rows = [f"{t},{v}" for t, v in zip(HOURS, LOAD)]
    (one,), _ = read(write(tmp_path / "a.csv", "ds,y", [*rows[:50], f"{HOURS[49]},", *rows[50:]]))
    assert_is_load(one)


def test_zones_keep_wall_time_and_style(tmp_path: Path) -> None:
    spring = polars.datetime_range(
        datetime(2021, 3, 20), datetime(2021, 4, 5), "1h", time_zone="Europe/Madrid", eager=True
    )
    table = polars.DataFrame({"time": spring, "MW": np.sin(np.arange(len(spring))) + 5})
    table.write_parquet(tmp_path / "a.parquet")
    (one,), message = read(tmp_path / "a.parquet")
    assert one.segment.max() == 0, "an hour that the clock skips is none that is missing"
    assert not one.filled.any()
    assert one.style.write(one.stamps_after(len(one) - 1, 1)) == ["2021-04-05 01:00:00+02:00"]
    assert message == "stamps in Europe/Madrid"
    rows = [f"{t:%Y-%m-%dT%H:%M:%S%z},{v}" for t, v in zip(spring, table["MW"])]
    (one,), message = read(write(tmp_path / "a.csv", "time,MW", rows))
    assert "several offsets (+0100, +0200)" in message
    assert one.style.write(one.times[-1:]) == ["2021-04-05T00:00:00+02:00"]
    naive = [f"{t:%Y-%m-%d %H:%M},{v}" for t, v in zip(spring, table["MW"])]
    (one,), _ = read(write(tmp_path / "a.csv", "time,MW", naive), timezone="Europe/Madrid")
    assert not one.filled.any()
    assert one.style.write(one.stamps_after(len(one) - 1, 1)) == ["2021-04-05 01:00:00"]
    with pytest.raises(BadInput, match=r"does not exist in datamodule\.timezone=Europe/Madrid"):
        read(write(tmp_path / "a.csv", "time,MW", [*naive, "2021-03-28 02:00,1"]), timezone="Europe/Madrid")


def test_columns_that_are_no_targets_are_named(tmp_path: Path) -> None:
    rows = [f"{i},{t},{v},EUR,,7," for i, (t, v) in enumerate(zip(HOURS, LOAD))]
    (one,), message = read(write(tmp_path / "a.csv", ",Datetime,MW,Currency,empty,seven,", rows))
    assert one.columns == ("MW",)
    for reason in ("'unnamed_1' (counts rows)", "'Currency' (no numbers)", "'empty' (empty)", "'seven' (constant)"):
        assert reason in message


def test_marks_for_missing_values(tmp_path: Path) -> None:
    marks = ["", "NaN", "NA", "N/A", "null", "-"]
    rows = [f"{t},{marks[i // 30] if i % 30 == 10 and i < 180 else v}" for i, (t, v) in enumerate(zip(HOURS, LOAD))]
    (one,), _ = read(write(tmp_path / "a.csv", "t,y", rows))
    assert one.filled.nonzero()[0].tolist() == [10, 40, 70, 100, 130, 160]
    path = write(tmp_path / "a.csv", "t,y", [f"{HOURS[0]},M", *rows[1:]])
    with pytest.raises(BadInput, match=r"a.csv:2: 'M' in column 'y' is no number; datamodule.missing_values=\[M\]"):
        read(path)
    (one,), _ = read(path, missing_values=("M",))
    assert one.times.tolist() == HOURS[1:]


def test_headers_and_comments(tmp_path: Path) -> None:
    rows = [f"{t},{v}" for t, v in zip(HOURS, LOAD)]
    for header, message in (
        ("Datetime,load\nUTC,MW", "below the header skipped"),
        ("Load of the region\nmade today\nDatetime,load", "2 lines before the header skipped"),
        ("# made today\n#\nDatetime,load", "begin with '#' skipped"),
        ("sep=,\nDatetime,load", ""),
    ):
        (one,), message = read(write(tmp_path / "a.csv", header, rows))
        assert one.columns == ("load",)
        assert_is_load(one)
        assert message in message
    (one,), message = read(write(tmp_path / "a.csv", rows[0], rows[1:]))
    assert_is_load(one)
    assert "no header" in message
    with pytest.raises(BadInput, match=r"a.csv:4: 3 cells, the header has 2"):
        read(write(tmp_path / "a.csv", "Datetime,load", [*rows[:2], f"{HOURS[2]},1,5", *rows[3:]]))


@pytest.mark.parametrize(
    ("stamps", "message"),
    [
        (["01/02/2021 00:00", "01/02/2021 01:00", "01/02/2021 02:00"], "can be read day first and month first"),
        (["13/02/2021 00:00", "02/14/2021 01:00", "02/14/2021 02:00"], "month first while others are day first"),
        (["3021-01-01 00:00", "3021-01-01 01:00", "3021-01-01 02:00"], "years from 1678 to 2261"),
        (["2021-02-30 00:00", "2021-02-28 01:00", "2021-02-28 02:00"], "no column of time stamps"),
    ],
)
def test_stamps_that_say_nothing_or_too_much(stamps: list[str], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "time,y", [f"{t},{i}.5" for i, t in enumerate(stamps)])
    with pytest.raises(BadInput, match=message):
        read(path, time_column=None if "no column" in message else "time")


def test_a_format_of_pythons_own(tmp_path: Path) -> None:
    rows = [f"{t:%Y|%j|%H},{v}" for t, v in zip(HOURS, LOAD)]
    (one,), _ = read(write(tmp_path / "a.csv", "when,y", rows), time_column="when", time_format="%Y|%j|%H")
    assert_is_load(one)
    with pytest.raises(BadInput, match=r"a.csv:2: '2021\|001\|00' is no time stamp like datamodule.time_format=%Y-%j"):
        read(tmp_path / "a.csv", time_column="when", time_format="%Y-%j")
    with pytest.raises(BadInput, match=r"datamodule\.time_format=%Q"):
        read(tmp_path / "a.csv", time_column="when", time_format="%Q")


def test_months_and_business_days_are_steps(tmp_path: Path) -> None:
    months = [datetime(1990 + i // 12, i % 12 + 1, 1) for i in range(120)]
    (one,), _ = read(write(tmp_path / "a.csv", "ds,y", [f"{t:%Y-%m-%d},{i % 12}.5" for i, t in enumerate(months)]))
    assert str(one.frequency) == "1mo"
    assert one.stamps_after(119, 2).tolist() == [datetime(2000, 1, 1), datetime(2000, 2, 1)]
    ends = [datetime(2020 + (i + 1) // 12, (i + 1) % 12 + 1, 1) - timedelta(days=1) for i in range(36)]
    (one,), _ = read(write(tmp_path / "a.csv", "ds,y", [f"{t:%Y-%m-%d},{i}.5" for i, t in enumerate(ends)]))
    assert one.stamps_after(35, 2).tolist() == [datetime(2023, 1, 31), datetime(2023, 2, 28)]
    days = [t for t in (datetime(2021, 1, 4) + timedelta(days=i) for i in range(100)) if t.weekday() < 5]
    (one,), _ = read(write(tmp_path / "a.csv", "ds,y", [f"{t:%Y-%m-%d},{i % 5}.5" for i, t in enumerate(days)]))
    assert (str(one.frequency), int(one.segment.max()), bool(one.filled.any())) == ("B", 0, False)
    assert one.stamps_after(len(days) - 1, 1)[0].item().weekday() < 5


def test_kinds_of_file_that_people_report(tmp_path: Path) -> None:
    rows = [f'"{i + 1}","{t}",{v}' for i, (t, v) in enumerate(zip(HOURS, LOAD))]
    (one,), _ = read(write(tmp_path / "a.csv", '"time","MW"', rows))  # R's row names have no name
    assert one.columns == ("MW",)
    assert_is_load(one)
    halves = [START + timedelta(minutes=30 * i) for i in range(len(LOAD))]
    rows = [f"{t:%d-%b-%Y},{t.hour * 2 + t.minute // 30 + 1},{v}" for t, v in zip(halves, LOAD)]
    (one,), message = read(write(tmp_path / "a.csv", "SETTLEMENT_DATE,SETTLEMENT_PERIOD,ND", rows))
    assert_is_load(one, halves)
    assert "periods of 30 minutes from 1" in message
    rows = [f"{1980 + i // 4}Q{i % 4 + 1},{v}" for i, v in enumerate(LOAD[:80])]
    (one,), _ = read(write(tmp_path / "a.csv", "period,y", rows))
    assert str(one.frequency) == "3mo"
    assert one.stamps_after(79, 1).tolist() == [datetime(2000, 1, 1)]
    (tmp_path / "a.csv").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(BadInput, match="save the sheet as CSV"):
        read(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_bytes(b"\x1f\x8b" + bytes(100))
    with pytest.raises(BadInput, match="unpack it"):
        read(tmp_path / "a.csv")


def test_no_night_is_an_outlier(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    hour = np.arange(24 * 60) % 24
    sun = np.maximum(0, np.sin((hour - 6) / 12 * np.pi)) * rng.uniform(50, 300, 60).repeat(24)
    price = 30 + 20 * np.sin(hour / 4) + rng.normal(0, 15, len(hour))
    for values in (sun, price):
        rows = [f"{START + timedelta(hours=i)},{v:.1f}" for i, v in enumerate(values)]
        (one,), _ = read(write(tmp_path / "a.csv", "t,y", rows))
        assert one.report["outliers"]["count"] == 0


def test_covariates_known_ahead_follow_the_last_target(tmp_path: Path) -> None:
    rows = [f"{t},{v if i < 456 else ''},{i % 30}" for i, (t, v) in enumerate(zip(HOURS, LOAD))]
    path = write(tmp_path / "a.csv", "Datetime,load,temperature", rows)
    (one,), _ = read(path, future_covariates=("temperature",))
    assert one.columns == ("load",)
    assert one.times.tolist() == HOURS[:456]
    assert one.ahead_times.tolist() == HOURS[456:]
    assert one.ahead_covariates[:, 0].tolist() == [i % 30 for i in range(456, 480)]


def test_the_data_line_says_it_all(tmp_path: Path) -> None:
    rows = [f"{t},{0.1 if i < 400 else v},{v}" for i, (t, v) in enumerate(zip(HOURS, LOAD))]
    datamodule = Energy(str(write(tmp_path / "a.csv", "Datetime,a,b", rows)), lookback="2d", horizon="6h")
    datamodule.setup()
    lines = "\n".join(datamodule.report["lines"])
    assert "rows of 1h; windows of 48 + 6 rows" in lines
    assert "targets: a, b" in lines
    assert "a: a constant in the training split; its scale is 1" in lines
    assert datamodule.spec.scale[0][0] == 1.0
    assert np.isfinite(datamodule.spec.naive_error).all()


def test_steps_of_a_quarter_have_a_day_as_season(tmp_path: Path) -> None:
    rows = [f"{START + timedelta(minutes=15 * i)},{i % 96}" for i in range(96 * 30)]
    datamodule = Energy(str(write(tmp_path / "a.csv", "t,y", rows)))
    datamodule.setup()
    spec = datamodule.spec
    assert (spec.step, spec.season, spec.lookback) == ("15min", 96, 7 * 96)
    resampled = Energy(str(tmp_path / "a.csv"), resample={"1h": "sum"}, lookback=24)
    resampled.setup()
    assert resampled.spec.step == "1h"
    batch = resampled.source.collate(resampled.indices["train"][:1], 0)
    hour = int(batch.future_hours()[0, 0])
    assert batch.original(batch.future)[0, 0, 0] == pytest.approx(sum(range(4 * hour, 4 * hour + 4)), rel=1e-5)
