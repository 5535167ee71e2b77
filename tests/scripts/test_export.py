"""Exported folders: equal to the run, and usable where this project is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from datamodules.errors import BadInput
from lightning_modules.base import SequenceModule
from lightning_modules.building import build
from scripts.exporting import classification
from scripts.exporting.folder import export
from tests.commands import run
from tests.pairs import datamodule_for, small_settings

ARCHITECTURES = ("rnn", "lstm", "gru", "transformer", "bag", "ensemble", "baseline/majority")


@pytest.fixture(scope="module")
def folder(names_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    done = run(
        "train.py", f"datamodule.data_dir={names_folder}", f"runs_dir={runs}", "trainer.max_epochs=2",
        "datamodule.batch_size=8", "module.hidden_size=8", "logger=none", "module.bidirectional=true",
    )  # fmt: skip
    return Path(done.stdout.strip())


def untrained(name: str, names_folder: Path, *more: tuple[str, object]) -> SequenceModule:
    config = small_settings(name, "names-classification", str(names_folder))
    config["module"].update(more)
    description = datamodule_for(config).description
    module = build(config["module"], task=build(config["task"], description=description))
    module.config = config
    return module.eval()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_the_same_in_onnx(name: str, names_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx comes with the extra `export`")
    pytest.importorskip("onnxruntime", reason="onnxruntime comes with the extra `export`")
    exported = export(untrained(name, names_folder), classification, "onnx", tmp_path, 32, "untrained")
    assert len(exported.differences) >= 3
    assert max(exported.differences.values()) < 1e-5


@pytest.mark.parametrize(("name", "fixed"), [("transformer", None), ("rnn", 12)])
def test_torch_export(name: str, fixed: int | None, names_folder: Path, tmp_path: Path) -> None:
    exported = export(untrained(name, names_folder), classification, "torch_export", tmp_path, 12, "untrained")
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
    loop = untrained("rnn", names_folder, ("cell", "concat"))
    with pytest.raises(BadInput, match="--format onnx: RNN is not the same there: the largest difference is"):
        export(loop, classification, "onnx", tmp_path, 32, "untrained")
    ngrams = untrained("baseline/ngram_logistic", names_folder)
    with pytest.raises(BadInput, match="answers with more than tensors"):
        export(ngrams, classification, "onnx", tmp_path, 32, "untrained")


def test_a_classifier_answers_with_onnxruntime_and_numpy_alone(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime comes with the extra `export`")
    done = run("export.py", folder, "--output", tmp_path / "exported")
    assert done.stdout == f"{tmp_path / 'exported'}\n"
    assert "batch  17, length  20: largest difference" in done.stderr
    names = ["Takahashi", "O'Néàl", "Kowalski"]
    answered = _alone(tmp_path / "exported", names)
    assert answered == run("predict.py", folder, *names).stdout


def _alone(folder: Path, words: list[str]) -> str:
    """What the folder's program prints in a process that finds nothing of this project and no torch."""
    code = (
        "import sys, runpy\nfolder, *words = sys.argv[1:]\nsys.path.insert(0, folder)"
        "\nsys.argv = ['predict.py', *words]"
        "\nrunpy.run_path(folder + '/predict.py', run_name='__main__')"
        "\nfound = {name.partition('.')[0] for name in sys.modules}"
        "\nassert not found & {'torch', 'scripts', 'lightning_modules', 'datamodules'}, found"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(folder), *words], capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--format", "onx"], "--format onx: no such format (did you mean 'onnx'?); there are onnx, torch_export"),
        (["--length", "0"], "--length 0: 1 or more is accepted"),
        (["--fromat", "onnx"], "export.py: --fromat: no such option (did you mean '--format'?)"),
    ],
)
def test_bad_usage_is_a_sentence(folder: Path, arguments: list[str], sentence: str) -> None:
    assert run("export.py", folder, *arguments, status=2).stderr.startswith(sentence)
