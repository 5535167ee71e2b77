"""Fully sharded training (FSDP): each process keeps a part of every weight, its gradient and its optimiser's state.

For networks that are too large for one device.  Small ones train faster with `trainer=ddp`.
Source: Zhao et al. 2023, "PyTorch FSDP"; here as torch's `fully_shard`, whose parameters are DTensors.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.strategies import ModelParallelStrategy
from torch import Tensor, nn

from lightning_modules.training import checkpoint_io


class FullySharded(ModelParallelStrategy):
    """Lightning's strategy for `fully_shard`, over all processes; checkpoints are single files, as any run's."""

    def __init__(self) -> None:
        super().__init__(data_parallel_size=1, tensor_parallel_size=1, save_distributed_checkpoint=False)

    def setup_environment(self) -> None:
        self._data_parallel_size = self.num_nodes * self.num_processes
        super().setup_environment()

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        """Every process takes its parts; Lightning mixes them up where processes talk through gloo."""
        assert self.model is not None
        checkpoint = checkpoint_io.load(Path(self.broadcast(checkpoint_path)))
        with torch.no_grad():
            for name, held in self.model.state_dict().items():
                held.copy_(as_sharded(checkpoint["state_dict"][name], held))
        for optimizer, state in zip(self.optimizers, checkpoint["optimizer_states"]):
            optimizer.load_state_dict(state)
            for parameter, stored in optimizer.state.items():
                for name, value in stored.items():
                    if isinstance(value, Tensor) and value.shape == parameter.shape:
                        stored[name] = as_sharded(value, parameter)
        return checkpoint


def shard(module: nn.Module, units: Iterable[nn.Module], mesh: Any) -> None:
    """Split a module's weights over the processes of a mesh.

    Args:
        parts: of the module, each called as a module, whose weights are gathered only while it is their turn; all
            other weights are gathered for the whole of a step.
    """
    from torch.distributed.fsdp import fully_shard

    for layer in module.modules():
        if hasattr(layer, "flatten_parameters"):  # flattened on a GPU, weights leave FSDP's buffer
            layer.flatten_parameters = _keep_parameters  # type: ignore[assignment]
    processes = mesh["data_parallel"]
    for unit in units:
        fully_shard(unit, mesh=processes)
    fully_shard(module, mesh=processes)


def _keep_parameters(*args: Any, **named: Any) -> None:
    """In place of `flatten_parameters`, of nn.RNNBase and `RecurrentLayers`."""


def whole(value: Any) -> Any:
    """A sharded tensor put together, which every process has to ask for; anything else as it is."""
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def as_sharded(value: Tensor, parameter: Tensor) -> Tensor:
    """A whole tensor on the parameter's device, split as the parameter is."""
    value = value.to(parameter.device)
    if not hasattr(parameter, "full_tensor"):
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value, parameter.device_mesh, parameter.placements)


def all_finite(values: Iterable[Tensor]) -> Tensor:
    """Whether every number of these tensors is finite; a tensor of one bool."""
    return torch.stack([whole(torch.isfinite(value).all()) for value in values]).all()
