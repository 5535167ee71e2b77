"""Energy from the command line: train on a wave, forecast files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars
import pytest
from PIL import Image

from tests.commands import run

START = np.datetime64("2018-01-01T00:00:00")


def wave(hours: np.ndarray) -> np.ndarray:
    return 1000 + 300 * np.sin(2 * np.pi * hours / 24)


def write(path: Path, first: int, count: int) -> Path:
    hours = np.arange(first, first + count)
    rows = [f"{str(START + np.timedelta64(int(h), 'h')).replace('T', ' ')},{v:.4f}" for h, v in zip(hours, wave(hours))]
    path.write_text("Datetime,MW\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained on a sine."""
    data = write(tmp_path_factory.mktemp("data") / "Sine_hourly.csv", 0, 1200)
    runs = tmp_path_factory.mktemp("runs")
    done = run(
        "train.py", "datamodule=energy", f"datamodule.data_dir={data}", "datamodule.lookback=48",
        "datamodule.horizon=12", "module=mlp", "module.hidden_size=32", "datamodule.batch_size=64",
        "trainer.max_epochs=15", "optimizer.lr=0.01", "evaluate=[val,test]", f"runs_dir={runs}",
    )  # fmt: skip
    return Path(done.stdout.strip())


def test_the_run_has_its_report_and_its_figures(folder: Path) -> None:
    report = json.loads((folder / "environment.json").read_text())["data"]["series"]
    assert report[0]["rows"] == 1200
    assert report[0]["first"] == "2018-01-01T00:00:00"
    figures = {path.name for path in (folder / "figures").iterdir()}
    assert {"test_forecasts.png", "test_error_by_hour.png", "test_error_by_step.png"} <= figures
    predictions = polars.read_parquet(folder / "predictions.parquet")
    assert {"id", "series", "time", "target", "prediction", "score"} <= set(predictions.columns)
    assert len(predictions["target"][0]) == 12
    assert json.loads((folder / "metrics.json").read_text())["test/smape"] < 2


def test_predict_continues_a_sine(folder: Path, tmp_path: Path) -> None:
    load = write(tmp_path / "Sine_hourly.csv", 1200, 80)
    output, picture = tmp_path / "forecast.csv", tmp_path / "forecast.png"
    done = run("predict.py", folder, load, "--output", output, "--plot", picture, "--backtest", "20")
    assert done.stdout.strip() == str(output)
    table = polars.read_csv(output, try_parse_dates=True)
    assert len(table) == 24 + 12, "whole horizons that cover the last 20 hours, and what follows"
    hours = 1280 - 24 + np.arange(36)
    assert np.allclose(table["forecast"].to_numpy(), wave(hours), rtol=0.05)
    assert (table["stamp"].to_numpy() == START + hours.astype("timedelta64[h]")).all()
    assert (table["cutoff"].to_numpy() == (START + (hours[::12].repeat(12) - 1).astype("timedelta64[h]"))).all()
    assert not table["trained_on"].any(), "rows after those of the training split"
    assert "backtest:" in done.stderr
    assert np.allclose(table["actual"].to_numpy()[:24].astype(float), wave(hours[:24]), atol=1e-3)
    assert table["actual"].null_count() == 12
    assert Image.open(picture).size[0] > 500


def test_a_short_file_is_refused_by_name_and_the_others_are_answered(folder: Path, tmp_path: Path) -> None:
    good, short = write(tmp_path / "Sine_hourly.csv", 0, 50), write(tmp_path / "Short_hourly.csv", 0, 47)
    done = run("predict.py", folder, short, good, tmp_path / "none.csv", "--json", status=1)
    assert f"{short}: 47 rows; the run looks back 48" in done.stderr
    assert f"{tmp_path / 'none.csv'}: there is no such file" in done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["series"] for result in results] == ["Sine"]
    assert [row["stamp"] for row in results[0]["rows"]][:2] == ["2018-01-03 02:00:00", "2018-01-03 03:00:00"]


def test_an_unknown_series_and_standard_input(folder: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "Other_hourly.csv", 0, 96)
    done = run("predict.py", folder, other, "--backtest", "60")
    assert "1 of 5 backtests left out" in done.stderr, "48 rows are needed before each"
    done = run("predict.py", folder, "-", stdin=other.read_text())
    assert "standard input: not a series of the run; scaled by its own rows" in done.stderr
    table = polars.read_csv(done.stdout.encode())
    assert np.allclose(table["forecast"].to_numpy(), wave(96 + np.arange(12)), rtol=0.1)


def test_evaluate_on_a_file_of_another_series(folder: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "Other_hourly.csv", 0, 400)
    done = run("evaluate.py", folder, f"datamodule.data_dir={other}", "--json")
    assert json.loads(done.stdout)["all/smape"] < 5


def test_columns_are_matched_by_name(tmp_path: Path) -> None:
    hours = np.arange(600)
    stamps = [f"{START + np.timedelta64(int(h), 'h')}".replace("T", " ") for h in hours]
    table = polars.DataFrame(
        {"Datetime": stamps, "load": wave(hours), "price": 20 + np.cos(hours / 5), "day": hours // 24}
    )
    first, swapped, lacking = (tmp_path / f"{name}.csv" for name in ("region", "swapped", "lacking"))
    table.write_csv(first)
    table.select("Datetime", "day", "price", "load").write_csv(swapped)
    table.drop("price").write_csv(lacking)
    settings = "datamodule.target_columns=[load,price]", "datamodule.future_covariates=[day]", "datamodule.horizon=3"
    done = run(
        "train.py", "datamodule=energy", f"datamodule.data_dir={first}", *settings, "datamodule.lookback=48",
        "module=baseline/ridge", "logger=none", f"runs_dir={tmp_path}",
    )  # fmt: skip
    folder = Path(done.stdout.strip())
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {"test/load/mase", "test/price/mase", "test/mase"} <= set(metrics)
    for path in (first, swapped):
        again = json.loads(
            run("evaluate.py", folder, f"datamodule.data_dir={path}", "--split", "test", "--json").stdout
        )
        assert again["test/load/mae"] == pytest.approx(metrics["test/load/mae"], rel=0.05)
    done = run("evaluate.py", folder, f"datamodule.data_dir={lacking}", status=2)
    assert f"{lacking}: no column 'price'" in done.stderr
    done = run("predict.py", folder, first, status=1)
    assert "no 'day' at 2018-01-26 00:00:00; future covariates are needed for the 3 rows" in done.stderr
    ahead = [f"{START + np.timedelta64(600 + h, 'h')},,,25".replace("T", " ") for h in range(3)]
    first.write_text(first.read_text() + "\n".join(ahead) + "\n")
    rows = polars.read_csv(run("predict.py", folder, first).stdout.encode())
    assert rows["target"].to_list() == ["load", "price"] * 3
    assert np.allclose(rows.filter(polars.col("target") == "load")["forecast"], wave(600 + np.arange(3)), rtol=0.05)


def test_another_step_and_other_settings_are_refused(folder: Path, tmp_path: Path) -> None:
    rows = [f"{START + np.timedelta64(15 * i, 'm')},{i % 7}".replace("T", " ") for i in range(400)]
    quarter = tmp_path / "Sine_hourly.csv"
    quarter.write_text("Datetime,MW\n" + "\n".join(rows) + "\n")
    done = run("predict.py", folder, quarter, status=1)
    assert f"{quarter}: rows are 15min apart; the run was trained on steps of 1h" in done.stderr
    done = run("evaluate.py", folder, f"datamodule.data_dir={quarter}", status=2)
    assert "rows are 15min apart; the run was trained on steps of 1h" in done.stderr
    for setting, has in (("lookback=24", "48"), ("horizon=1d", "12"), ("calendar=none", "cyclic")):
        done = run("evaluate.py", folder, f"datamodule.{setting}", status=2)
        assert f"the run was trained with {has}; another needs training" in done.stderr


def test_a_file_says_which_series_it_continues(folder: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "fresh.csv", 0, 96)
    done = run("predict.py", folder, other, "--series", "Sine")
    assert "not a series of the run" not in done.stderr
    table = polars.read_csv(done.stdout.encode())
    assert np.allclose(table["forecast"].to_numpy(), wave(96 + np.arange(12)), rtol=0.05)
    done = run("predict.py", folder, other, "--series", "Sin", status=2)
    assert "--series Sin: no series of the run (did you mean 'Sine'?); it has Sine" in done.stderr


def test_a_backtest_over_a_gap_has_the_stamps_of_its_rows(folder: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "Sine_hourly.csv", 1200, 400)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:201] + lines[249:]) + "\n")  # two days are missing
    done = run("predict.py", folder, path, "--backtest", "10d", "--refit", "none")
    table = polars.read_csv(done.stdout.encode(), try_parse_dates=True)
    known = {line.split(",")[0]: float(line.split(",")[1]) for line in path.read_text().splitlines()[1:]}
    for stamp, actual in zip(table["stamp"].to_list(), table["actual"].to_list()):
        assert actual == known.get(str(stamp))
    assert np.allclose(
        table["forecast"],
        [wave(np.array((t - START.item()).total_seconds() / 3600)) for t in table["stamp"]],
        rtol=0.05,
    )
    assert "backtests left out: a gap" in done.stderr
    assert table["stamp"][-12] == (START + np.timedelta64(1600, "h")).item(), "one step after the last row"


def test_a_gap_in_the_look_back_is_named(folder: Path, tmp_path: Path) -> None:
    lines = write(tmp_path / "Sine_hourly.csv", 0, 100).read_text().splitlines()
    (tmp_path / "Sine_hourly.csv").write_text("\n".join(lines[:71] + lines[81:]) + "\n")
    done = run("predict.py", folder, tmp_path / "Sine_hourly.csv", status=1)
    assert "a gap before 2018-01-04 08:00:00 lies within the 48 rows before 2018-01-05 04:00:00" in done.stderr


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["module=bag"], "module=bag takes tokens as input; task=forecasting gives steps, window"),
        (
            ["task=classification"],
            "task=classification asks something of texts; datamodule=energy has windows of series",
        ),
        (["datamodule.gaps=fill"], "datamodule.gaps=fill: must be 'interpolate', 'drop', 'error' or 'ignore'"),
        (["datamodule.split_rows=[1,2]"], "datamodule.split_rows=[1, 2]: three numbers of rows"),
    ],
)
def test_bad_settings_are_one_sentence(overrides: list[str], message: str, tmp_path: Path) -> None:
    done = run("train.py", "datamodule=energy", *overrides, f"runs_dir={tmp_path}", status=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_text_module_and_a_forecaster_do_not_mix(tmp_path: Path) -> None:
    done = run("train.py", "datamodule=names", "module=linear", f"runs_dir={tmp_path}", status=2)
    assert "module=linear is for task=forecasting, not task=classification" in done.stderr
