"""Where curves, figures and final metrics go besides TensorBoard: the real packages, and loggers of somebody's own."""

from __future__ import annotations

import copy
import csv
import functools
import importlib.util
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytorch_lightning.loggers import Logger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from datamodules.errors import BadInput
from lightning_modules.training.figures import RenderedFigure, log_figure, pixels
from scripts.config.check import check
from scripts.config.composing import compose
from scripts.runs import training
from scripts.runs.folder import RunFolder
from scripts.runs.loggers import build_loggers
from tests.commands import run, wait_for

CONFUSION = "test/confusion_matrix"


@functools.cache
def composed(folder: Path, loggers: str) -> dict[str, Any]:
    return compose(
        "trainer.max_epochs=2", "module.hidden_size=8", "datamodule.batch_size=16", "trainer.log_every_n_steps=2",
        "trainer.accelerator=cpu", "callbacks.progress=null", "evaluate=[val,test]", f"datamodule.data_dir={folder}",
        f"logger={loggers}",
    )  # fmt: skip


def train(names_folder: Path, folder: Path, loggers: str, **settings: Any) -> dict[str, float]:
    config = copy.deepcopy(composed(names_folder, loggers))
    for name, changes in settings.items():
        config["logger"][name] = {**config["logger"].get(name, {}), **changes}
    check(config)
    return training.train(config, RunFolder(folder), ["module.hidden_size=8"])


class Plain(Logger):
    """A logger as Lightning's manual has one: no `experiment`, no `save_dir`."""

    kept: list[Plain] = []  # those that were made

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        self.metrics: dict[str, float] = {}
        self.params: dict[str, Any] = {}
        self.status = ""
        self.kept.append(self)

    @property
    def name(self) -> str:
        return self.title

    @property
    def version(self) -> str:
        return "0"

    def log_hyperparams(self, params: Any) -> None:
        self.params.update(params)

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.metrics.update(metrics)

    def finalize(self, status: str) -> None:
        self.status = status


class WithImages(Plain):
    """One that takes images, by arguments of its own."""

    def log_image(self, title: str, picture: np.ndarray, step: int) -> None:
        self.metrics[f"image {title}"] = float(picture.shape[2])


def test_a_logger_of_somebodys_own_needs_a_yaml_file_only(names_folder, tmp_path) -> None:
    Plain.kept.clear()
    own = {name: {"_target_": f"{__name__}.{name}", "title": name} for name in ("Plain", "WithImages")}
    metrics = train(names_folder, tmp_path, "none", **own)
    plain, with_images = Plain.kept
    for logger in (plain, with_images):
        assert logger.metrics["test/accuracy"] == metrics["test/accuracy"]
        assert {"train/loss", "lr", "val/loss"} <= set(logger.metrics)
        assert logger.params["hidden_size"] == 8
        assert logger.status == "success"
    assert with_images.metrics[f"image {CONFUSION}"] == 3
    assert not any(name.startswith("image") for name in plain.metrics)


class Comet:
    """The method of Comet's experiment."""

    def log_figure(self, figure_name: str | None = None, figure: Any = None, overwrite=False, step=None) -> None:
        self.got = figure_name, figure, step


class Unknown:
    def log_image(self, something: Any) -> None:
        raise AssertionError("what it needs is not known")


def test_a_figure_is_given_as_the_method_takes_it() -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1))
    logger = type("OfComet", (), {"experiment": Comet()})()
    assert log_figure(logger, "a/b", RenderedFigure(figure), 3)
    assert logger.experiment.got == ("a/b", figure, 3)
    drawn = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    assert log_figure(logger, "a/b", RenderedFigure(drawn), 3)
    assert np.array_equal(pixels(logger.experiment.got[1]), drawn)
    assert not log_figure(Unknown(), "a/b", RenderedFigure(figure), 3)
    assert not log_figure(Plain("x"), "a/b", RenderedFigure(figure), 3)


STORE = "sqlite:///{}/mlflow.db"


def _start(names_folder: Path, folder: Path, number: int, results: Any, barrier: Any) -> None:
    barrier.wait()
    (logger,) = build_loggers(_mlflow_settings(names_folder, folder), RunFolder(folder / f"job-{number}"))
    logger.log_metrics({"started": number}, 0)
    results.put(logger.run_id)


def _mlflow_settings(names_folder: Path, folder: Path) -> dict[str, Any]:
    config = copy.deepcopy(composed(names_folder, "mlflow"))
    config["logger"]["mlflow"] |= {"tracking_uri": STORE.format(folder), "artifact_location": f"{folder}/artifacts"}
    return config


@pytest.fixture(scope="module")
def mlflow_store(names_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A store that several jobs found missing at once, and the runs that they made."""
    pytest.importorskip("mlflow", reason="mlflow comes with the extra `mlflow`")
    pytest.importorskip("sqlalchemy", reason="sqlalchemy comes with the extra `mlflow`")
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401, once, not in each job

    folder = tmp_path_factory.mktemp("mlflow")
    context = multiprocessing.get_context("fork")
    results, barrier = context.Queue(), context.Barrier(3)
    jobs = [context.Process(target=_start, args=(names_folder, folder, i, results, barrier)) for i in range(3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    return folder, [results.get(timeout=5) for job in jobs if job.exitcode == 0]


@pytest.mark.filterwarnings("ignore")
def test_jobs_that_start_on_a_new_mlflow_store_lose_nothing(mlflow_store) -> None:
    from mlflow.tracking import MlflowClient

    folder, runs = mlflow_store
    assert len(runs) == 3
    client = MlflowClient(STORE.format(folder))
    started = [client.get_metric_history(run_id, "started")[0].value for run_id in runs]
    assert sorted(started) == [0, 1, 2]
    assert len(client.search_experiments(filter_string="name = 'names'")) == 1


@pytest.mark.filterwarnings("ignore")
def test_several_at_once_with_a_real_mlflow_store(names_folder: Path, tmp_path: Path, mlflow_store) -> None:
    from mlflow.tracking import MlflowClient

    store, jobs = mlflow_store
    mlflow = _mlflow_settings(names_folder, store)["logger"]["mlflow"]
    folder = tmp_path / "run"
    metrics = train(names_folder, folder, "[tensorboard,csv]", mlflow=mlflow)

    rows = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
    assert [float(row["test/accuracy"]) for row in rows if row["test/accuracy"]] == [metrics["test/accuracy"]]
    assert len([row for row in rows if row["val/loss"]]) == 2

    events = EventAccumulator(str(folder)).Reload()
    assert CONFUSION in events.Tags()["images"]

    client = MlflowClient(STORE.format(store))
    experiment = client.get_experiment_by_name("names")
    (kept,) = [run for run in client.search_runs([experiment.experiment_id]) if run.info.run_id not in jobs]
    assert kept.info.run_name == folder.name
    assert kept.info.status == "FINISHED"
    assert kept.data.params["module"] == "GRU"
    assert kept.data.params["hidden_size"] == "8"
    assert kept.data.metrics["test/accuracy"] == metrics["test/accuracy"]
    assert kept.data.metrics["val_best/loss"] == metrics["val/loss"]
    assert len(client.get_metric_history(kept.info.run_id, "val/accuracy")) == 2
    (png,) = (store / "artifacts").glob(f"*/artifacts/figures/{CONFUSION}/*.png")
    assert png.read_bytes().startswith(b"\x89PNG")


def test_wandb_without_a_key_is_a_sentence(names_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="wandb comes with the extra `wandb`")
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no ~/.netrc
    with pytest.raises(BadInput, match=r"^logger=wandb: .*API key"):
        train(names_folder, tmp_path, "wandb", wandb={"offline": False})


@pytest.mark.filterwarnings("ignore")
def test_wandb_offline(names_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb", reason="wandb comes with the extra `wandb`")
    wandb.teardown()  # a session that an earlier test began keeps its mode
    monkeypatch.setenv("WANDB_MODE", "dryrun")  # Lightning sets it and leaves it
    train(names_folder, tmp_path, "wandb", wandb={"offline": True})
    (folder,) = tmp_path.glob("wandb/offline-run-*")
    (kept,) = folder.glob("run-*.wandb")  # protocol buffers: texts stand in them as they are
    wait_for(lambda: b"val_best/loss" in kept.read_bytes())  # its own process writes, also after the run is finished
    written = kept.read_bytes()
    for text in (tmp_path.name, "names", "hidden_size", "val/accuracy", "train/loss", "test/accuracy", "val_best/loss"):
        assert text.encode() in written, text
    assert list(folder.glob(f"files/media/images/{CONFUSION}_*.png"))


def test_a_logger_whose_package_is_missing_is_a_sentence(names_folder: Path, tmp_path: Path) -> None:
    missing = next(name for name in ("comet_ml", "litlogger") if not importlib.util.find_spec(name))
    target = {"comet_ml": "CometLogger", "litlogger": "LitLogger"}[missing]
    word = f"+logger.mine._target_=pytorch_lightning.loggers.{target}"
    done = run("train.py", word, f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", status=2)
    assert done.stderr.splitlines()[-1].startswith("logger=mine: ")
    assert missing.replace("_", "-") in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
