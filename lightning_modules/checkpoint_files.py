"""Checkpoint files: plain containers and tensors only, written whole or not at all."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from datamodules.errors import BadInput

FORMAT = 1  # of the files that `save` writes; raised when an older reader could not use them


def save(state: dict[str, Any], path: Path) -> None:
    """Write to a new name, flush to the disk, then rename: whoever reads `path` sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with new.open("wb") as file:
            torch.save({"format": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any]:
    """The checkpoint in `path`, on the CPU.  Nothing that it names is executed.

    Raises:
        BadInput: there is none, or it is torn, of another program, or of a later version of this one.
    """
    if not path.exists():
        raise BadInput(f"{path}: there is no such checkpoint")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BadInput(f"{path}: not a checkpoint of tensors and plain containers, or a torn one ({reason})") from None
    if not isinstance(state, dict) or not {"format", "state_dict", "config", "description"} <= state.keys():
        raise BadInput(f"{path}: a checkpoint, but not one that scripts/train.py wrote")
    if state["format"] > FORMAT:
        raise BadInput(f"{path}: written by a later version (format {state['format']}; this one reads up to {FORMAT})")
    return state
