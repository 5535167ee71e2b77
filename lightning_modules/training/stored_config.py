"""Translation of what earlier versions stored: class paths, keys, values, names of weights and of metrics.

The tables are applied where a configuration, a checkpoint or final metrics are read (`RunFolder`,
`checkpoint_io.load`), so that everything behind sees today's names only; the command line accepts the old keys and
values for one version (`scripts/config/renamed.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

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

#: Dotted key (by its name now) -> value then -> value now.
RENAMED_VALUES = {
    "module.pooling": {"paper": "shi2015", "article": "narrow"},
    "module.batch_norm": {"paper": "shi2015"},
    "experiment": {"names_tutorial": "names_robertson", "energy_tutorial": "energy_loye"},
}

#: Name of a metric then, without its split -> its name now.
RENAMED_METRICS = {"smape_article": "smape_quarter", "exact_lines": "exact_match"}

#: Pattern in the name of a weight then -> its replacement now.
RENAMED_WEIGHTS = {
    r"\bproject_written\.": "project_targets.",
    r"\b(decoder_layers\.\d+)\.reading(_norm)?\.": r"\1.cross_attention\2.",
}


def upgraded(config: Any) -> Any:
    """A stored configuration with today's class paths, keys and values; unknown ones are left as they are."""
    return _renamed(_moved(config))


def upgraded_weights(state: Mapping[str, T]) -> dict[str, T]:
    """A state dict with today's names of weights."""
    renamed = {}
    for name, weight in state.items():
        for pattern, new in RENAMED_WEIGHTS.items():
            name = re.sub(pattern, new, name)
        renamed[name] = weight
    return renamed


def upgraded_metrics(metrics: dict[str, Any]) -> dict[str, Any]:
    """Final metrics with today's names."""
    renamed = {}
    for key, value in metrics.items():
        split, slash, name = key.partition("/")
        renamed[f"{split}/{RENAMED_METRICS[name]}" if slash and name in RENAMED_METRICS else key] = value
    return renamed


def _moved(config: Any) -> Any:
    if isinstance(config, dict):
        return {
            key: MOVED_CLASSES.get(value, value) if key == "_target_" and isinstance(value, str) else _moved(value)
            for key, value in config.items()
        }
    return [_moved(value) for value in config] if isinstance(config, list) else config


def _renamed(config: Any) -> Any:
    for old, new in RENAMED_KEYS.items():
        settings, old_name = _settings_of(config, old)
        new_name = new.rpartition(".")[2]
        if old_name in settings:
            items = [(new_name if key == old_name else key, value) for key, value in settings.items()]
            settings.clear()
            settings.update(items)
    for key, values in RENAMED_VALUES.items():
        settings, name = _settings_of(config, key)
        if isinstance(settings.get(name), str):
            settings[name] = values.get(settings[name], settings[name])
    return config


def _settings_of(config: Any, key: str) -> tuple[dict[str, Any], str]:
    """The settings that hold the last name of a dotted key, empty where there are none; and that name."""
    *groups, name = key.split(".")
    for group in groups:
        config = config.get(group) if isinstance(config, dict) else None
    return (config if isinstance(config, dict) else {}), name
