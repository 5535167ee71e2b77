"""A torch.export program: runs with torch alone."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

PACKAGES = ()


def write(
    folder: Path,
    network: nn.Module,
    module: nn.Module,
    sample: dict[str, Tensor],
    dynamic: dict[str, tuple[str, ...]],
    longest: dict[str, Tensor],
) -> bool:
    """Write model.pt2; True where only texts padded to the length of `longest` can be read.

    torch.export unrolls recurrent layers over time, so a network that has any takes a fixed number of steps.
    """
    fixed = False
    try:
        program = torch.export.export(network, tuple(sample.values()), dynamic_shapes=_shapes(dynamic))
    except Exception:  # it says in many ways that the length cannot be left open
        fixed = True
        batch_only = {name: names[:1] for name, names in dynamic.items()}
        program = torch.export.export(network, tuple(longest.values()), dynamic_shapes=_shapes(batch_only))
    torch.export.save(program, folder / "model.pt2")
    return fixed


def _shapes(dynamic: dict[str, tuple[str, ...]]) -> tuple[dict[int, torch.export.Dim], ...]:
    dims = {name: torch.export.Dim(name) for names in dynamic.values() for name in names}
    return tuple({axis: dims[name] for axis, name in enumerate(names)} for names in dynamic.values())
