"""A run folder from a stranger executes nothing, by any command."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from datamodules.errors import BadInput
from scripts.config import trust
from scripts.config.check import check
from scripts.config.composing import compose
from scripts.config.stored_experiments import check_config_dir
from scripts.predict import command as predict
from scripts.runs import members, rerun, resume
from scripts.runs.evaluate_run import evaluate
from scripts.runs.fine_tuning import Start
from scripts.runs.folder import RunFolder
from scripts.sweeps.manifest import Manifest
from scripts.sweeps.search.grid import Grid
from scripts.sweeps.search.space import space_of
from tests.commands import run

CHECKPOINT = Path(__file__).parents[2] / "checkpoints"
PRECIOUS = "years of work"


def hostile(file: Path) -> dict[str, dict[str, Any]]:
    """Settings whose class empties a file when it is made."""
    return {
        "builtins.open": {"_target_": "builtins.open", "file": str(file), "mode": "w"},
        "logging.FileHandler": {"_target_": "logging.FileHandler", "filename": str(file), "mode": "w"},
        "tarfile.open": {"_target_": "tarfile.open", "name": str(file), "mode": "w"},
        "torch.save": {"_target_": "torch.save", "obj": 1, "f": str(file)},
        "lightning_modules.gru.torch.save": {"_target_": "lightning_modules.gru.torch.save", "obj": 1, "f": str(file)},
    }


@pytest.fixture
def precious(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "precious.txt"
    file.write_text(PRECIOUS)
    yield file
    assert file.read_text() == PRECIOUS


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv(trust.VARIABLE, "")
    return compose("module=gru", "callbacks=early_stopping", "datamodule.data_dir=/nowhere")


def places(settings: dict[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every group and every place inside one where settings of an object may stand."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield (*at, key)
            yield from places(value, (*at, key))
    if at:
        yield (*at, "one_more")


def with_settings(config: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    copy = json.loads(json.dumps(config))
    holder = copy
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return copy


@pytest.mark.parametrize("name", hostile(Path()))
def test_every_group_of_every_stored_configuration(name: str, precious: Path, stored: dict[str, Any]) -> None:
    found = list(places(stored))
    assert {place[0] for place in found} == set(trust.ALLOWED_CLASSES)
    for place in found:
        for settings in (hostile(precious)[name], [hostile(precious)[name]]):
            bad = with_settings(stored, place, settings)
            with pytest.raises(BadInput, match=r"it names|no class belongs there"):
                trust.check_stored(bad, "config.yaml")
    with pytest.raises(BadInput, match=r"names .*; no class belongs there"):
        trust.check_stored({**stored, "extra": hostile(precious)[name]}, "config.yaml")


@pytest.mark.parametrize("target", ["pytorch_lightning.Trainer", "lightning_modules.gru.GRU", "torch.nn.Linear"])
def test_what_is_trusted_has_to_be_of_the_kind_that_belongs_there(target: str, stored: dict[str, Any]) -> None:
    for group in set(trust.ALLOWED_CLASSES) - {"trainer", "module"}:
        place = (group, "x") if group in trust.GROUPS_BY_NAME else (group,)
        with pytest.raises(BadInput, match=f"{group}.*: it names {target} where a .* belongs"):
            trust.check_stored(with_settings(stored, place, {"_target_": target}), "config.yaml")
        found = trust.check_classes(with_settings(stored, place, {"_target_": target}))
        assert len(found) == 1 and "which belongs there" in found[0]


def test_a_stored_configuration_holds_no_interpolation(precious: Path, stored: dict[str, Any]) -> None:
    decoded = "${oc.decode:'{_target_: builtins.open, file: " + str(precious) + ", mode: w}'}"
    with pytest.raises(BadInput, match=r"callbacks.x holds \$\{...\}"):
        trust.check_stored(with_settings(stored, ("callbacks", "x"), decoded), "config.yaml")


def test_a_stored_logger_writes_into_its_runs_folder(stored: dict[str, Any], precious: Path) -> None:
    for place in (str(precious.parent), "../..", "~"):
        settings = {"_target_": "pytorch_lightning.loggers.CSVLogger", "save_dir": place, "name": "", "version": ""}
        with pytest.raises(BadInput, match=r"logger.x.save_dir=.* lies outside of the run's folder"):
            trust.check_stored(with_settings(stored, ("logger", "x"), settings), "config.yaml")
    typed = with_settings(stored, ("logger", "x"), settings)
    trust.check_stored(typed, "config.yaml", overridden_settings=typed)


def test_what_runs_leave_is_trusted_and_allowed_packages_are(stored: dict[str, Any]) -> None:
    trust.check_stored(stored, "config.yaml")
    foreign = with_settings(stored, ("callbacks", "x"), {"_target_": "rich.console.Console"})
    with pytest.raises(BadInput, match="--allow rich if you trust that package"):
        trust.check_stored(foreign, "config.yaml")
    trust.check_stored(foreign, "config.yaml", overridden_settings=foreign)  # the person names it in this very command
    trust.allow(["rich"])
    with pytest.raises(BadInput, match="where a Callback belongs"):
        trust.check_stored(foreign, "config.yaml")


@pytest.mark.parametrize("name", ["builtins.open", "logging.FileHandler", "tarfile.open"])
def test_typed_classes_are_of_the_kind_that_belongs_there(name: str, precious: Path, stored: dict[str, Any]) -> None:
    for group in trust.ALLOWED_CLASSES:
        place = (group, "x") if group in trust.GROUPS_BY_NAME else (group,)
        with pytest.raises(BadInput, match=rf"{'.'.join(place)}\._target_={name}: not a \w+, which belongs there"):
            check(with_settings(stored, place, hostile(precious)[name]))


@pytest.fixture
def folder(tmp_path: Path, stored: dict[str, Any], precious: Path) -> RunFolder:
    """A run folder whose every group names something hostile."""
    kept = sorted(CHECKPOINT.glob("*/classification*/*.ckpt")) or sorted(CHECKPOINT.rglob("*classification*.ckpt"))
    run_folder = RunFolder(tmp_path / "run")
    run_folder.checkpoints.mkdir(parents=True)
    shutil.copy(kept[0], run_folder.checkpoints / "best.ckpt")
    attack = hostile(precious)["builtins.open"]
    bad = {**stored, "callbacks": {**stored["callbacks"], "x": attack}, "trainer": {**stored["trainer"], "y": attack}}
    run_folder.write_config({**bad, "datamodule": attack, "task": attack, "runs_dir": str(tmp_path)})
    run_folder.write_json(run_folder.environment_file, {"overrides": [], "fingerprint": ""})
    return run_folder


def test_every_way_to_read_a_run(folder: RunFolder, stored: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(folder.path)
    refused = pytest.raises(BadInput, match=r"builtins.open, which is not of this project; --allow builtins")
    with refused:
        rerun.settings_to_repeat(folder, {**stored, "rerun": path}, [f"rerun={path}"])
    with refused:
        resume.settings_to_resume(folder, stored, [f"resume={path}"])
    with refused:
        evaluate(folder, folder.config(), "test")
    with refused:
        members.with_members({"module": {"runs": [path, path]}})
    monkeypatch.setattr(sys, "argv", ["predict.py", path, "Tanaka"])
    with refused:
        predict.main()
    assert Start(folder).spec.classes, "weights and the spec of the checkpoint; config.yaml is not read"


@pytest.mark.parametrize("key", ["rerun", "resume"])
def test_the_command_itself(key: str, folder: RunFolder) -> None:
    done = run("train.py", f"{key}={folder.path}", status=2)
    assert "--allow builtins if you trust that package" in done.stderr
    assert "Traceback" not in done.stderr


def test_experiments_of_a_strangers_sweep(tmp_path: Path, precious: Path) -> None:
    sweep = tmp_path / "sweep"
    (sweep / "experiment").mkdir(parents=True)
    (sweep / "sweep.json").write_text("{}")
    best = sweep / "experiment" / "best.yaml"

    def says(content: dict[str, Any], package: str = "_global_") -> None:
        best.write_text(f"# @package {package}\n{yaml.safe_dump(content)}")
        check_config_dir(str(sweep))

    says({"defaults": [{"override /module": "gru"}], "module": {"hidden_size": 8}})
    attack = hostile(precious)["logging.FileHandler"]
    with pytest.raises(BadInput, match=r"best.yaml: callbacks.x: it names logging.FileHandler"):
        says({"callbacks": {"x": attack}})
    with pytest.raises(BadInput, match="sets nothing of Hydra's"):
        says({"hydra": {"job_logging": {"handlers": {"x": attack}}}})
    with pytest.raises(BadInput, match="@package _global_"):
        says({"handlers": {"x": attack}}, package="hydra.job_logging")
    with pytest.raises(BadInput, match="override /GROUP: OPTION is accepted"):
        says({"defaults": [{"override /hydra/job_logging": "x"}]})
    (sweep / "hydra" / "job_logging").mkdir(parents=True)
    (sweep / "hydra" / "job_logging" / "default.yaml").write_text("version: 1\n")
    with pytest.raises(BadInput, match="configures nothing but its experiments"):
        says({"module": {"hidden_size": 8}})
    (sweep / "sweep.json").unlink()
    check_config_dir(str(sweep))  # a folder of the person's own


def test_jobs_of_a_strangers_manifest(tmp_path: Path) -> None:
    space = space_of(["module=gru,lstm"], {})
    manifest = Manifest(tmp_path, space.described())
    manifest.add(["callbacks.x._target_=builtins.open", "module=gru"])
    manifest.write()
    again = Manifest(tmp_path, space.described())
    again.read("s")
    with pytest.raises(BadInput, match=r"its job callbacks.x._target_=builtins.open module=gru is none of this"):
        Grid(space, again, retry_failed=False)
