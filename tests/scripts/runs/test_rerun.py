"""`rerun=RUN` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.commands import run


@pytest.fixture(scope="module")
def first(names_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose folder has a name that Hydra would take for a list."""
    runs = tmp_path_factory.mktemp("runs")
    done = run(
        "train.py", f"datamodule.data_dir={names_folder}", f"runs_dir={runs}", "name=first", "module=rnn",
        "trainer.max_epochs=2", "module.hidden_size=8", "datamodule.batch_size=16", "seed=3", "logger=none",
        f"hydra.run.dir='{runs}/first/a=1,b=2'",
    )  # fmt: skip
    return Path(done.stdout.strip())


def test_the_same_again_to_the_last_digit(first: Path) -> None:
    done = run("train.py", f"rerun={first}")
    again = Path(done.stdout.strip())
    assert again.parent == first.parent
    assert "rerun: all 15 metrics are equal to the last digit\n" in done.stderr
    before, after = (json.loads((folder / "metrics.json").read_text()) for folder in (first, again))
    assert {key: value for key, value in before.items() if "/" in key}.items() <= after.items()
    assert {"module=rnn", "seed=3"} <= set(json.loads((again / "environment.json").read_text())["overrides"])


def test_with_changes_it_says_what_differs(first: Path) -> None:
    done = run("train.py", f"rerun={first}", "seed=4", "module.hidden_size=6", "scheduler=constant", "name=other")
    again = Path(done.stdout.strip())
    assert again.parent.name == "other"
    config = yaml.safe_load((again / "config.yaml").read_text())
    assert config["module"]["_target_"] == "lightning_modules.rnn.RNN"
    assert (config["seed"], config["datamodule"]["seed"], config["module"]["hidden_size"]) == (4, 4, 6)
    assert config["scheduler"] == {"_target_": "lightning_modules.training.schedules.Constant"}
    line = next(line for line in done.stderr.splitlines() if line.startswith("rerun: "))
    assert "of 15 metrics differ: train/loss" in line
    assert "settings: seed 3 -> 4, module.hidden_size 8 -> 6, scheduler Cosine -> Constant" in line


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["rerun=nowhere"], "nowhere: there is no such run folder"),
        (["rerun={first}", "experiment=names"], "experiment=names: a repeated run has its own settings"),
        (["rerun={first}", "module.hiden_size=1"], "module.hiden_size: no such setting (did you mean 'hidden_size'?)"),
        (["-m", "rerun={first}", "seed=1,2"], "rerun: repeats one run; without -m"),
    ],
)
def test_bad_usage_is_a_sentence(first: Path, overrides: list[str], message: str) -> None:
    done = run("train.py", *(word.format(first=first) for word in overrides), status=2)
    assert done.stderr.startswith(message), done.stderr
