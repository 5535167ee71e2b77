"""A torch.export program: runs with torch alone."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import torch
from torch import nn

PACKAGES = ()


def write(folder: Path, network: nn.Module, module: nn.Module, task: ModuleType, length: int) -> bool:
    """Write model.pt2; True where only inputs padded to `length` can be read.

    torch.export unrolls recurrent layers over time, so a network that has any takes a fixed number of steps.
    """
    fixed = False
    sample = task.inputs(module, *task.shapes(module, None)[1])
    try:
        program = torch.export.export(network, tuple(sample.values()), dynamic_shapes=_shapes(task.INPUTS))
    except Exception:  # it says in many ways that the length cannot be left open
        fixed = True
        batch_only = {name: {0: axes[0]} for name, axes in task.INPUTS.items()}
        longest = tuple(task.inputs(module, 3, length).values())
        program = torch.export.export(network, longest, dynamic_shapes=_shapes(batch_only))
    torch.export.save(program, folder / "model.pt2")
    return fixed


def _shapes(dynamic: dict[str, dict[int, str]]) -> tuple[dict[int, torch.export.Dim], ...]:
    dims = {name: torch.export.Dim(name) for axes in dynamic.values() for name in axes.values()}
    return tuple({axis: dims[name] for axis, name in axes.items()} for axes in dynamic.values())
