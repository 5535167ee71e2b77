"""evaluate, predict and compare on a finished run."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import yaml

from tests.commands import run


@pytest.fixture(scope="module")
def folder(names_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    done = run(
        "train.py", f"datamodule.data_dir={names_folder}", f"runs_dir={runs}", "trainer.max_epochs=30",
        "datamodule.batch_size=8", "optimizer.lr=0.01", "logger=none", "module.hidden_size=32",
    )  # fmt: skip
    return Path(done.stdout.strip())


def test_evaluate_prints_the_metrics_of_the_run(folder: Path) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    for split in ("train", "val", "test"):
        done = run("evaluate.py", folder, "--split", split, "--json")
        printed = json.loads(done.stdout)
        assert printed == {key: value for key, value in metrics.items() if key.startswith(f"{split}/")}
    done = run("evaluate.py", folder)
    assert "test/accuracy" in done.stdout
    assert "most often taken for" in done.stdout


def test_a_run_of_several_gpus_is_evaluated_once_and_without_them(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "of several GPUs"
    shutil.copytree(folder, elsewhere)
    config = yaml.safe_load((elsewhere / "config.yaml").read_text())
    config["trainer"] |= {"accelerator": "gpu", "devices": 2, "num_nodes": 2, "strategy": "ddp"}
    (elsewhere / "config.yaml").write_text(yaml.safe_dump(config))
    done = run("evaluate.py", elsewhere, "--json")
    assert "trainer.accelerator=gpu, as the run had: there is no such device here" in done.stderr
    metrics = json.loads((folder / "metrics.json").read_text())
    assert json.loads(done.stdout) == {key: value for key, value in metrics.items() if key.startswith("test/")}


def test_evaluate_on_other_data_judges_all_of_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "Greek.txt").write_text("Alexakis\nGeorgiou\nPapadakis\n")
    (tmp_path / "Irish.txt").write_text("O'Brien\nMcCarthy\n")
    done = run("evaluate.py", folder, f"datamodule.data_dir={tmp_path}", "--json")
    metrics = json.loads(done.stdout)
    assert metrics["all/accuracy"] >= 0.8, "these are names that it was trained on"
    (kept,) = (folder / "evaluations").iterdir()
    assert done.stderr.splitlines()[-1] == f"kept in {kept}"
    (table,) = json.loads(run("compare.py", "--evaluations", folder, "--json").stdout)["tables"]
    assert (table["metric"], table["rows"][0]["reported"]["metric"]) == ("val/accuracy", "all/accuracy")
    assert table["rows"][0]["reported"]["mean"] == metrics["all/accuracy"]
    own = json.loads((folder / "metrics.json").read_text())
    assert table["rows"][0]["mean"] == own["val/accuracy"], "chosen by the run's own validation split"
    assert len(json.loads(run("compare.py", folder.parent, "--json").stdout)["tables"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--splt", "val"], "evaluate.py: --splt: no such option (did you mean '--split'?)"),
        (["module.hidden_size=3"], "module.hidden_size=3: not a setting that can be changed here"),
        (["datamodule.data_dirr=x"], "datamodule.data_dirr: no such setting (did you mean 'data_dir'?)"),
    ],
)
def test_evaluate_refuses_in_a_sentence(folder: Path, arguments: list[str], message: str) -> None:
    done = run("evaluate.py", folder, *arguments, status=2)
    assert done.stderr.startswith(message)


def test_predict_prints_log_probabilities_best_first(folder: Path) -> None:
    done = run("predict.py", folder, "Takahashi", "O'Brien", "--top-k", "2")
    lines = done.stdout.splitlines()
    assert lines[0] == "> Takahashi"
    assert lines[1].endswith(") Japanese")
    assert lines[3] == "> O'Brien"
    assert len(lines) == 6
    probabilities = [
        json.loads(line)
        for line in run("predict.py", folder, "Takahashi", "--json", "--top-k", "9").stdout.splitlines()
    ]
    classes = probabilities[0]["predictions"]
    assert len(classes) == 4
    assert sum(math.exp(answer["log_prob"]) for answer in classes) == pytest.approx(1.0, abs=1e-5)
    assert lines[1] == f"({classes[0]['log_prob']:.2f}) Japanese"


def test_predict_reads_standard_input_and_goes_on_after_bad_lines(folder: Path) -> None:
    done = run("predict.py", folder, "-", "--json", stdin="Tanaka\n\n王\nKowalski\r\n", status=1)
    answered = [json.loads(line)["input"] for line in done.stdout.splitlines()]
    assert answered == ["Tanaka", "Kowalski"]
    assert done.stderr.splitlines() == [
        "'': it is empty",
        "'王': no character of '王' is kept by normalize=ascii; normalize=nfc keeps every script",
    ]


def test_an_answer_does_not_depend_on_what_is_asked_beside_it(folder: Path, names_folder: Path) -> None:
    names = [line for file in sorted(names_folder.iterdir()) for line in file.read_text().split("\n") if line]
    together = [
        json.loads(line)
        for line in run("predict.py", folder, "-", "--json", stdin="\n".join(names)).stdout.splitlines()
    ]
    alone = json.loads(run("predict.py", folder, names[7], "--json").stdout)
    assert [answer["input"] for answer in together] == names
    for one, other in zip(together[7]["predictions"], alone["predictions"]):
        assert one["class"] == other["class"]
        assert one["log_prob"] == pytest.approx(other["log_prob"], abs=1e-5)


def test_predict_needs_no_data_and_no_lightning(folder: Path, tmp_path: Path) -> None:
    import shutil
    import subprocess
    import sys

    alone = tmp_path / "elsewhere"
    shutil.copytree(folder, alone)
    code = (
        "import sys; sys.argv = ['predict.py', sys.argv[1], 'Tanaka']; import runpy\n"
        "try: runpy.run_path('scripts/predict.py', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert 'pytorch_lightning' not in sys.modules and 'torchmetrics' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code, str(alone)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("> Tanaka")


def test_nothing_that_a_run_names_is_executed(folder: Path, tmp_path: Path) -> None:
    import shutil

    import torch

    for target in (
        "os.system",
        "torch.hub.load",
        "lightning_modules.gru.nn.Linear",
        "datamodules.text.codec.TextCodec",
    ):
        bad = tmp_path / target
        shutil.copytree(folder, bad)
        path = bad / "checkpoints" / "best.ckpt"
        state = torch.load(path, weights_only=True)
        state["config"]["module"]["_target_"] = target
        torch.save(state, path)
        done = run("predict.py", bad, "Tanaka", status=2)
        assert done.stderr.startswith(f"{path}: module: it names {target}")
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("script", ["evaluate.py", "predict.py"])
def test_a_folder_that_is_no_run_is_a_sentence(script: str, folder: Path, tmp_path: Path) -> None:
    assert run(script, "nowhere", status=2).stderr == "nowhere: there is no such run folder\n"
    assert "not a run folder (no config.yaml in it)" in run(script, tmp_path, status=2).stderr
    assert f"it holds runs, such as {folder}" in run(script, folder.parent, status=2).stderr


def test_compare_reads_what_a_run_left(folder: Path) -> None:
    (table,) = json.loads(run("compare.py", folder.parent, "--json").stdout)["tables"]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert table["rows"][0]["mean"] == metrics["val/accuracy"]
    assert table["rows"][0]["reported"]["mean"] == metrics["test/accuracy"]
    assert table["rows"][0]["params"] == metrics["params"]
