"""Grids that grow, that have conditions, and that take baselines along."""

from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.errors import BadInput
from scripts.runs.folder import RunFolder
from scripts.sweeps.manifest import Manifest
from scripts.sweeps.search.grid import Grid
from scripts.sweeps.search.space import space_of
from tests.commands import run


def grid_in(folder: Path, overrides: list[str], default: str = "") -> Grid:
    space = space_of(overrides, {})
    manifest = Manifest(folder, space.described())
    manifest.read("s", [axis.key for axis in space.axes])
    grid = Grid(space, manifest, False, lambda key: default)
    manifest.write()
    return grid


def finish(grid: Grid) -> list[str]:
    """Run every job that is left; their overrides."""
    done = []
    while (job := grid.next()) is not None:
        job.state = "finished"
        run_folder = grid.manifest.run_folder(job)
        run_folder.path.mkdir(exist_ok=True)
        run_folder.write_json(run_folder.metrics_file, {"val/accuracy": 1.0})
        done.append(" ".join(job.overrides))
    grid.manifest.write()
    return done


def test_values_and_seeds_are_added_to_a_finished_grid(tmp_path: Path) -> None:
    assert len(finish(grid_in(tmp_path, ["module=gru,lstm", "seed=1,2"]))) == 4
    assert finish(grid_in(tmp_path, ["module=gru,lstm", "seed=1,2"])) == []
    added = finish(grid_in(tmp_path, ["module=gru,lstm,rnn", "seed=1,2,3"]))
    assert added == [
        "module=gru seed=3",
        "module=lstm seed=3",
        "module=rnn seed=1",
        "module=rnn seed=2",
        "module=rnn seed=3",
    ]
    assert finish(grid_in(tmp_path, ["module=choice(rnn,lstm,gru)", "seed=range(1,4)"])) == [], "in other overrides"


def test_an_axis_that_was_none_goes_on_from_its_value(tmp_path: Path) -> None:
    finish(grid_in(tmp_path, ["module=gru,lstm", "optimizer.lr=0.10"]))
    assert finish(grid_in(tmp_path, ["module=gru,lstm", "optimizer.lr=0.1,0.2"])) == [
        "module=gru optimizer.lr=0.2", "module=lstm optimizer.lr=0.2",
    ]  # fmt: skip
    added = finish(grid_in(tmp_path, ["module=gru,lstm", "optimizer.lr=0.1,0.2", "seed=1,2"], default="1"))
    assert len(added) == 4
    finish(grid_in(tmp_path / "one", ["optimizer.lr=0.1,0.10", "seed=1"]))
    assert finish(grid_in(tmp_path / "one", ["optimizer.lr=0.1", "seed=1,2"])) == ["seed=2"], "an axis of one value"
    assert all(word.endswith("seed=2") for word in added), "the jobs that are there had the seed that is the default"


@pytest.mark.parametrize(
    "overrides", [["module=gru", "seed=1,2"], ["module=gru,rnn", "seed=1,2"], ["module=gru,lstm", "seed=2,3"]]
)
def test_values_that_were_removed_are_refused(overrides: list[str], tmp_path: Path) -> None:
    finish(grid_in(tmp_path, ["module=gru,lstm", "seed=1,2"]))
    with pytest.raises(BadInput, match="there is another sweep of that name"):
        grid_in(tmp_path, overrides)


def test_other_settings_of_all_jobs_are_another_sweep(tmp_path: Path) -> None:
    finish(grid_in(tmp_path, ["module=gru,lstm", "trainer.max_epochs=2"]))
    with pytest.raises(BadInput, match=r"trainer.max_epochs was 2, now 3"):
        grid_in(tmp_path, ["module=gru,lstm", "trainer.max_epochs=3"])


def test_a_value_written_twice_is_one_job(capsys: pytest.CaptureFixture[str]) -> None:
    space = space_of(["optimizer.lr=0.1,0.10,1e-1,0.2"], {})
    assert space.grid() == [["optimizer.lr=0.1"], ["optimizer.lr=0.2"]]
    assert "optimizer.lr=0.1,0.10,1e-1,0.2: 0.1 stands there twice and counts once" in capsys.readouterr().err


def test_a_condition_leaves_an_axis_out_elsewhere() -> None:
    overrides = ["module=gru,transformer", "module.num_heads=2,4", "module.dropout=0.1"]
    when = {"module.num_heads": {"module": "transformer"}, "module.dropout": {"module": ["gru"]}, "other": {"x": 1}}
    assert space_of(overrides, {}, when=when).grid() == [
        ["module=gru", "module.dropout=0.1"],
        ["module=transformer", "module.num_heads=2"],
        ["module=transformer", "module.num_heads=4"],
    ]
    with pytest.raises(BadInput, match=r"sweep.when.module.num_heads: modul is not given here \(did you mean 'module'"):
        space_of(overrides, {}, when={"module.num_heads": {"modul": "transformer"}})
    with pytest.raises(BadInput, match=r"sweep.when.module.num_heads=transformer: values of another key are accepted"):
        space_of(overrides, {}, when={"module.num_heads": "transformer"})


def test_baselines_come_by_one_word_as_far_as_they_fit(tmp_path: Path) -> None:
    space = space_of(["module=gru,baselines", "seed=1,2", "optimizer.lr=0.1,0.2", "++module.hidden_size=8"], {})
    grid = Grid(space, Manifest(tmp_path, {}), False, fits=lambda overrides: "module=baseline/majority" in overrides)
    jobs = [job.overrides for job in grid.manifest.jobs]
    assert jobs[-2:] == [
        ["module=baseline/majority", "seed=1", "~module.hidden_size"],
        ["module=baseline/majority", "seed=2", "~module.hidden_size"],
    ]
    assert len(jobs) == 6, "rates and sizes mean nothing to a baseline"
    assert grid.manifest.jobs[-1].folder == "module-baseline-majority_seed-2"
    assert len(space_of(["module=baselines"], {}).axes) == 1


def test_a_file_says_that_it_is_a_grid_as_files_for_hydra_do(tmp_path: Path, names_folder: Path) -> None:
    """`hydra.mode` and `hydra.sweeper.params`, without -m; what is typed counts where both say something."""
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "grid.yaml").write_text(
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n"
        "      seed: 1,2,3\n      module.hidden_size: choice(4, 6)\n      optimizer: adam\n"
    )
    done = run(
        "train.py", "--config-dir", tmp_path, "experiment=grid", "seed=5,6", f"datamodule.data_dir={names_folder}",
        "trainer.max_steps=1", "evaluate=[val]", f"runs_dir={tmp_path / 'runs'}", "logger=none",
    )  # fmt: skip
    configs = [RunFolder.existing(file.parent).config() for file in Path(done.stdout.strip()).glob("*/config.yaml")]
    assert sorted((config["module"]["hidden_size"], config["seed"]) for config in configs) == [
        (size, seed) for size in (4, 6) for seed in (5, 6)
    ]
    assert {config["optimizer"]["_target_"] for config in configs} == {"torch.optim.Adam"}
