"""One run from its checked settings to its finished folder."""

from __future__ import annotations

import contextlib
import functools
import logging
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hydra.utils import instantiate
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import ProgressBar
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from datamodules.base import SequenceDataModule
from datamodules.errors import BadInput
from lightning_modules.base import SequenceModule
from lightning_modules.baselines.base import Baseline
from lightning_modules.training import checkpoint_io
from lightning_modules.training.callbacks.checkpoints import Checkpoints, WholeFiles
from lightning_modules.training.compile import compile_network
from lightning_modules.training.instantiate import build
from lightning_modules.training.optimization import Optimization
from lightning_modules.training.precision import allow_tf32
from scripts.runs import ranks
from scripts.runs.callbacks import build_callbacks, validate_swa_weights
from scripts.runs.environment import environment
from scripts.runs.fine_tuning import Start
from scripts.runs.folder import RunFolder
from scripts.runs.launcher_env import alone_in_slurm_job, in_slurm_step, rank
from scripts.runs.loggers import build_loggers
from scripts.runs.members import with_members
from scripts.runs.metric_facts import MetricFacts
from scripts.runs.resume import checkpoint_to_resume
from scripts.runs.status import record_status

log = logging.getLogger(__name__)


@dataclass
class TrainingSetup:
    """Everything that a training run needs, ready to start."""

    config: dict[str, Any]
    datamodule: SequenceDataModule
    module: SequenceModule
    trainer: Trainer
    checkpoints: Checkpoints


def setup_training(
    config: dict[str, Any], folder: RunFolder, extra_callbacks: Sequence[Callback] = ()
) -> TrainingSetup:
    """Data read, network built, Trainer made: the next thing would be the first step.

    Raises:
        BadInput: data, weights or settings that only now prove unusable.
    """
    config = with_members(config)
    _seed(config["seed"])
    datamodule: SequenceDataModule = build(config["datamodule"])
    start = Start.of(config)
    if start is not None:
        start.introduce(datamodule)
    datamodule.setup()
    if not len(datamodule.indices["val"]):
        config = {**config, "trainer": {**config["trainer"], "limit_val_batches": 0}}
    module = build_module(config, datamodule, start)
    module.task.on_data_ready(module, datamodule)
    for warning in module.task.warnings(module, datamodule):
        log.info(warning)
    callbacks, checkpoints = build_callbacks(config, folder)
    trainer = make_trainer(config, folder, [*callbacks, *extra_callbacks], build_loggers(config, folder))
    if config.get("compile") and not isinstance(module, Baseline):
        compile_network(module, trainer.strategy.root_device)
    return TrainingSetup(config, datamodule, module, trainer, checkpoints)


@record_status
def train(
    config: dict[str, Any],
    folder: RunFolder,
    overrides: list[str],
    resume: bool = False,
    extra_callbacks: Sequence[Callback] = (),
) -> dict[str, float]:
    """Train, evaluate the best checkpoint and write the run folder.

    Args:
        config: all settings, resolved and checked.
        folder: where the run is kept; made if it does not exist.
        overrides: what a person typed, for the table of hyperparameters.
        resume: from the folder's last.ckpt, if it has one, or the checkpoint that `overrides` name.
        extra_callbacks: beside those of the settings.

    Returns:
        What metrics.json holds.

    Raises:
        BadInput: data, weights or settings that only now prove unusable.
    """
    fit = functools.partial(_fit, config, folder, overrides, resume, extra_callbacks)
    with ranks.spawn_ranks(config, fit):
        setup = fit()
    if rank() > 0:  # of processes that another program started
        return {}
    from scripts.runs.evaluation import Evaluation  # its tables are for the end; the first step does not wait for them

    module, datamodule, trainer, checkpoints = setup.module, setup.datamodule, setup.trainer, setup.checkpoints
    if module.is_sharded:
        module = build_module(setup.config, datamodule)
    module.load_state_dict(checkpoint_io.load(checkpoints.best_path)["state_dict"])
    alone = None
    if trainer.world_size > 1:
        alone = make_trainer(ranks.single_device(config), folder, callbacks=[], logger=False)
    evaluation = Evaluation(module, datamodule, trainer, alone)
    with lightning_errors(), contextlib.redirect_stdout(sys.stderr):
        for split in config["evaluate"]:
            evaluation.evaluate(split, keep_examples=split == "test")
    return evaluation.write(folder, overrides, checkpoints.best)


def _fit(
    config: dict[str, Any], folder: RunFolder, overrides: list[str], resume: bool, extra_callbacks: Sequence[Callback]
) -> TrainingSetup:
    """A module that has learned, its best and last checkpoints written; what every rank does."""
    setup = setup_training(config, folder, extra_callbacks)
    module, datamodule, trainer, checkpoints = setup.module, setup.datamodule, setup.trainer, setup.checkpoints
    last = checkpoint_to_resume(folder, overrides) if resume else None
    facts: dict[str, Any] = {"overrides": overrides, "fingerprint": datamodule.fingerprint, "data": datamodule.report}
    facts["metrics"] = MetricFacts.of_task(module.task, checkpoints.monitor).as_json()
    if last is not None:
        facts["before"] = _environment_at_start(folder, datamodule)
        log.info("goes on from %s", last)
    if trainer.is_global_zero:
        folder.metrics_file.unlink(missing_ok=True)  # of an earlier end; first, see `resume.has_finished`
        folder.write_config(setup.config)
        folder.write_json(folder.environment_file, {**environment(), **facts})
    if isinstance(module, Baseline):
        module.fit(datamodule)
        checkpoints.write_fitted(module)
    else:
        ranks.meet()
        said = contextlib.redirect_stdout(sys.stderr)  # standard output is for the folder's path
        with lightning_errors(), ranks.explain_lost_ranks(folder.path), said:
            trainer.fit(module, datamodule=datamodule, ckpt_path=str(last) if last else None, weights_only=True)
            validate_swa_weights(trainer, module, datamodule, checkpoints)
        ranks.destroy_process_group()
        if checkpoints.best is None:  # max_epochs=0, limit_train_batches=0: nothing was to be trained
            log.info("no step was taken: the weights are evaluated as they are")
            checkpoints.write_fitted(module)
    return setup


@contextlib.contextmanager
def lightning_errors() -> Iterator[None]:
    """What Lightning finds wrong with a Trainer's settings once it knows the data is a message."""
    try:
        yield
    except MisconfigurationException as error:
        raise BadInput(f"trainer: {' '.join(str(error).split())}") from error
    except RuntimeError as error:
        if not str(error).startswith("Early stopping conditioned on"):
            raise
        raise BadInput(f"callbacks: {' '.join(str(error).split())}") from error
    except ModuleNotFoundError as error:  # a callback of Lightning that needs a package
        raise BadInput(f"callbacks: {' '.join(str(error).split())}") from error
    except ValueError as error:
        if "val_check_interval" not in str(error):
            raise
        raise BadInput(f"trainer.val_check_interval: {' '.join(str(error).split())}") from error


def build_module(config: dict[str, Any], datamodule: SequenceDataModule, start: Start | None = None) -> SequenceModule:
    """The architecture with its task and its way of learning, weights new or from `init_from`."""
    task = build(config["task"], spec=datamodule.spec)
    module: SequenceModule = build(config["module"], task=task)
    module.config = config
    module.optimization = Optimization(
        optimizer=instantiate(config["optimizer"], _convert_="all"),
        schedule=build(config["scheduler"]),
        non_finite=config.get("non_finite", "stop"),
    )
    try:
        groups = module.build_optimizer().param_groups
    except ValueError as error:  # torch knows the ranges, but for the largest numbers
        raise BadInput(f"optimizer: {error}") from None
    if not all(group["lr"] < torch.finfo(torch.float32).max for group in groups):
        raise BadInput(f"optimizer.lr={config['optimizer']['lr']}: less than 3e38 is accepted")
    start = start or Start.of(config)
    if start is not None:
        start.give(module, config.get("freeze", "none"))
    return module


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def make_trainer(config: dict[str, Any], folder: RunFolder, callbacks: list[Callback], logger: Any) -> Trainer:
    """Lightning's Trainer with the run's settings, quiet, writing whole checkpoints."""
    settings = config["trainer"]
    allow_tf32(config.get("tf32"), settings.get("precision"))
    for wanted, name in (("profiler", "profilers"), ("enable_model_summary", "callbacks.model_summary")):
        if settings.get(wanted):  # which Lightning prints through its log, of which a run shows warnings only
            logging.getLogger(f"pytorch_lightning.{name}").setLevel(logging.INFO)
    has_bar = any(isinstance(callback, ProgressBar) for callback in callbacks)
    quiet = {"enable_progress_bar": has_bar, "enable_model_summary": False, "num_sanity_val_steps": 0}
    try:
        return build(
            {**quiet, **settings},
            callbacks=callbacks,
            logger=logger,
            plugins=[WholeFiles(), *([LightningEnvironment()] if alone_in_slurm_job() else [])],
            default_root_dir=str(folder.path),
        )
    except Exception as error:  # Lightning and torch say in many ways that there is no such device
        message = " ".join(str(error).split())
        wanted = settings.get("accelerator")
        if wanted in ("gpu", "cuda") and not torch.cuda.is_available():
            lacking = f"trainer.accelerator={wanted}: there is no such device here"
            raise BadInput(
                f"{lacking} ({message}); trainer=cpu (where a run goes on: trainer.accelerator=cpu) needs none"
            ) from error
        if in_slurm_step() and "your machine only has" in message:
            message += (
                "; srun's --gpus-per-task shows each process its own GPU only: --gpus-per-node=N --ntasks-per-node=N"
                " with trainer.devices=N shows all"
            )
        raise BadInput(f"trainer: {message}") from error


def _environment_at_start(folder: RunFolder, datamodule: SequenceDataModule) -> dict[str, Any]:
    """environment.json of the start of the run, if its data is still the same."""
    before = folder.environment()
    if before.get("fingerprint") != datamodule.fingerprint:
        raise BadInput(
            f"{folder.path}: its data has changed since it was started (fingerprint {datamodule.fingerprint:.12},"
            f" then {before.get('fingerprint', 'none'):.12}); a run goes on with the same data only"
        )
    return before
