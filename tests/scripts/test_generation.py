"""Text generation from a finished run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import run


@pytest.fixture(scope="module")
def language_model(names_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    data = [f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path_factory.mktemp('runs')}"]
    overrides = ["task=generation", "module.hidden_size=32", "trainer.max_epochs=15", "optimizer.lr=0.02"]
    return run("train.py", *data, *overrides, "datamodule.batch_size=16").stdout.strip().splitlines()[-1]


def test_new_names_are_the_same_for_the_same_seed(language_model: str) -> None:
    overrides = ["--label", "Japanese", "--count", 5, "--temperature", 0.8]
    first = run("predict.py", language_model, *overrides, "--seed", 1)
    assert len(first.stdout.splitlines()) == 5
    assert first.stderr.strip().endswith("of 5 are not in the training set")
    assert run("predict.py", language_model, *overrides, "--seed", 1).stdout == first.stdout
    assert run("predict.py", language_model, *overrides, "--seed", 2).stdout != first.stdout


def test_beginnings_are_gone_on_with_and_known_names_are_recognised(language_model: str, names_folder: Path) -> None:
    printed = run("predict.py", language_model, "Ki", "Na", "--label=Japanese", "--count=3", "--json").stdout
    rows = [json.loads(line) for line in printed.splitlines()]
    assert [row["text"][:2] for row in rows] == ["Ki"] * 3 + ["Na"] * 3
    known = set((names_folder / "Japanese.txt").read_text().split())
    assert all(row["new"] or row["text"] in known for row in rows)


def test_its_pictures_show_names_of_each_class(language_model: str) -> None:
    assert {"test_samples.png", "test_perplexity.png"} <= {
        path.name for path in (Path(language_model) / "figures").iterdir()
    }


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["--label", "Japanes"], "--label Japanes: no such class (did you mean 'Japanese'?); there are Greek, Irish"),
        ([], "--label is missing: the run generates texts of one class: Greek, Irish, Japanese, Polish"),
        (["--label", "Irish", "--top-p", "0"], "--top-p 0.0: above 0, at most 1, is accepted"),
        (["--label", "Irish", "--tempature", "1"], "--tempature: no such option (did you mean '--temperature'?)"),
    ],
)
def test_bad_usage_is_one_sentence(language_model: str, overrides: list[str], message: str) -> None:
    done = run("predict.py", language_model, *overrides, status=2)
    assert message in done.stderr and "Traceback" not in done.stderr


def test_architectures_that_read_a_text_as_a_whole_are_refused() -> None:
    done = run("train.py", "task=generation", "module=attention_lstm", status=2)
    assert (
        "module=attention_lstm is not causal; task=generation needs a network whose states depend on no later step"
        in done.stderr
    )
