"""Checkpoint files: plain containers and tensors only, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import torch

from datamodules.errors import BadInput
from datamodules.files.nesting import check_size
from lightning_modules.training.stored_config import upgraded, upgraded_weights

FORMAT = 2  # of the files that `save` writes; raised when an older reader could not use them


def save(state: dict[str, Any], path: Path) -> None:
    """Write to a new name, flush to the disk, then rename: whoever reads `path` sees the old file or the new one.

    Raises:
        BadInput: the disk is full, or the folder cannot be written to.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            torch.save({"format": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except (OSError, RuntimeError) as error:
        cause = error if isinstance(error, OSError) else error.__context__  # torch hides a full disk behind its own
        if not isinstance(cause, OSError):
            raise
        kept = "; the one that was there is whole" if path.exists() else ""
        raise BadInput(f"{path}: cannot be written ({cause.strerror}){kept}") from None
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def keep_as(path: Path, backup: Path) -> None:
    """Give the file in `path`, if there is one, a second name in place of what had it."""
    new = backup.with_name(f".{backup.name}.{os.getpid()}")
    with contextlib.suppress(OSError):  # there is none, or the file system knows no second names
        new.unlink(missing_ok=True)
        os.link(path, new)
        new.replace(backup)


def load(path: Path) -> dict[str, Any]:
    """The checkpoint in `path`, on the CPU.  Nothing that it names is executed.

    Raises:
        BadInput: there is none, or it is torn, of another program, or of a later version of this one.
    """
    if not path.exists():
        raise BadInput(f"{path}: there is no such checkpoint")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # untrusted bytes can raise anything
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BadInput(f"{path}: not a checkpoint of tensors and plain containers, or a torn one ({reason})") from None
    sections = ("state_dict", "config", "spec")
    has_format = isinstance(state, dict) and isinstance(state.get("format"), int)
    if has_format and state["format"] == 1 and "description" in state:
        state["spec"] = state.pop("description")
    if not has_format or not all(isinstance(state.get(section), dict) for section in sections):
        raise BadInput(f"{path}: a checkpoint, but not one that scripts/train.py wrote")
    if state["format"] > FORMAT:
        raise BadInput(f"{path}: written by a later version (format {state['format']}; this one reads up to {FORMAT})")
    check_size({section: state[section] for section in sections}, str(path))
    if "loops" in state and "schedule" in state:
        _upgrade_training_state(state)
    weights = upgraded_weights(state["state_dict"])
    return {**state, "format": FORMAT, "config": upgraded(state["config"]), "state_dict": weights}


def _upgrade_training_state(state: dict[str, Any]) -> None:
    """Translate the training state of 0.1.0, which optimised manually, to that of automatic optimisation."""
    loop = state["loops"]["fit_loop"]
    steps = loop["epoch_loop.manual_optimization.optim_step_progress"]
    loop["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"] = steps
    step = steps["total"]["completed"]
    loop["epoch_loop.state_dict"]["_batches_that_stepped"] = step
    batch = loop["epoch_loop.batch_progress"]["current"]["ready"]
    epoch = loop["epoch_progress"]["current"]["processed"]
    loop["state_dict"]["combined_loader"] = [{"epoch": epoch, "batch": batch}]
    state["lr_schedulers"] = [{"last_epoch": step, "schedule": state.pop("schedule")}]
