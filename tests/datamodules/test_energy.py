"""Windows and splits against a slow, obvious implementation; and nothing known before its time."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules import specs
from datamodules.energy import Energy
from datamodules.errors import BadInput
from datamodules.series.cleaning import CleanSeries
from datamodules.series.frequency import Frequency
from datamodules.series.splits import boundaries, window_splits
from datamodules.series.synthetic import synthetic_load

HOURLY = Frequency("second", 3600)
START = np.datetime64("2018-01-01T00:00:00")


def write_series(path: Path, values: np.ndarray, leave_out: tuple[int, ...] = ()) -> None:
    rows = [f"{START + np.timedelta64(i, 'h')},{v:.6f}" for i, v in enumerate(values) if i not in leave_out]
    path.write_text("Datetime,MW\n" + "\n".join(rows).replace("T", " ") + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for name, size in (("A", 300), ("B", 260)):
        write_series(tmp_path / f"{name}_hourly.csv", 100 + rng.normal(size=size).cumsum())
    return tmp_path


def loaded(data: Path, **settings) -> Energy:
    datamodule = Energy(str(data), **{"lookback": 24, "horizon": 3, **settings})
    datamodule.setup()
    return datamodule


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_splits_against_the_definition(data) -> None:
    rows = data.draw(st.integers(20, 60))
    lookback, horizon = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 5))
    filled = np.array(data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows))) & (np.arange(rows) % 4 == 1)
    segment = np.cumsum(data.draw(st.lists(st.integers(0, 30), min_size=rows, max_size=rows)) == np.int64(0))
    times = START + np.arange(rows).astype("timedelta64[h]")
    one = CleanSeries("x", ("v",), times, np.zeros((rows, 1)), filled, segment.astype(np.int32), HOURLY)
    val, test, end = boundaries(rows, lookback, horizon, data.draw(st.sampled_from(["rows", "windows"])), 0.2, 0.2)
    splits = window_splits(one, lookback, horizon, (val, test, end))
    for split, low, high in (("train", 0, val), ("val", val, test), ("test", test, end)):
        expected = []
        for p in range(rows):
            inside = p - lookback >= 0 and p + horizon <= rows
            if not inside or len(set(segment[p - lookback : p + horizon])) > 1:
                continue
            if filled[p - 1] or filled[p : p + horizon].any():
                continue
            if low <= p and p + horizon <= high:
                expected.append(p)
        assert splits[split].tolist() == expected


def test_windows_are_what_the_file_says(folder: Path) -> None:
    datamodule = loaded(folder, calendar="ordinal")
    text = {name: (folder / f"{name}_hourly.csv").read_text().splitlines()[1:] for name in "AB"}
    values = {name: [float(line.split(",")[1]) for line in lines] for name, lines in text.items()}
    for split in ("train", "val", "test"):
        rows = datamodule.indices[split]
        batch = datamodule.source.collate(rows, 0)
        stamps = datamodule.example_columns(rows)
        for i in range(0, len(rows), 17):
            name = stamps["series"][i]
            p = next(k for k, line in enumerate(text[name]) if line.startswith(str(stamps["time"][i])))
            window = torch.tensor(values[name][p - 24 : p + 3]).view(1, -1, 1)
            assert torch.allclose(batch.original(batch.past)[i, :, 0], window[0, :24, 0], rtol=1e-5)
            assert torch.allclose(batch.original(batch.future)[i, :, 0], window[0, 24:, 0], rtol=1e-5)
            hours = [int(text[name][p + h][11:13]) for h in range(3)]
            assert batch.future_hours()[i].tolist() == hours
            assert torch.allclose(batch.future_calendar()[i, :, 0] * 23, torch.tensor(hours).float())
            assert torch.allclose(batch.past_calendar(2)[i, -1, 0] * 23, torch.tensor(float((hours[0] - 1) % 24)))


def test_the_scaler_knows_the_training_part_only(folder: Path) -> None:
    datamodule = loaded(folder)
    lines = (folder / "A_hourly.csv").read_text().splitlines()[1:]
    training = np.array([float(line.split(",")[1]) for line in lines])[: 300 - 30 - 30]
    assert datamodule.spec.offset[0][0] == pytest.approx(training.mean())
    assert datamodule.spec.scale[0][0] == pytest.approx(training.std())
    everything = loaded(folder, scaler_fit="all")
    assert everything.spec.offset[0][0] != datamodule.spec.offset[0][0]


@pytest.mark.parametrize("gap", [(), (150,), (150, 151), (238, 239), (255,)])
def test_a_later_value_never_changes_an_earlier_window(tmp_path: Path, gap: tuple[int, ...]) -> None:
    values = 100 + np.random.default_rng(2).normal(size=300).cumsum()
    write_series(tmp_path / "A_hourly.csv", values, gap)
    before = loaded(tmp_path, horizon=1, max_gap=6)
    changed_row = 240 if not gap else gap[-1] + 1  # the row behind the gap, or the first of the validation part
    values[changed_row:] += 500
    write_series(tmp_path / "A_hourly.csv", values, gap)
    after = loaded(tmp_path, horizon=1, max_gap=6)
    assert all(torch.equal(before.indices[split], after.indices[split]) for split in before.indices)
    if changed_row >= 240:
        assert before.spec.offset == after.spec.offset
        assert before.spec.naive_error == after.spec.naive_error
    rows = torch.cat([before.indices[split] for split in ("train", "val", "test")])
    earlier = rows[rows <= changed_row]  # a window that ends before the changed row, whatever its target is
    first, second = (d.source.collate(earlier, 0) for d in (before, after))
    assert torch.allclose(first.original(first.past), second.original(second.past), rtol=1e-4)


def test_parts_do_not_share_targets(folder: Path) -> None:
    datamodule = loaded(folder)
    targets = {
        split: {row + h for row in rows.tolist() for h in range(3)} for split, rows in datamodule.indices.items()
    }
    assert not targets["train"] & targets["val"]
    assert not targets["val"] & targets["test"]


def test_a_stride_thins_the_training_part_only(folder: Path) -> None:
    every, fifth = loaded(folder), loaded(folder, stride=5)
    assert len(fifth.indices["train"]) < len(every.indices["train"]) / 4
    assert torch.equal(fifth.indices["test"], every.indices["test"])


def test_a_series_shorter_than_a_window_is_named(folder: Path) -> None:
    with pytest.raises(
        BadInput, match=r"B_hourly.csv: series 'B' has 260 rows, in 1 unbroken stretches; a window needs 273"
    ):
        loaded(folder, lookback=270, short_series="error")
    datamodule = loaded(folder, lookback=230, split_rows=[250, 20, 30])
    assert datamodule.spec.names == ("A", "B")
    datamodule = loaded(folder, lookback=270, split_rows=[280, 10, 10])
    assert datamodule.spec.names == ("A",), "B is left out, by name"
    assert any("left out" in line and "'B' has 260 rows" in line for line in datamodule.report["lines"])


def test_rows_of_each_part_can_be_given(folder: Path) -> None:
    datamodule = loaded(folder, split_rows=[100, 50, 60])
    assert [len(datamodule.indices[split]) for split in ("train", "val", "test")] == [2 * (100 - 24 - 2), 96, 116]


def test_the_description_survives_a_checkpoint(folder: Path) -> None:
    spec = loaded(folder).spec
    assert specs.from_dict(specs.to_dict(spec), [type(spec)]) == spec


def test_made_up_load_is_the_same_every_time_and_says_what_it_is() -> None:
    first, second = synthetic_load(2, days=30), synthetic_load(2, days=30)
    assert all((a.values() == b.values()).all() for a, b in zip(first, second))
    assert all(one.name.startswith("synthetic ") for one in first)
    assert all((one.values() > 0).all() for one in first)
    datamodule = Energy()
    datamodule.setup()
    assert datamodule.spec.synthetic
    assert "synthetic" in datamodule.report["lines"][0]


@pytest.mark.real_data
def test_the_articles_windows(real_data: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    datamodule = Energy(
        str(real_data / "energy"), duplicates="keep", gaps="ignore", calendar="ordinal", scaler="minmax",
        scaler_fit="all", lookback=90, horizon=1, split_by="windows", val_fraction=0.0, test_fraction=0.1,
    )  # fmt: skip
    datamodule.setup()
    assert len(datamodule.indices["train"]) == 980_185
    assert len(datamodule.indices["test"]) == 108_902
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 300, "MiB"


@pytest.mark.real_data
def test_what_is_wrong_with_the_real_files_is_found(real_data: Path) -> None:
    datamodule = Energy(str(real_data / "energy"))
    datamodule.setup()
    reports = {report["series"]: report for report in datamodule.report["series"]}
    assert sum(report["rows"] for report in reports.values()) == 1_090_167
    assert {name: report["repeated"]["count"] for name, report in reports.items()} == {
        name: 0 if name in ("NI", "PJM_Load") else 4 for name in reports
    }
    assert reports["AEP"]["missing"]["count"] == 27
    assert reports["PJME"]["missing"]["count"] == 30
    suspected = {name: {row["time"] for row in report["outliers"]["rows"]} for name, report in reports.items()}
    assert "2011-06-01T01:00:00" in suspected["FE"]
    assert "2009-12-12T00:00:00" in suspected["DOM"]
    assert "2003-05-29T00:00:00" in suspected["PJMW"]
    assert {f"2018-04-22T{hour:02}:00:00" for hour in range(1, 24)} <= suspected["DEOK"]
