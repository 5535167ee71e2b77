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
