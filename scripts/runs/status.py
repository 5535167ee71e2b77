"""How a run ended that has no results: status.json in its folder, and its row in TensorBoard's table."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pytorch_lightning.utilities import rank_zero_only

from lightning_modules.training.callbacks.interruption import Interrupted
from scripts.runs.events import read_events
from scripts.runs.folder import RunFolder
from scripts.runs.hyperparameters import write_hyperparameters
from scripts.runs.metric_facts import MetricFacts
from scripts.runs.tensorboard import RunLogger

#: What exceptions are called that end a run which is not worth finishing: ours, Optuna's.
PRUNED = ("Pruned", "TrialPruned")


def record_status(train: Callable[..., dict[str, float]]) -> Callable[..., dict[str, float]]:
    """Make `train(config, folder, overrides, ...)` leave `status` and `reason` where it ends by an exception."""

    @functools.wraps(train)
    def recording(
        config: dict[str, Any], folder: RunFolder, overrides: list[str], *args: Any, **kwargs: Any
    ) -> dict[str, float]:
        if rank_zero_only.rank:  # type: ignore[attr-defined]  # which Lightning sets at import
            return train(config, folder, overrides, *args, **kwargs)
        folder.status_file.unlink(missing_ok=True)
        try:
            return train(config, folder, overrides, *args, **kwargs)
        except BaseException as error:
            status = status_of(error)
            folder.write_json(folder.status_file, {"status": status, "reason": reason_of(error)})
            if folder.config_file.exists() and writes_tensorboard(config):
                write_hyperparameters(folder.path, config, overrides, best_so_far(folder), status)
            raise

    return recording


def status_of(error: BaseException) -> str:
    """`failed`, `interrupted` or `pruned`."""
    if isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit)):
        return "interrupted"
    return "pruned" if type(error).__name__ in PRUNED else "failed"


def reason_of(error: BaseException) -> str:
    """One line: the exception's own words, or its name where it has none."""
    message = " ".join(str(error).split()) or type(error).__name__
    return message if len(message) <= 300 else message[:297] + "..."


def writes_tensorboard(config: dict[str, Any]) -> bool:
    target = f"{RunLogger.__module__}.{RunLogger.__qualname__}"
    return any(settings and settings.get("_target_") == target for settings in (config["logger"] or {}).values())


def best_so_far(folder: RunFolder) -> dict[str, float]:
    """The best value of each validation metric among the curves."""
    curves, _ = read_events(folder.path)
    facts = MetricFacts.of_run(folder.environment(), folder.config(), str(folder.path))
    return {
        tag: (min if facts.direction(tag) == "minimize" else max)(value for _, value in curve)
        for tag, curve in curves.items()
        if tag.startswith("val/")
    }
