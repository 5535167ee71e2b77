"""Exported folders: equal to the run, and usable where this project is not."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars
import pytest
from PIL import Image
from torch import nn

from datamodules.errors import BadInput
from datamodules.series.calendar import calendar_features
from lightning_modules.base import SequenceModule
from lightning_modules.training.instantiate import build
from scripts.export import classification, forecasting, transcription
from scripts.export.folder import EXAMPLES, export
from tests.commands import run
from tests.pairs import FITTING, datamodule_for, small_settings


@pytest.fixture(scope="module")
def folder(names_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    done = run(
        "train.py", f"datamodule.data_dir={names_folder}", f"runs_dir={runs}", "trainer.max_epochs=2",
        "datamodule.batch_size=8", "module.hidden_size=8", "logger=none", "module.bidirectional=true",
    )  # fmt: skip
    return Path(done.stdout.strip())


TASKS = {
    "names-classification": classification,
    "energy-forecasting": forecasting,
    "lines-transcription": transcription,
}
#: Architecture and workload -> the fixed length that ONNX needs; what loops over the steps itself.
FIXED = {("peephole_lstm", "names-classification"): 8, ("peephole_lstm", "lines-transcription"): 40}
BEYOND = ("baseline/lightgbm", "baseline/ngram_logistic")  # not tensors
EXPORTED = [
    (name, workload)
    for name, workload in FITTING
    if name not in BEYOND and workload in TASKS and (name, workload) != ("seq2seq", "lines-transcription")
]


def untrained(name: str, names_folder: Path, *overrides: str, workload: str = "names-classification") -> SequenceModule:
    config = small_settings(name, workload, str(names_folder), overrides)
    spec = datamodule_for(config).spec
    module = build(config["module"], task=build(config["task"], spec=spec))
    module.config = config
    for parameter in module.parameters():
        if not parameter.abs().sum():  # a first forecast of 0 would be equal to any other
            nn.init.normal_(parameter, std=0.1)
    return module.eval()


@pytest.mark.parametrize(("name", "workload"), EXPORTED)
def test_every_architecture_is_the_same_in_onnx(name: str, workload: str, names_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx comes with the extra `export`")
    pytest.importorskip("onnxruntime", reason="onnxruntime comes with the extra `export`")
    fixed = FIXED.get((name, workload))
    exported = export(untrained(name, names_folder, workload=workload), TASKS[workload], "onnx", tmp_path, fixed, "x")
    assert len(exported.differences) >= 3
    assert max(exported.differences.values()) < 1e-5
    assert json.loads((tmp_path / "export.json").read_text())["fixed_length"] == fixed
    assert bool(exported.notes) == bool(fixed)


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("mlp", ["task.decoder=recursive", "task.loss=quantile"]),
        ("gru", ["task.decoder=recurrent", "task.relative_to=window"]),
        ("mlp", ["datamodule.future_covariates=[temperature]"]),
        ("gru", ["datamodule.past_covariates=[temperature]"]),
        ("seq2seq", ["datamodule.future_covariates=[temperature]"]),
        ("gru", ["task.patch_length=4", "task.relative_to=none", "datamodule.calendar=none"]),
        ("linear", ["task.decoder=recursive"]),
    ],
)
def test_ways_of_forecasting_are_the_same_in_onnx(
    name: str, overrides: list[str], names_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime comes with the extra `export`")
    module = untrained(name, names_folder, *overrides, workload="energy-forecasting")
    assert export(module, forecasting, "onnx", tmp_path, None, "untrained").worst < 1e-5


@pytest.mark.parametrize(
    ("name", "workload", "fixed"),
    [
        ("transformer", "names-classification", None),
        ("rnn", "names-classification", 12),
        ("gru", "energy-forecasting", None),
        pytest.param("transformer", "lines-transcription", 40, marks=pytest.mark.slow),
    ],
)
def test_torch_export(name: str, workload: str, fixed: int | None, names_folder: Path, tmp_path: Path) -> None:
    module = untrained(name, names_folder, workload=workload)
    exported = export(module, TASKS[workload], "torch_export", tmp_path, fixed, "untrained")
    assert max(exported.differences.values()) < 1e-5
    assert json.loads((tmp_path / "export.json").read_text())["fixed_length"] == fixed


def test_safetensors(names_folder: Path, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors comes with the extra `export`")
    module = untrained("ensemble", names_folder)
    exported = export(module, classification, "safetensors", tmp_path, 32, "untrained")
    assert max(exported.differences.values()) == 0
    assert safetensors.load_file(tmp_path / "model.safetensors").keys() == module.state_dict().keys()


def test_what_a_format_cannot_hold_is_refused(names_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime comes with the extra `export`")
    for name, workload in [pair for pair in FITTING if pair[0] in BEYOND]:
        module = untrained(name, names_folder, workload=workload)
        with pytest.raises(BadInput, match="returns more than tensors, which no format takes"):
            export(module, TASKS[workload], "onnx", tmp_path, None, "untrained")
    module = untrained("rnn", names_folder)
    module.task.output.register_forward_hook(lambda layer, given, scores: scores + len(scores))
    with pytest.raises(BadInput, match="--format onnx: RNN is not the same there: the largest difference is"):
        export(module, classification, "onnx", tmp_path, None, "untrained")


def test_a_classifier_answers_with_onnxruntime_and_numpy_alone(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime comes with the extra `export`")
    done = run("export.py", folder, "--output", tmp_path / "exported")
    assert done.stdout == f"{tmp_path / 'exported'}\n"
    assert "batch  17, length  20: largest difference" in done.stderr
    names = ["Takahashi", "O'Néàl", "Kowalski"]
    answered = _alone(tmp_path / "exported", names)
    assert answered == run("predict.py", folder, *names).stdout


def test_a_forecaster_answers_with_onnxruntime_and_numpy_alone(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime comes with the extra `export`")
    done = run(
        "train.py", "datamodule=energy", "module=gru", "module.hidden_size=8", "datamodule.lookback=48",
        "datamodule.horizon=5", "datamodule.stride=50", "task.loss=quantile", "trainer.max_epochs=1", "logger=none",
        f"runs_dir={tmp_path}", "evaluate=[val]",
    )  # fmt: skip
    folder = Path(done.stdout.strip())
    name = json.loads((folder / "environment.json").read_text())["data"]["series"][0]["series"]
    hours = np.datetime64("2024-12-20T05") + np.arange(100) * np.timedelta64(1, "h")
    rows = [f"{hour}:00:00,{1000 + 200 * np.sin(i / 4) + i}".replace("T", " ") for i, hour in enumerate(hours)]
    del rows[80:83], rows[3]  # missing hours
    rows = [*rows[:40], f"{rows[40]}9", rows[40], *rows[41:50], f"{hours[53]}:00:00,".replace("T", " ")]
    rows += [f"{hour}:00:00,{2000 + i % 24}".replace("T", " ") for i, hour in enumerate(hours[54:])][::-1]
    (tmp_path / f"{name}_hourly.csv").write_text("\n".join(["Datetime,MW", *rows]) + "\n")
    (tmp_path / "new.csv").write_text("\n".join(["Datetime,MW", *rows]) + "\n")
    files = [str(tmp_path / f"{name}_hourly.csv"), str(tmp_path / "new.csv")]

    exported = Path(run("export.py", folder).stdout.strip())
    answered = polars.read_csv(_alone(exported, files).encode())
    expected = polars.read_csv(run("predict.py", folder, *files).stdout.encode())
    assert answered.columns == expected.columns
    numbers = [column for column in expected.columns if column.startswith(("forecast", "quantile"))]
    assert len(numbers) == 4
    assert answered.drop(numbers).equals(expected.drop(numbers))
    np.testing.assert_allclose(answered[numbers].to_numpy(), expected[numbers].to_numpy(), rtol=1e-5)
    assert len(_alone(exported, []).splitlines()) == 1 + 5  # the table that comes with it
    assert "rows without a gap" in _alone(exported, [_shortened(tmp_path / "new.csv", 30)], status=1)


@pytest.mark.parametrize("kind", ["none", "ordinal", "cyclic"])
def test_an_exported_calendar_is_the_runs(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    christmas = SimpleNamespace(
        list_supported_countries=lambda: {"XX": []},
        country_holidays=lambda country, years: {date(year, 12, 25): "Christmas" for year in years},
    )
    monkeypatch.setitem(sys.modules, "holidays", christmas)
    overrides = [f"datamodule.calendar={kind}", "datamodule.holidays=XX"]
    module = untrained("mlp", tmp_path, *overrides, workload="energy-forecasting")
    (tmp_path / "series.json").write_text(json.dumps(forecasting.facts(module)))
    (tmp_path / "predict.py").write_text((EXAMPLES / "forecasting.py").read_text())
    monkeypatch.setitem(sys.modules, "network", SimpleNamespace(run=None))
    calendar = runpy.run_path(str(tmp_path / "predict.py"))["calendar"]
    times = np.datetime64("2023-11-20T05:30:00") + np.arange(2000) * np.timedelta64(3600, "s")
    expected = calendar_features(times, kind, {"country": "XX"})
    np.testing.assert_allclose(calendar(times), expected, atol=1e-6)
    assert expected[:, -1].sum() == 24
    with pytest.raises(SystemExit, match="holidays are known from 1970 to 2069"):
        calendar(times + np.timedelta64(50 * 366 * 86_400, "s"))


def _shortened(path: Path, lines: int) -> str:
    path.write_text("\n".join(path.read_text().splitlines()[:lines]) + "\n")
    return str(path)


def test_a_line_reader_answers_with_onnxruntime_numpy_and_pillow(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime comes with the extra `export`")
    done = run(
        "train.py", "datamodule=text_lines", "module=crnn", "module.hidden_size=16", "datamodule.rendered_lines=60",
        "datamodule.augmentation=null", "trainer.max_epochs=1", "optimizer.lr=0.01", "logger=none",
        f"runs_dir={tmp_path}", "evaluate=[val]",
    )  # fmt: skip
    folder = Path(done.stdout.strip())
    exported = Path(run("export.py", folder).stdout.strip())
    line = Image.open(exported / "line.png")
    pictures = {
        "same.png": line,
        "dark.png": line.point(lambda level: 255 - level // 2),
        "tall.png": line.resize((90, 70)),
    }
    pictures["narrow.png"] = line.crop((8, 0, 44, 40))
    pictures["deep.png"] = Image.fromarray(np.asarray(line, dtype=np.uint16) * 200)
    clear = line.convert("RGBA")
    clear.putalpha(line.point(lambda level: 255 - level))
    pictures["clear.png"] = clear
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
    files = [str(tmp_path / name) for name in pictures]
    assert _alone(exported, files) == run("predict.py", folder, *files).stdout


def _alone(folder: Path, overrides: list[str], status: int = 0) -> str:
    """What the folder's program prints in a process that finds nothing of this project and no torch."""
    code = (
        "import sys, runpy\nfolder, *words = sys.argv[1:]\nsys.path.insert(0, folder)"
        "\nsys.argv = ['predict.py', *words]"
        "\nrunpy.run_path(folder + '/predict.py', run_name='__main__')"
        "\nfound = {name.partition('.')[0] for name in sys.modules}"
        "\nassert not found & {'torch', 'scripts', 'lightning_modules', 'datamodules', 'polars'}, found"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(folder), *overrides], capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if status else done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "onx"], "--format onx: no such format (did you mean 'onnx'?); there are onnx, torch_export"),
        (["--length", "0"], "--length 0: 1 or more is accepted"),
        (["--fromat", "onnx"], "export.py: --fromat: no such option (did you mean '--format'?)"),
    ],
)
def test_bad_usage_is_a_sentence(folder: Path, arguments: list[str], message: str) -> None:
    assert run("export.py", folder, *arguments, status=2).stderr.startswith(message)


def test_an_ocr_model_with_a_decoder_is_refused(names_folder: Path, tmp_path: Path) -> None:
    module = untrained("seq2seq", names_folder, workload="lines-transcription")
    with pytest.raises(BadInput, match=r"Seq2Seq decodes letter by letter, which is not exported; CTC models are"):
        export(module, transcription, "onnx", tmp_path, None, "x")
