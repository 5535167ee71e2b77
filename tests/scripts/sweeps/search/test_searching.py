"""A search as a person runs it: pruned, stopped half-way, gone on with, and its winner trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.commands import run

optuna = pytest.importorskip("optuna")

SMALL = ["trainer.max_epochs=4", "logger=none", "trainer.accelerator=cpu", "datamodule.batch_size=8", "evaluate=[val]"]
SEARCH = [
    "module.hidden_size=choice(4,8)", "optimizer.lr=tag(log,interval(1e-3,1e-1))", "sweep.name=found",
    "sweep.seeds=2", "sweep.pruner=median", "sweep.pruner_options={n_startup_trials:1,n_warmup_steps:1}",
]  # fmt: skip


def test_a_search_goes_on_to_more_trials_and_tells_its_winner(names_folder: Path, tmp_path: Path) -> None:
    overrides = ["-m", *SEARCH, *SMALL, f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}"]
    run("train.py", *overrides, "sweep.trials=3")
    done = run("train.py", *overrides, "sweep.trials=6")
    sweep = Path(done.stdout.strip())
    jobs = json.loads((sweep / "sweep.json").read_text())["jobs"]
    assert len(jobs) == 12
    assert {job["state"] for job in jobs} <= {"finished", "pruned"}
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(sweep / "study.journal")))
    (name,) = optuna.get_all_study_names(storage)
    assert name == "names/found"
    study = optuna.load_study(study_name=name, storage=storage)
    assert len(study.trials) == 6
    assert {trial.state.name for trial in study.trials} <= {"COMPLETE", "PRUNED"}
    assert "best: " in done.stderr

    best = yaml.safe_load((sweep / "experiment" / "best.yaml").read_text())
    assert best["module"]["hidden_size"] == study.best_params["module.hidden_size"]
    assert best["optimizer"]["lr"] == pytest.approx(study.best_params["optimizer.lr"])
    line = next(line for line in done.stderr.splitlines() if line.startswith("train it:"))
    overrides = line.split("scripts/train.py ")[1].split()
    printed = run("train.py", *overrides, "--cfg", "job", "--resolve")
    settings = yaml.safe_load(printed.stdout)
    assert settings["module"]["hidden_size"] == best["module"]["hidden_size"]
    assert settings["trainer"]["max_epochs"] == 4
    assert settings["datamodule"]["data_dir"] == str(names_folder)
