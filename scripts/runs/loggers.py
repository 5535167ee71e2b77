"""The loggers of a run: where curves, figures and final metrics go."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.utils import get_class
from pytorch_lightning.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger

from datamodules.errors import BadInput
from lightning_modules.training.instantiate import build
from scripts.runs.folder import RunFolder
from scripts.runs.lock import only_writer

SECONDS_TO_CREATE_A_STORE = 600.0  # of MLflow: dozens of migrations, behind other jobs that wait for them too


def build_loggers(config: dict[str, Any], folder: RunFolder) -> list[Logger]:
    """The loggers asked for; what they write as files goes into the run folder itself, others know its name.

    Raises:
        BadInput: a package, key or server is missing.
    """
    return [_build(name, settings, folder) for name, settings in (config["logger"] or {}).items() if settings]


def _build(name: str, settings: dict[str, Any], folder: RunFolder) -> Logger:
    target = get_class(settings["_target_"])
    in_folder = issubclass(target, (TensorBoardLogger, CSVLogger))
    title = "" if in_folder else folder.path.name
    place = {"save_dir": str(folder.path), "name": title, "run_name": title}
    if in_folder:
        place["version"] = ""
    parameters = inspect.signature(target).parameters
    settings = {**{key: place[key] for key in place if key in parameters}, **settings}
    is_mlflow = issubclass(target, MLFlowLogger)
    try:
        with _mlflow_store(settings) if is_mlflow else contextlib.nullcontext():
            logger = build(settings)
            if not in_folder:  # a server that does not answer is to be known before the first step
                _ = getattr(logger, "experiment", None)
    except BadInput:
        raise
    except Exception as error:  # each has errors of its own: no package, no key, no server
        raise BadInput(f"logger={name}: {' '.join(str(error).split())}") from error
    return logger


@contextlib.contextmanager
def _mlflow_store(settings: dict[str, Any]) -> Iterator[None]:
    """Alone with a store of MLflow that is a database or folder of this machine.

    MLflow creates its tables, and an experiment of a new name, without a lock: of several jobs that start on a new
    store all but one would fail, or leave it half made.
    """
    uri = settings.get("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI") or f"{settings.get('save_dir', '')}"
    scheme, separator, rest = uri.partition(":")
    if separator and scheme not in ("sqlite", "file"):
        yield
        return
    path = Path(rest.partition("?")[0].removeprefix("///" if scheme == "sqlite" else "//") if separator else uri)
    with only_writer(path.parent / f".{path.name}.lock", f"logger.tracking_uri={uri}", SECONDS_TO_CREATE_A_STORE):
        yield
