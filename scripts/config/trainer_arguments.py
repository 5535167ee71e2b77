"""Trainer arguments that cannot have their documented effect here: refused before data is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeGuard

#: Arguments that the program sets by itself -> the setting to use instead.
REPORTED_ELSEWHERE = {
    "logger": "the group logger=tensorboard,csv,mlflow,wandb or none says where curves are written",
    "callbacks": "callbacks are the group callbacks=...; +callbacks.NAME._target_=CLASS adds one",
    "plugins": "trainer.precision and trainer.strategy choose what plugins are for; checkpoints are written whole here",
    "default_root_dir": "runs_dir=FOLDER says where run folders are made",
}

#: Arguments of the Trainer that are often given without their group.
OF_TRAINER = (
    "max_epochs", "max_steps", "max_time", "accelerator", "devices", "precision", "strategy", "fast_dev_run",
    "gradient_clip_val", "accumulate_grad_batches", "limit_train_batches", "overfit_batches",
)  # fmt: skip

#: Keys of Lightning or of other programs at the top level -> the key that is meant.
ALTERNATIVES = {
    "ckpt_path": "resume=RUN, which goes on from its last.ckpt, or init_from=RUN, which starts from its best.ckpt",
    "lr": "optimizer.lr",
    "learning_rate": "optimizer.lr",
    "weight_decay": "optimizer.weight_decay",
    "batch_size": "datamodule.batch_size",
    "data_dir": "datamodule.data_dir",
    "epochs": "trainer.max_epochs",
    "num_epochs": "trainer.max_epochs",
    "steps": "trainer.max_steps",
    "gpus": "trainer=gpu trainer.devices=N",
    "num_gpus": "trainer=gpu trainer.devices=N",
    "device": "trainer.accelerator",
    "amp": "trainer.precision=bf16-mixed",
    "debug": "trainer.fast_dev_run=true",
    "model": "module",
    "net": "module",
    "data": "datamodule",
    "dataset": "datamodule",
    "train": "trainer.max_epochs=0, which trains nothing",
    "test": "evaluate=[test]",
    "task_name": "name",
    "run_name": "name",
    "experiment_name": "name",
    "output_dir": "runs_dir",
    "log_dir": "runs_dir",
    "hidden_size": "module.hidden_size",
    **{name: f"trainer.{name}" for name in OF_TRAINER},
}

#: Argument -> the smallest number that means something.
LEAST = {"accumulate_grad_batches": 1, "log_every_n_steps": 0, "reload_dataloaders_every_n_epochs": 0}


def trainer_problems(settings: dict[str, Any]) -> list[str]:
    """What is wrong with the settings of a Trainer, one sentence each."""
    return list(_problems(settings))


def _problems(settings: dict[str, Any]) -> Iterator[str]:
    for key, instead in REPORTED_ELSEWHERE.items():
        if key in settings:
            yield f"trainer.{key}: {instead}"
    clip_val, algorithm = settings.get("gradient_clip_val"), settings.get("gradient_clip_algorithm")
    if _is_number(clip_val) and clip_val < 0:
        yield f"trainer.gradient_clip_val={clip_val}: a norm above 0 is accepted, 0 or null for no clipping"
    if algorithm is not None and algorithm not in ("norm", "value"):
        yield f"trainer.gradient_clip_algorithm={algorithm}: norm or value is accepted"
    for key, least in LEAST.items():
        value = settings.get(key)
        if _is_number(value) and value < least:
            yield f"trainer.{key}={value}: {least} or more is accepted"
    if settings.get("devices") in (0, "0", []):
        yield f"trainer.devices={settings['devices']}: 1 or more is accepted; trainer=cpu trains without a GPU"
    if settings.get("enable_checkpointing") is False:
        yield (
            "trainer.enable_checkpointing=false: the best weights of a run are evaluated from its checkpoint;"
            " callbacks.checkpoints.every_seconds says how often last.ckpt is written"
        )
    strategy = settings.get("strategy")
    if isinstance(strategy, str) and re.match(r"(ddp|fsdp)_(spawn|fork|notebook)", strategy):
        yield (
            f"trainer.strategy={strategy}: trainer.strategy={strategy.partition('_')[0]} is accepted; the processes of"
            " one machine come from a server that never trained, in a notebook too"
        )
    if settings.get("barebones"):
        yield (
            "trainer.barebones=true: a run consists of the curves and checkpoints that it turns off;"
            " logger=none trainer.limit_val_batches=0 trains with little around it"
        )
    if settings.get("limit_predict_batches") is not None:
        yield (
            "trainer.limit_predict_batches: a run calls no Trainer.predict;"
            " limit_test_batches limits what predictions.parquet holds"
        )
    if settings.get("use_distributed_sampler") is False:
        yield (
            "trainer.use_distributed_sampler=false: every batch is shared between the devices;"
            " datamodule.batch_size counts the examples of all of them"
        )
    if settings.get("model_registry") is not None:
        yield "trainer.model_registry: checkpoints stay in the run folder; logger=mlflow keeps a run elsewhere"


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
