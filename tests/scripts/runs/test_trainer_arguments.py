"""Every argument of Lightning's Trainer has its documented effect in a run, or is refused in a sentence."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars
import pytest
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.loggers import Logger

from datamodules.errors import BadInput
from scripts.config.check import check
from scripts.config.composing import compose
from scripts.console import logs
from scripts.runs import training
from scripts.runs.folder import RunFolder

pytestmark = pytest.mark.filterwarnings("ignore")

NOT_GIVEN = {"gradient_clip_val", "gradient_clip_algorithm"}


@functools.cache
def composed(folder: Path) -> dict[str, Any]:
    logs.quiet_lightning()
    return compose(
        "module.hidden_size=4", "datamodule.batch_size=7", "datamodule.evaluation_batch_size=3",
        "trainer.max_epochs=2", "trainer.accelerator=cpu", "logger=none", "callbacks.progress=null", "evaluate=[]",
        f"datamodule.data_dir={folder}",
    )  # fmt: skip


class Points(Logger):
    """Keeps the points of all curves, and whether it was told hyperparameters."""

    made: list[Points] = []

    def __init__(self) -> None:
        super().__init__()
        self.points: list[tuple[int, str]] = []  # (step, name)
        self.has_params = False
        self.made.append(self)

    name = "points"
    version = "0"

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.points += [(step, name) for name in metrics]

    def log_hyperparams(self, params: Any) -> None:
        self.has_params = True


@dataclass
class Seen(Callback):
    """What a run does: 56 training examples in batches of 7, 8 for validation in batches of 3."""

    stops_at_once: bool = False
    batches: list[list[tuple[int, ...]]] = field(default_factory=list)  # of each epoch, positions of the examples
    largest: list[float] = field(default_factory=list)  # entry of each step's gradients
    norms: list[float] = field(default_factory=list)  # of each step's gradients
    validations: list[int] = field(default_factory=list)  # the step of each
    val_batches: int = 0
    sanity_batches: int = 0
    modes: set[str] = field(default_factory=set)
    metrics: dict[str, float] = field(default_factory=dict)
    trainer: Any = None
    points: list[tuple[int, str]] = field(default_factory=list)
    has_params: bool = False
    shown: str = ""  # logs and standard error

    def __hash__(self) -> int:
        return id(self)

    def on_train_start(self, trainer, pl_module) -> None:
        self.trainer = trainer
        trainer.should_stop = self.stops_at_once

    def on_train_epoch_start(self, trainer, pl_module) -> None:
        self.batches.append([])

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.batches[-1].append(tuple(batch.origin.indices.tolist()))
        gradients = torch.cat([p.grad.flatten() for p in pl_module.parameters() if p.grad is not None])
        self.largest.append(gradients.abs().max().item())
        self.norms.append(gradients.norm().item())
        self.modes |= {str(next(pl_module.parameters()).dtype), str(pl_module.device)}
        self.modes |= {"anomaly"} if torch.is_anomaly_enabled() else set()
        self.modes |= {"deterministic"} if torch.are_deterministic_algorithms_enabled() else set()
        self.modes |= {"benchmark"} if torch.backends.cudnn.benchmark else set()
        trainer.should_stop |= self.stops_at_once

    def on_validation_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.val_batches += not trainer.sanity_checking
        self.sanity_batches += trainer.sanity_checking

    def on_test_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.modes |= {"inference"} if torch.is_inference_mode_enabled() else set()

    def on_validation_end(self, trainer, pl_module) -> None:
        if not trainer.sanity_checking:
            self.validations.append(trainer.global_step)

    @property
    def steps(self) -> float:
        return self.metrics["steps"]


def run(names_folder: Path, folder: Path, arguments: dict[str, Any], *callbacks: Callback, **others: Any) -> Any:
    """The metrics of a small run with these arguments of the Trainer, and other settings."""
    config = copy.deepcopy(composed(names_folder))
    defaults = {} if set(arguments) & NOT_GIVEN else config["trainer"]
    config["trainer"] = {**config["trainer"], **defaults, **arguments}
    for key, value in others.items():
        group, _, name = key.partition("__")
        config[group] = {**config[group], name: value} if name else value
    check(config)
    return training.train(config, RunFolder(folder), [], extra_callbacks=callbacks)


def steps_of(seen: Seen, name: str) -> list[int]:
    return [step for step, point in seen.points if point == name]


#: Argument -> values, each with what is seen of it, or a part of the sentence that refuses it.
ARGUMENTS: dict[str, list[tuple[dict[str, Any], str | Callable[[Seen], bool]]]] = {
    "accelerator": [
        ({"accelerator": "cpu"}, lambda seen: "cpu" in seen.modes),
        ({"accelerator": "gpux"}, "trainer: "),
    ],
    "strategy": [({"strategy": "dpp"}, "trainer: ")],  # test_ranks.py has those of several devices
    "devices": [({"devices": 0}, "1 or more is accepted")],  # and more devices
    "num_nodes": [({"num_nodes": 2}, r"trainer\.num_nodes=2: .*torchrun")],
    "precision": [({"precision": "64-true"}, lambda seen: "torch.float64" in seen.modes)],
    "logger": [({"logger": False}, "the group logger=")],
    "callbacks": [({"callbacks": None}, "the group callbacks=")],
    "plugins": [({"plugins": None}, r"trainer\.precision and trainer\.strategy")],
    "default_root_dir": [({"default_root_dir": "x"}, "runs_dir=FOLDER")],
    "fast_dev_run": [
        ({"fast_dev_run": True}, lambda seen: (seen.steps, seen.val_batches) == (1, 1)),
        ({"fast_dev_run": 3}, lambda seen: (seen.steps, seen.val_batches) == (3, 3)),
    ],
    "max_epochs": [
        ({"max_epochs": 1}, lambda seen: seen.steps == 8),
        ({"max_epochs": 0}, lambda seen: seen.steps == 0),
    ],
    "min_epochs": [
        ({"max_epochs": 3, "min_epochs": 2}, lambda seen: seen.steps == (16 if seen.stops_at_once else 24)),
    ],
    "max_steps": [({"max_steps": 5}, lambda seen: seen.steps == 5)],
    "min_steps": [({"min_steps": 11}, lambda seen: seen.steps == (11 if seen.stops_at_once else 16))],
    "max_time": [({"max_time": "00:00:00:00"}, lambda seen: seen.steps < 16)],
    "limit_train_batches": [
        ({"limit_train_batches": 3}, lambda seen: seen.steps == 6),
        ({"limit_train_batches": 0.5}, lambda seen: seen.steps == 8),
        ({"limit_train_batches": 1e-3}, "< 1"),
    ],
    "limit_val_batches": [
        ({"limit_val_batches": 2}, lambda seen: seen.val_batches == 4),
        ({"limit_val_batches": 0}, lambda seen: seen.val_batches == 0 and seen.steps == 16),
        ({"limit_val_batches": 1e-3}, "< 1"),
    ],
    "limit_test_batches": [  # and test_predictions_are_those_of_what_was_evaluated
        ({"limit_test_batches": 0}, lambda seen: not any(name.startswith("test/") for name in seen.metrics)),
    ],
    "limit_predict_batches": [({"limit_predict_batches": 1}, "limit_test_batches limits")],
    "overfit_batches": [
        ({"overfit_batches": 2}, lambda seen: seen.batches[0] == seen.batches[1] and len(seen.batches[0]) == 2),
    ],
    "val_check_interval": [
        ({"val_check_interval": 0.5}, lambda seen: seen.validations == [4, 8, 12, 16]),
        (
            {"val_check_interval": 3, "check_val_every_n_epoch": None},
            lambda seen: seen.validations == [3, 6, 9, 12, 15],
        ),
        ({"val_check_interval": 100}, "less than or equal"),
        ({"val_check_interval": 1e-3}, lambda seen: len(seen.validations) == 16),
    ],
    "check_val_every_n_epoch": [({"check_val_every_n_epoch": 2}, lambda seen: seen.validations == [16])],
    "num_sanity_val_steps": [
        ({"num_sanity_val_steps": 2}, lambda seen: seen.sanity_batches == 2 and (0, "val/loss") not in seen.points),
    ],
    "log_every_n_steps": [
        ({"log_every_n_steps": 4}, lambda seen: steps_of(seen, "train/loss") == [4, 8, 12, 16]),
        ({"log_every_n_steps": 0}, lambda seen: steps_of(seen, "train/loss") == []),
        ({"log_every_n_steps": -1}, "0 or more"),
    ],
    "enable_checkpointing": [({"enable_checkpointing": False}, r"callbacks\.checkpoints\.every_seconds")],
    "enable_progress_bar": [({"enable_progress_bar": True}, lambda seen: "Epoch 1" in seen.shown)],
    "enable_model_summary": [({"enable_model_summary": True}, lambda seen: "Trainable params" in seen.shown)],
    "accumulate_grad_batches": [
        ({"accumulate_grad_batches": 3}, lambda seen: seen.steps == 6),
        ({"accumulate_grad_batches": 0}, "1 or more"),
    ],
    "gradient_clip_val": [
        ({"gradient_clip_val": 0.01}, lambda seen: max(seen.norms) == pytest.approx(0.01, rel=1e-3)),
        ({"gradient_clip_val": 0}, lambda seen: max(seen.norms) > 0.5),
        ({"gradient_clip_val": -1}, "above 0"),
    ],
    "gradient_clip_algorithm": [
        (
            {"gradient_clip_algorithm": "value", "gradient_clip_val": 0.001},
            lambda seen: max(seen.largest) == pytest.approx(0.001) and max(seen.norms) > 0.002,
        ),
        ({"gradient_clip_algorithm": "valeu"}, "norm or value"),
    ],
    "deterministic": [({"deterministic": True}, lambda seen: "deterministic" in seen.modes)],
    "benchmark": [({"benchmark": True}, lambda seen: "benchmark" in seen.modes)],
    "inference_mode": [
        ({"inference_mode": True}, lambda seen: "inference" in seen.modes),
        ({"inference_mode": False}, lambda seen: "inference" not in seen.modes),
    ],
    "use_distributed_sampler": [({"use_distributed_sampler": False}, r"datamodule\.batch_size counts")],
    "profiler": [({"profiler": "simple"}, lambda seen: "run_training_batch" in seen.shown)],
    "detect_anomaly": [({"detect_anomaly": True, "max_steps": 1}, lambda seen: "anomaly" in seen.modes)],
    "barebones": [({"barebones": True}, "curves and checkpoints")],
    "sync_batchnorm": [  # which changes layers only where there are several devices
        ({"sync_batchnorm": True}, lambda seen: seen.trainer._accelerator_connector._layer_sync is not None),
    ],
    "reload_dataloaders_every_n_epochs": [
        ({"reload_dataloaders_every_n_epochs": 1}, lambda seen: len(seen.trainer.datamodule.loaders) == 2),
    ],
    "enable_autolog_hparams": [
        ({"enable_autolog_hparams": True}, lambda seen: seen.has_params),
        ({"enable_autolog_hparams": False}, lambda seen: not seen.has_params),
    ],
    "model_registry": [({"model_registry": "x"}, "logger=mlflow")],
}
CASES = [(argument, *case) for argument, cases in ARGUMENTS.items() for case in cases]
STOPPED = ("min_epochs", "min_steps")  # arguments whose effect is seen where something asks for an end


def test_every_argument_is_tried() -> None:
    assert set(ARGUMENTS) == set(inspect.signature(Trainer.__init__).parameters) - {"self"}


@pytest.fixture
def torch_modes() -> Any:
    """Restores what Lightning sets for the whole process."""
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = False


@pytest.mark.parametrize(
    ("argument", "given", "expected"),
    CASES,
    ids=[" ".join(f"{key}={value}" for key, value in given.items()) for _, given, _ in CASES],
)
def test_an_argument_has_its_effect_or_is_refused(
    names_folder, tmp_path, capsys, caplog, monkeypatch, torch_modes, argument: str, given: Any, expected: Any
) -> None:
    if isinstance(expected, str):
        with pytest.raises(BadInput, match=expected):
            run(names_folder, tmp_path, given)
        return
    loaders: list[Any] = []
    monkeypatch.setattr("datamodules.base.SequenceDataModule.loaders", loaders, raising=False)
    load = training.SequenceDataModule.train_dataloader
    monkeypatch.setattr(
        "datamodules.base.SequenceDataModule.train_dataloader", lambda self: loaders.append(1) or load(self)
    )
    seen = Seen(stops_at_once=argument in STOPPED)
    with caplog.at_level("INFO"):
        others = {"evaluate": ["test"]} if argument == "inference_mode" else {}
        points = {"_target_": f"{__name__}.Points"}
        seen.metrics = run(names_folder, tmp_path, given, seen, logger__points=points, **others)
    seen.points, seen.has_params = Points.made[-1].points, Points.made[-1].has_params
    captured = capsys.readouterr()
    seen.shown = caplog.text + captured.err
    assert expected(seen)
    assert captured.out == ""


def test_clipping_by_0_is_none(names_folder, tmp_path) -> None:
    by_0, without = Seen(), Seen()
    run(names_folder, tmp_path / "0", {"gradient_clip_val": 0}, by_0)
    run(names_folder, tmp_path / "null", {"gradient_clip_val": None, "gradient_clip_algorithm": None}, without)
    assert by_0.norms == without.norms


def test_predictions_are_those_of_what_was_evaluated(names_folder, tmp_path, caplog) -> None:
    caplog.set_level("INFO")
    run(names_folder, tmp_path / "all", {}, evaluate=["test"])
    run(
        names_folder, tmp_path / "some", {"limit_test_batches": 1}, evaluate=["test"],
        datamodule__evaluation_batch_size=5,
    )  # fmt: skip
    whole, some = (polars.read_parquet(tmp_path / name / "predictions.parquet") for name in ("all", "some"))
    assert len(some) == 5
    assert "test: 1 of 4 batches are evaluated" in caplog.text
    assert set(some["id"]) < set(whole["id"])
    joined = some.join(whole, on="id", suffix="_all")
    assert joined["target"].to_list() == joined["target_all"].to_list()


@pytest.mark.parametrize("what", ["fast_dev_run", "limit_test_batches", "test_fraction", "val_fraction"])
def test_a_run_of_little_ends_well(names_folder, tmp_path, what: str) -> None:
    arguments = {what: {"fast_dev_run": True, "limit_test_batches": 0}[what]} if "fraction" not in what else {}
    others = {f"datamodule__{what}": 0.0} if "fraction" in what else {}
    metrics = run(names_folder, tmp_path, arguments, evaluate=["val", "test"], **others)
    lacking = {"limit_test_batches": {"test"}, "test_fraction": {"test"}, "val_fraction": {"val"}}.get(what, set())
    has = {name.partition("/")[0] for name in metrics if "/" in name}
    assert has == {"val", "test"} - lacking
    assert (tmp_path / "predictions.parquet").exists() == ("test" in has)


def test_one_text_a_label_ends_well(tmp_path) -> None:
    for label in ("Greek", "Irish", "Polish"):
        (tmp_path / f"{label}.txt").write_text(f"{label}er\n")
    config = copy.deepcopy(composed(tmp_path))
    config["evaluate"] = ["val", "test"]
    try:
        metrics = training.train(config, RunFolder(tmp_path / "run"), [])
    except BadInput as error:
        assert str(tmp_path) in str(error)
    else:
        assert metrics["steps"] > 0


@pytest.mark.parametrize("broken", ["figures", "predictions", "logger"])
def test_what_fails_at_the_end_is_a_message(names_folder, tmp_path, caplog, monkeypatch, broken: str) -> None:
    def fail(*args: Any) -> None:
        raise MemoryError("too large")

    place = {
        "figures": "scripts.runs.evaluation.Evaluation._write_figures",
        "predictions": "scripts.runs.evaluation.Evaluation.predictions",
        "logger": f"{__name__}.Points.log_hyperparams",
    }[broken]
    monkeypatch.setattr(place, fail)
    points = {"_target_": f"{__name__}.Points"}
    metrics = run(names_folder, tmp_path, {"max_epochs": 1}, evaluate=["test"], logger__points=points)
    assert RunFolder(tmp_path).metrics() == pytest.approx(metrics)
    assert (tmp_path / "predictions.parquet").exists() == (broken != "predictions")
    assert "not written (MemoryError: too large)" in caplog.text
    assert RunFolder(tmp_path).metrics_file.exists()
