"""torch.compile for the networks of runs that ask for it."""

from __future__ import annotations

import torch
from torch import nn

from datamodules.errors import BadInput


def compile_network(module: nn.Module, device: torch.device, backend: str = "inductor") -> None:
    """From its next call on, the network is compiled; its weights keep their names, so checkpoints stay what they are.

    It is `forward` that is compiled, not the call: under DDP, Lightning sends training steps through the latter.

    Loops over steps are left as they are: torch's own recurrent layers and this project's cells have kernels or
    back-propagation of their own, and would be compiled anew for every length.

    Args:
        device: where it will run.
        backend: what makes kernels of the operations.

    Raises:
        BadInput: there is no compiler for that device here.
    """
    try:
        torch.compile(torch.sin, backend=backend)(torch.zeros(2, device=device))
    except Exception as error:  # a missing C++ compiler, Triton or driver: each raises another class
        reason = " ".join(str(error).split())[:200]
        raise BadInput(
            f"compile=true: torch.compile does not work here ({reason}); compile=false needs none"
        ) from error
    module.forward = torch.compile(module.forward, backend=backend)  # type: ignore[method-assign]
