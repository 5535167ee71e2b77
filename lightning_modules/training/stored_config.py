"""Configurations that earlier versions stored, as this version writes them.

One table says where a class has moved, another what a key is called now.  They are applied where a configuration or a
checkpoint is read (`RunFolder.config`, `checkpoint_io.load`), so that everything behind sees today's names only; the
command line accepts the old keys for one version (`scripts/config/renamed.py`).
"""

from __future__ import annotations

from typing import Any

#: Path of a class in 0.1.0, or in a run folder made before 0.2.0 -> its path now.
MOVED_CLASSES = {
    "datamodules.lines.augmentation.Augmentation": "datamodules.line_images.augmentation.Augmentation",
    "lightning_modules.tasks.classification.Classification": (
        "lightning_modules.tasks.classification.task.Classification"
    ),
    "lightning_modules.tasks.forecasting.Forecasting": "lightning_modules.tasks.forecasting.task.Forecasting",
    "lightning_modules.tasks.generation.Generation": "lightning_modules.tasks.generation.task.Generation",
    "lightning_modules.tasks.transcription.Transcription": "lightning_modules.tasks.transcription.task.Transcription",
    "lightning_modules.tasks.transduction.Transduction": "lightning_modules.tasks.transduction.task.Transduction",
    "lightning_modules.decoding.settings.Decoding": "lightning_modules.tasks.transcription.decoding.Decoding",
    "lightning_modules.decoding.writing.WritingMethod": "lightning_modules.tasks.beam_search.GenerationConfig",
    "lightning_modules.schedules.Constant": "lightning_modules.training.schedules.Constant",
    "lightning_modules.schedules.Step": "lightning_modules.training.schedules.Step",
    "lightning_modules.schedules.Exponential": "lightning_modules.training.schedules.Exponential",
    "lightning_modules.schedules.InverseEpoch": "lightning_modules.training.schedules.InverseEpoch",
    "lightning_modules.schedules.Cosine": "lightning_modules.training.schedules.Cosine",
    "lightning_modules.schedules.OneCycle": "lightning_modules.training.schedules.OneCycle",
    "lightning_modules.schedules.Plateau": "lightning_modules.training.schedules.Plateau",
    "lightning_modules.callbacks.checkpoints.Checkpoints": (
        "lightning_modules.training.callbacks.checkpoints.Checkpoints"
    ),
    "lightning_modules.callbacks.progress.Progress": "lightning_modules.training.callbacks.progress.Progress",
    "lightning_modules.callbacks.early_stopping.EarlyStopping": (
        "lightning_modules.training.callbacks.early_stopping.EarlyStopping"
    ),
    "lightning_modules.callbacks.gradient_flow.GradientFlow": (
        "lightning_modules.training.callbacks.gradient_flow.GradientFlow"
    ),
    "lightning_modules.sharding.FullySharded": "lightning_modules.training.fsdp.FullySharded",
}

#: Dotted key then -> dotted key now.
RENAMED_KEYS = {
    "datamodule.value_columns": "datamodule.target_columns",
    "task.segment": "task.patch_length",
    "task.steps": "task.context_length",
    "datamodule.by_length": "datamodule.group_by_length",
    "scheduler.smallest": "scheduler.min_factor",
    "scheduler.initial": "scheduler.start_factor",
    "scheduler.final": "scheduler.end_factor",
}


def upgraded(config: Any) -> Any:
    """A stored configuration with today's class paths and keys; what is not known is left as it is."""
    return _renamed(_moved(config))


def _moved(config: Any) -> Any:
    if isinstance(config, dict):
        return {
            key: MOVED_CLASSES.get(value, value) if key == "_target_" and isinstance(value, str) else _moved(value)
            for key, value in config.items()
        }
    return [_moved(value) for value in config] if isinstance(config, list) else config


def _renamed(config: Any) -> Any:
    for old, new in RENAMED_KEYS.items():
        *groups, old_name = old.split(".")
        new_name = new.rpartition(".")[2]
        settings = config
        for group in groups:
            settings = settings.get(group) if isinstance(settings, dict) else None
        if isinstance(settings, dict) and old_name in settings:
            items = [(new_name if key == old_name else key, value) for key, value in settings.items()]
            settings.clear()
            settings.update(items)
    return config
