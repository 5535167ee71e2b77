"""Optuna's part of a sweep, with runs that are a formula."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

optuna = pytest.importorskip("optuna")

from datamodules.errors import BadInput  # noqa: E402
from scripts.config.composing import compose  # noqa: E402
from scripts.sweeps.manifest import Job, Manifest  # noqa: E402
from scripts.sweeps.search.space import space_of  # noqa: E402
from scripts.sweeps.search.study import Search  # noqa: E402
from scripts.sweeps.settings import option, sweep_settings  # noqa: E402

RUN = compose("module=gru")
LISTS = ["module.hidden_size=range(1,9)", "module.dropout=range(0,0.5,0.1)"]
INTERVALS = ["optimizer.lr=tag(log,interval(1e-4,1))", "module.hidden_size=int(interval(1,64))"]
VALIDATIONS = 4


def search_in(folder: Path, overrides: list[str], retry: bool = False, **settings: Any) -> Search:
    for group in ("sampler", "pruner"):
        if isinstance(settings.get(group), str):
            settings[group] = {**option(group, settings[group]), **settings.pop(f"{group}_options", {})}
    asked = sweep_settings({"name": "s", "trials": 8, **settings})
    folder.mkdir(exist_ok=True)
    manifest = Manifest(folder, {})
    manifest.read("s")
    overrides = [word if "." not in word.partition("=")[0] else f"++{word}" for word in overrides]
    return Search(space_of(overrides, asked.space, when=asked.when), asked, manifest, RUN, retry)


def value_of(job: Job, validation: int) -> float:
    """More is better; the overrides decide, the seed adds a little."""
    overrides = dict(word.lstrip("+").split("=") for word in job.overrides)
    seed = float(overrides.pop("seed", 0))
    return (1 - sum(float(v) for v in overrides.values()) / 100) * validation / VALIDATIONS + seed / 1000


def run(search: Search, job: Job) -> None:
    """What the pool does with a job, and what the job does."""
    job.state = "running"
    search.manifest.write()
    if search.prunes_validations:
        for validation in range(1, VALIDATIONS + 1):
            if search.report(job, validation, value_of(job, validation)):
                job.state = "pruned"
                break
    if job.state == "running":
        job.state = "finished"
        metrics = {"val/accuracy": value_of(job, VALIDATIONS), "params": float(len(job.overrides[0]))}
        search.manifest.run_folder(job).write_json(search.manifest.run_folder(job).metrics_file, metrics)
    search.job_finished(job, None)
    search.manifest.write()


def run_all(search: Search) -> list[Job]:
    jobs = []
    while (job := search.next()) is not None:
        run(search, job)
        jobs.append(job)
    return jobs


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes", "qmc", "random", "grid"])
def test_every_sampler_draws_and_goes_on_where_it_stopped(sampler: str, tmp_path: Path) -> None:
    overrides = LISTS if sampler == "grid" else INTERVALS
    settings: dict[str, Any] = {"sampler": sampler}
    undisturbed = [job.overrides for job in run_all(search_in(tmp_path / "a", overrides, **settings))]
    assert len(undisturbed) == 8
    assert len({tuple(w) for w in undisturbed}) > 4
    stopped = search_in(tmp_path / "b", overrides, **settings)
    for _ in range(3):
        run(stopped, stopped.next())
    lost = stopped.next()  # its process is killed
    lost.state = "running"
    stopped.manifest.write()
    gone_on = search_in(tmp_path / "b", overrides, **settings)
    assert gone_on.next().overrides == lost.overrides
    gone_on = search_in(tmp_path / "b", overrides, **settings)
    run_all(gone_on)
    assert [job.overrides for job in gone_on.manifest.jobs] == undisturbed
    assert all(trial.state is optuna.trial.TrialState.COMPLETE for trial in gone_on.study.trials)
    assert search_in(tmp_path / "b", overrides, **settings).next() is None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("pruner", "options"),
    [
        ("median", {"n_startup_trials": 2, "n_warmup_steps": 0}),
        ("percentile", {"percentile": 50.0, "n_startup_trials": 2}),
        ("hyperband", {"min_resource": 1, "max_resource": VALIDATIONS, "reduction_factor": 2}),
        ("asha", {"min_resource": 1, "reduction_factor": 2}),
        ("none", {}),
    ],
)
def test_every_pruner_ends_poor_trials_and_they_are_pruned_to_optuna(pruner, options, tmp_path: Path) -> None:
    search = search_in(tmp_path, LISTS, pruner=pruner, pruner_options=options, sampler="random", trials=20)
    jobs = run_all(search)
    pruned = [job for job in jobs if job.state == "pruned"]
    assert bool(pruned) == (pruner != "none")
    states = [trial.state.name for trial in search.study.trials]
    assert states.count("PRUNED") == len(pruned)
    assert states.count("COMPLETE") == 20 - len(pruned)


@pytest.mark.filterwarnings("ignore")
def test_replicates_are_one_trial_with_their_mean(tmp_path: Path) -> None:
    search = search_in(tmp_path, LISTS, seeds=3, trials=4, pruner="median", pruner_options={"n_startup_trials": 10})
    jobs = run_all(search)
    assert len(jobs) == 12
    assert [job.overrides[-1] for job in jobs[:3]] == ["seed=1", "seed=2", "seed=3"]
    first = search.study.trials[0]
    assert first.value == pytest.approx(sum(value_of(job, VALIDATIONS) for job in jobs[:3]) / 3)
    so_far = first.intermediate_values
    assert sorted(so_far) == list(range(1, 3 * VALIDATIONS + 1))
    assert so_far[VALIDATIONS + 1] == pytest.approx((value_of(jobs[0], VALIDATIONS) + value_of(jobs[1], 1)) / 2)


@pytest.mark.filterwarnings("ignore")
def test_wilcoxon_compares_seed_by_seed(tmp_path: Path) -> None:
    search = search_in(
        tmp_path, LISTS, seeds=6, trials=12, pruner="wilcoxon", sampler="random", pruner_options={"p_threshold": 0.4}
    )
    run_all(search)
    states = [trial.state.name for trial in search.study.trials]
    assert "PRUNED" in states
    assert "COMPLETE" in states


@pytest.mark.filterwarnings("ignore")
def test_several_objectives_have_a_front(tmp_path: Path) -> None:
    search = search_in(tmp_path, INTERVALS, objective=["val/accuracy", "params"], trials=6)
    run_all(search)
    assert [direction.name for direction in search.study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert search.study.best_trials


@pytest.mark.filterwarnings("ignore")
def test_failed_configurations_are_tried_again_if_asked(tmp_path: Path) -> None:
    search = search_in(tmp_path, LISTS, trials=3)
    run(search, search.next())
    failing = search.next()
    failing.state = "failed"
    search.job_finished(failing, None)
    search.manifest.write()
    run_all(search)
    assert search_in(tmp_path, LISTS, trials=3).next() is None
    again = search_in(tmp_path, LISTS, retry=True, trials=3)
    assert again.next().overrides == failing.overrides


@pytest.mark.parametrize(
    ("overrides", "settings", "message"),
    [
        ([], {}, "sweep.trials=8: nothing to search in; give a key several values"),
        (["seed=1,2"], {}, "seed=1,2: a search looks for settings; sweep.seeds=N"),
        (INTERVALS, {"sampler": "grid"}, "optimizer.lr=.*: sweep/sampler=grid needs a list"),
        (LISTS, {"objective": "test/accuracy"}, "sweep.objective=test/accuracy: it would be fitted on the test split"),
        (LISTS, {"objective": "speed"}, "sweep.objective=speed: no such metric"),
        (LISTS, {"objective": "params", "pruner": "asha"}, "sweep/pruner: params is not known before the end"),
        (LISTS, {"objective": ["val/loss", "params"], "pruner": "asha"}, "sweep/pruner: several objectives"),
        (LISTS, {"pruner": "wilcoxon"}, "sweep/pruner=wilcoxon: it compares seed by seed"),
        (LISTS, {"sampler": "tpe", "sampler_options": {"sed": 1}}, r"sweep.sampler.sed: no such setting"),
        (["optimizer.lr=tag(log,interval(0,1))"], {}, "optimizer.lr=.*: "),
        (LISTS, {"storage": "nosuchdatabase://x"}, "sweep.storage=nosuchdatabase://x: "),
    ],
)
def test_what_makes_no_search_is_a_sentence(overrides, settings, message, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        search_in(tmp_path, overrides, **settings)


@pytest.mark.filterwarnings("ignore")
def test_known_good_points_are_tried_first_and_once(tmp_path: Path) -> None:
    points = [{"module.hidden_size": 7, "optimizer.lr": 0.003}, {"module.hidden_size": 12}]
    search = search_in(tmp_path, INTERVALS, trials=4, enqueue=points)
    jobs = run_all(search)
    assert jobs[0].overrides == ["++optimizer.lr=0.003", "++module.hidden_size=7"]
    assert jobs[1].overrides[1] == "++module.hidden_size=12"
    assert len(jobs) == 4
    again = run_all(search_in(tmp_path, INTERVALS, trials=6, enqueue=points))
    assert len(again) == 2
    assert "++module.hidden_size=7" not in [word for job in again for word in job.overrides]


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"module.hiden_size": 7}, r"sweep.enqueue: module.hiden_size is no axis of this search \(did you mean"),
        ({"module.hidden_size": 700}, r"sweep.enqueue: module.hidden_size=700 lies outside of int\(interval\(1,64\)\)"),
    ],
)
def test_a_point_outside_of_the_space_is_refused(point: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        search_in(tmp_path, INTERVALS, enqueue=[point])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_conditional_axis_is_drawn_where_it_counts(sampler: str, tmp_path: Path) -> None:
    overrides = [
        "module.layer_norm=true,false",
        "module.forget_bias=interval(0.0,2.0)",
        "module.hidden_size=range(1,9)",
    ]
    when = {"module.forget_bias": {"module.layer_norm": True}}
    search = search_in(tmp_path, overrides, sampler=sampler, trials=12, when=when)
    examples = search.examples()
    assert any("forget_bias" in " ".join(overrides) for overrides in examples)
    drawn = []
    while (job := search.next()) is not None:
        drawn.append(" ".join(job.overrides))
        job.state = "finished"
        search.manifest.run_folder(job).write_json(search.manifest.run_folder(job).metrics_file, {"val/accuracy": 0.5})
        search.job_finished(job, None)
    assert len(drawn) == 12
    assert {("layer_norm=True" in overrides, "forget_bias=" in overrides) for overrides in drawn} == {
        (True, True),
        (False, False),
    }


@pytest.mark.filterwarnings("ignore")
def test_a_job_that_was_killed_waits_for_the_next_call(tmp_path: Path) -> None:
    search = search_in(tmp_path, LISTS, trials=3)
    killed = search.next()
    killed.state, killed.reason = "interrupted", "killed by SIGKILL"
    search.job_finished(killed, None)
    search.manifest.write()
    assert len(run_all(search)) == 2, "it is not tried again at once, and counts as a trial"
    again = search_in(tmp_path, LISTS, trials=3)
    assert run_all(again) == [job for job in again.manifest.jobs if job.overrides == killed.overrides]


def test_a_metric_without_a_direction_needs_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"sweep.objective=val/luck: its class declares no direction; sweep.direction="):
        search_in(tmp_path, LISTS, objective="val/luck")
    search = search_in(tmp_path, LISTS, objective="val/luck", direction="minimize")
    assert search.objectives[0].direction == "minimize"


def test_jobs_of_a_strangers_manifest_are_refused(tmp_path: Path) -> None:
    search = search_in(tmp_path, LISTS, trials=2)
    search.next().overrides.append("callbacks.x._target_=builtins.open")
    search.manifest.write()
    with pytest.raises(BadInput, match=r"job 0: callbacks.x._target_=builtins.open is no value of this search"):
        search_in(tmp_path, LISTS, trials=2)


def test_a_sampler_of_somebodys_own_is_one(tmp_path: Path) -> None:
    own = {"_target_": "optuna.samplers.BruteForceSampler"}
    assert len(run_all(search_in(tmp_path, LISTS[:1], sampler=own, trials=3))) == 3
    with pytest.raises(BadInput, match=r"sweep.sampler._target_=builtins.open: not a BaseSampler, which belongs there"):
        search_in(tmp_path / "b", LISTS, sampler={"_target_": "builtins.open"})


@pytest.mark.filterwarnings("ignore")
def test_two_machines_share_a_study(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    one = search_in(tmp_path / "one", LISTS, storage=url, trials=6)
    two = search_in(tmp_path / "two", LISTS, storage=url, trials=6)
    first = one.next()
    jobs = run_all(two)  # the other machine's trial counts, and is left alone
    assert len(jobs) == 5
    assert search_in(tmp_path / "two", LISTS, storage=url, trials=6).next() is None
    run(one, first)
    assert [trial.state.name for trial in one.study.trials] == ["COMPLETE"] * 6


def test_a_manifest_is_json_that_says_what_became_of_each_job(tmp_path: Path) -> None:
    search = search_in(tmp_path, LISTS, trials=2)
    run_all(search)
    content = json.loads((tmp_path / "sweep.json").read_text())
    assert [job["state"] for job in content["jobs"]] == ["finished", "finished"]
    assert all((tmp_path / job["folder"] / "metrics.json").exists() for job in content["jobs"])
