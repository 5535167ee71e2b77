from __future__ import annotations

from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.errors import BadInput
from datamodules.series.config import ReadingConfig
from datamodules.series.reading import RawSeries, find_files
from datamodules.series.reading import read_series as read_files

GOOD = "Datetime,A_MW\n2018-01-01 01:00:00,10\n2018-01-01 02:00:00,11.5\n"


def write(folder: Path, text: str, name: str = "A_hourly.csv") -> list[Path]:
    (folder / name).write_text(text, encoding="utf-8")
    return [folder / name]


def read_series(paths: list[Path], **settings) -> list[RawSeries]:
    return read_files(paths, ReadingConfig(**settings))[0]


def test_a_file_is_a_series(tmp_path: Path) -> None:
    (one,) = read_series(write(tmp_path, GOOD))
    assert (one.name, one.columns) == ("A", ("A_MW",))
    assert one.values().tolist() == [[10.0], [11.5]]
    assert [str(t) for t in one.times] == ["2018-01-01T01:00:00", "2018-01-01T02:00:00"]


def test_a_column_is_a_series(tmp_path: Path) -> None:
    paths = write(tmp_path, "date,x,y\n2018-01-01 01:00,1,2\n2018-01-01 02:00,3,4\n", "t.csv")
    x, y = read_series(paths, series="columns")
    assert (x.name, y.name) == ("t x", "t y")
    assert y.values().tolist() == [[2.0], [4.0]]
    (both,) = read_series(paths)
    assert both.values().shape == (2, 2)
    (chosen,) = read_series(paths, target_columns=("y",))
    assert chosen.columns == ("y",)


def test_parquet_and_tsv_read_the_same(tmp_path: Path) -> None:
    (csv,) = read_series(write(tmp_path, GOOD))
    table = polars.read_csv(tmp_path / "A_hourly.csv", try_parse_dates=True)
    table.write_parquet(tmp_path / "A.parquet")
    (tmp_path / "A.tsv").write_text(GOOD.replace(",", "\t"))
    for path in (tmp_path / "A.parquet", tmp_path / "A.tsv"):
        (other,) = read_series([path])
        assert (other.times == csv.times).all()
        assert (other.values() == csv.values()).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "A_hourly.csv: empty"),
        ("Datetime,A\n", "A_hourly.csv: no rows"),
        ("hour,A\nx,1\n", "no column of time stamps; it has hour, A"),
        ("Datetime,A\n2018-01-01 01:00:00,1\n2018-13-01 01:00:00,2\n", "A_hourly.csv:3: '2018-13-01 01:00:00' is no"),
        ("Datetime,A\n2018-01-01 01:00:00,1\n2018-01-01 02:00:00,many\n", "A_hourly.csv:3: 'many' in column 'A'"),
        ("Datetime,A\n2018-01-01 01:00:00,inf\n", "A_hourly.csv:2: 'inf' in column 'A' is no number"),
        ("Datetime\n2018-01-01 01:00:00\n", "no column of numbers to forecast"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        [one.values() for one in read_series(write(tmp_path, text))]
    assert message in str(caught.value)


def test_unknown_columns_are_named(tmp_path: Path) -> None:
    paths = write(tmp_path, GOOD)
    with pytest.raises(BadInput, match="did you mean 'Datetime'"):
        read_series(paths, time_column="Datetim")
    with pytest.raises(BadInput, match="did you mean 'A_MW'"):
        read_series(paths, target_columns=("A_WM",))


def test_files_are_found(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD, "B_hourly.csv")
    write(tmp_path, GOOD, "joined.csv")
    assert [p.name for p in find_files(str(tmp_path))] == ["A_hourly.csv", "B_hourly.csv"]
    assert [p.name for p in find_files(str(tmp_path / "[Bj]*.csv"))] == ["B_hourly.csv", "joined.csv"]
    with pytest.raises(BadInput, match="no such file, folder or pattern"):
        find_files(str(tmp_path / "nothing"))


def test_one_name_for_two_series_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    paths = write(tmp_path, GOOD) + write(tmp_path / "x", GOOD)
    with pytest.raises(BadInput, match="two series are called 'A'"):
        read_series(paths)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='0123456789-: ,\n\r"aDT.é', max_size=120))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "x.csv"
    path.write_bytes(("Datetime,A\n2018-01-01 01:00:00,1\n" + text).encode())
    try:
        for one in read_series([path]):
            assert len(one.times) == len(one.values())
            assert not np.isnat(one.times).any()
    except BadInput as error:
        assert str(path) in str(error)
