"""Files as system operators and archives publish them: ids in numbers, calendar columns, footers, several clocks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from datamodules.errors import BadInput
from tests.datamodules.series.test_files_of_others import HOURS, LOAD, START, assert_is_load, read, write

DAYS = [START + timedelta(days=i) for i in range(20)]
LATER = [t + timedelta(hours=1) for t in HOURS]  # of hour-ending columns 1 to 24


def test_a_day_and_zone_a_row_with_the_date_in_three_columns(tmp_path: Path) -> None:
    """Every value stands several times a series, which makes no row a repeated one."""
    loads = [round(v / 100) * 1000 for v in LOAD]
    rows = [
        f"{zone},{t.year},{t.month},{t.day},"
        + ",".join(f'"{v * zone:,}"' for v in loads[24 * i : 24 * i + 24])
        for zone in (1, 2)
        for i, t in enumerate(DAYS)
    ]  # fmt: skip
    header = "zone_id,year,month,day," + ",".join(f"h{h}" for h in range(1, 25))
    (one, two), message = read(write(tmp_path / "a.csv", header, rows))
    assert (one.name, two.name) == ("1", "2")
    assert_is_load(one, LATER, loads)
    assert_is_load(two, LATER, [2 * v for v in loads])
    assert "2 series by column 'zone_id'" in message


def test_columns_that_repeat_the_stamp_or_the_series_are_no_targets(tmp_path: Path) -> None:
    rows = [
        f"{t:%Y-%m-%d %H:%M},{zone},{position},{(t.hour - 8) % 24 + 1},{t.weekday()},{t.month},{v * position}"
        for position, zone in ((1, "north"), (2, "south"))
        for t, v in zip(HOURS, LOAD)
    ]
    (north, south), message = read(write(tmp_path / "a.csv", "start,zone,POS,OPR_HR,dayOfWeek,month,MW", rows))
    assert north.columns == south.columns == ("MW",)
    assert_is_load(south, HOURS, [2 * v for v in LOAD])
    for said in ("'POS' (constant for each zone)", "'OPR_HR' (the stamp's hour)", "'dayOfWeek' (the stamp's weekday)"):
        assert said in message
    rows = [f"{t},{v},{(i * 7) % 23}" for i, (t, v) in enumerate(zip(HOURS, LOAD))]
    (one,), _ = read(write(tmp_path / "b.csv", "t,MW,working hours", rows))
    assert one.columns == ("MW", "working hours"), "named so, but no part of the stamp"


def test_a_clock_that_goes_back_in_a_long_table(tmp_path: Path) -> None:
    """The hour that the clock shows twice makes the name no less an id, and the zone's name none."""
    hours = [START + timedelta(hours=i - (i > 300)) for i in range(480)]
    rows = [
        f"{t},{'EST' if i > 300 else 'EDT'},{name},{number},{v * number}"
        for i, (t, v) in enumerate(zip(hours, LOAD))
        for name, number in (("CAPITL", 1), ("CENTRL", 2))
    ]
    whole = [f"{row.rpartition(',')[0]},{i * 7 % 150}" for i, row in enumerate(rows)]
    found, _ = read(write(tmp_path / "whole.csv", "stamp,Time Zone,Name,PTID,load", whole))
    assert [one.name for one in found] == ["CAPITL", "CENTRL"], "a load in whole numbers is no id"
    (capital, central), message = read(write(tmp_path / "a.csv", "stamp,Time Zone,Name,PTID,load", rows))
    assert (capital.name, central.name) == ("CAPITL", "CENTRL")
    assert capital.columns == ("load",)
    assert capital.report["repeated"]["count"] == 1
    np.testing.assert_allclose(central.values[:300, 0], [2 * v for v in LOAD[:300]])
    assert "'PTID' (constant for each Name)" in message


def test_two_columns_that_say_the_same_are_one_id(tmp_path: Path) -> None:
    rows = [f"{t},{zone},{zone}_area,{v}" for zone in ("AEP", "DAY") for t, v in zip(HOURS, LOAD)]
    found, _ = read(write(tmp_path / "a.csv", "stamp,zone,area,mw", rows))
    assert [one.name for one in found] == ["AEP", "DAY"]
    rows = [f"{t},{zone},{number},{v}" for zone in "ab" for number in "xy" for t, v in zip(HOURS[:9], LOAD)]
    with pytest.raises(BadInput, match="is this a long table"):
        read(write(tmp_path / "a.csv", "stamp,zone,kind,mw", rows))


@pytest.mark.parametrize(
    "footer",
    [
        "RTE ne pourra \u00eatre tenu responsable de ces chiffres,,", "Source: somebody,,", "Total,123.4,5",
        ",,\nall in one hour,,",
    ],
)  # fmt: skip
def test_lines_below_the_rows_are_left_out_and_said(footer: str, tmp_path: Path) -> None:
    rows = [f"{t},{v},{i % 7}" for i, (t, v) in enumerate(zip(HOURS, LOAD))]
    (one,), message = read(write(tmp_path / "a.csv", "Date,load,other", [*rows, *footer.split("\n")]))
    assert one.columns == ("load", "other")
    assert_is_load(one)
    assert "1 line below the rows left out, from line 48" in message
    known = [*rows[:-1], f"{HOURS[-1]},,"]
    (one,), message = read(write(tmp_path / "a.csv", "Date,load,other", known))
    assert "below the rows" not in message, "a stamp whose values are not known yet is a row"
    rows = [f"{name},{t},{v}" for name in ("min", "max") for t, v in zip(HOURS, LOAD)]
    lowest, highest = read(write(tmp_path / "b.csv", "what,stamp,load", rows))[0]
    assert len(lowest) == len(highest) == len(HOURS), "names of series are no totals"


@pytest.mark.parametrize("names", ["Datum;Uhrzeit", "Date;Heures", "Datum;von", "A;B"])
def test_a_time_of_day_beside_a_date_by_any_name(names: str, tmp_path: Path) -> None:
    rows = [f"{t:%d.%m.%Y};{t:%H:%M};{t + timedelta(hours=1):%H:%M};{v}" for t, v in zip(HOURS, LOAD)]
    (one,), message = read(write(tmp_path / "a.csv", f"{names};bis;Last", rows))
    assert_is_load(one)
    assert f"stamps from '{names.split(';')[0]}' and '{names.split(';')[1]}'" in message


@pytest.mark.parametrize("width", [1, 12])
def test_cells_separated_by_spaces(width: int, tmp_path: Path) -> None:
    cells = [["date", "hour", "load"], *([f"{t:%Y-%m-%d}", f"{t:%H:%M}", f"{v:,}"] for t, v in zip(HOURS, LOAD))]
    header, *rows = [" ".join(cell.rjust(width) for cell in row) for row in cells]
    (one,), message = read(write(tmp_path / "a.txt", header, rows))
    assert_is_load(one)
    assert "cells separated by spaces" in message
    rows = [f"{t:%Y-%m-%d} {t:%H:%M}  00{number}   {v * number}" for number in (7, 8) for t, v in zip(HOURS, LOAD)]
    (seven, eight), _ = read(write(tmp_path / "b.txt", "date time meter load", rows))
    assert (seven.name, eight.name) == ("007", "008"), "ids as they stand in the file"
    assert_is_load(eight, HOURS, [8 * v for v in LOAD])


def test_marks_for_missing_cells_with_spaces_around_them(tmp_path: Path) -> None:
    marks = {10: " Null ", 20: "n/e", 30: " N/A"}
    rows = [f"{t}, {marks.get(i, v)}" for i, (t, v) in enumerate(zip(HOURS, LOAD))]
    (one,), _ = read(write(tmp_path / "a.csv", "t,y", rows))
    assert np.flatnonzero(one.filled).tolist() == [*marks]
    with pytest.raises(BadInput, match=r"missing_values=\[off\]"):
        read(write(tmp_path / "a.csv", "t,y", [*rows[:9], f"{HOURS[9]}, off ", *rows[10:]]))
    (one,), _ = read(tmp_path / "a.csv", missing_values=("off",))
    assert np.flatnonzero(one.filled).tolist() == [9, *marks]


def test_the_format_of_the_monash_archive(tmp_path: Path) -> None:
    header = ["# a comment", "@relation load", "@attribute series_name string", "@attribute state string"]
    header += ["@attribute start_timestamp date", "@frequency hourly", "@missing true", "@data"]
    rows = [
        f"{name}:NSW:{stamp}:" + ",".join("?" if i == 7 else str(v) for i, v in enumerate(LOAD))
        for name, stamp in (("T1", "2021-01-01 00-00-00"), ("T2", "2021-01-01 00:00:00"))
    ]
    found, _ = read(write(tmp_path / "a.tsf", header[0], [*header[1:], *rows]))
    assert [one.name for one in found] == ["T1", "T2"]
    for one in found:
        assert one.times.tolist() == HOURS
        assert np.flatnonzero(one.filled).tolist() == [7]
        np.testing.assert_allclose(np.delete(one.values[:, 0], 7), np.delete(LOAD, 7))
    quarters = [line.replace("hourly", "quarterly") for line in header]
    (one, _), _ = read(write(tmp_path / "a.tsf", quarters[0], [*quarters[1:], *rows]))
    assert str(one.frequency) == "3mo"
    for wrong, message in {
        "hourly": ("hourli", r"a.tsf:6: @frequency hourli.*hourly"),
        "2021-01-01 00-00-00": ("1.1.2021", r"a.tsf:9: '1.1.2021' is no stamp"),
        "T1:NSW": ("T1", r"a.tsf:9: 2 attributes before the values; 3 are declared"),
        "1500.0,": ("x,", r"a.tsf:9: could not convert string to float: 'x'"),
    }.items():
        lines = "\n".join([*header, *rows]).replace(wrong, message[0])
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "b" / "a.tsf").write_text(lines)
        with pytest.raises(BadInput, match=message[1]):
            read(tmp_path / "b" / "a.tsf")


def test_a_column_that_is_empty_in_every_second_row_is_named(tmp_path: Path) -> None:
    from datamodules.energy import Energy

    halves = [START + timedelta(minutes=30 * i) for i in range(len(LOAD))]
    rows = [f"{t},{v if i % 2 == 0 else ''},{v}" for i, (t, v) in enumerate(zip(halves, LOAD))]
    path = write(tmp_path / "a.csv", "t,load,forecast", rows)
    with pytest.raises(BadInput, match=r"'load' is empty in 240: datamodule\.target_columns names others"):
        Energy(str(path), lookback=24).setup()
    Energy(str(path), lookback=24, resample={"1h": "mean"}).setup()
    Energy(str(path), lookback=24, target_columns=["forecast"]).setup()
