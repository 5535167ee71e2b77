"""Index batches: a loader hands out the positions of examples, and a batch is gathered on the device it is moved to.

The examples of a data set live in tensors on the training device (a `Source`).  An `IndexBatch` holds a few positions
only; `.to(device)`, which Lightning and any other loop call, gathers the batch there, so no example is copied twice.

    loader = datamodule.train_dataloader()      # an ordinary torch DataLoader
    for index_batch in loader:
        batch = index_batch.to("cuda")          # a TokenBatch, WindowBatch, ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.batching.samplers import BatchSampler, DistributedBatchSampler


class Source(Protocol):
    """All examples of a data set as tensors on one device."""

    def to(self, device: torch.device) -> Source: ...

    def max_length(self, row: Tensor) -> Any:
        """Steps of the longest of these examples, known without asking the device.  `row` is on the CPU."""

    def collate(self, row: Tensor, max_length: Any) -> Any:
        """The batch of these examples, padded to `max_length` steps.  `row` (B,) is on the source's device."""


class Examples(Dataset):
    """A `Source` as a torch Dataset: an item is the `IndexBatch` of some positions.

    Args:
        source: all examples, on the CPU.
        copies: the source on other devices; filled here, shared by the loaders of a data module.
        rank, world_size: of each batch, this rank takes every `world_size`-th example.
        transform: applied to each gathered batch, as augmentation.
    """

    def __init__(
        self,
        source: Source,
        copies: dict[torch.device, Source],
        rank: int = 0,
        world_size: int = 1,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.source = source
        self.copies = copies
        self.rank = rank
        self.world_size = world_size
        self.transform = transform

    def __getitem__(self, batch: Tensor) -> IndexBatch:
        return IndexBatch(self, batch)

    def source_on(self, device: torch.device) -> Source:
        """The source on a device, copied there once."""
        if device.type == "cpu":
            return self.source
        if device not in self.copies:
            self.copies[device] = self.source.to(device)
        return self.copies[device]


class IndexBatch:
    """The positions of a batch's examples.

    Args:
        examples: where they are gathered from.
        batch: (N,) positions over all ranks, on the CPU.
    """

    def __init__(self, examples: Examples, batch: Tensor) -> None:
        self.examples = examples
        self.batch_size = len(batch)  # over all ranks
        rank, world_size = examples.rank, examples.world_size
        self.indices = batch if world_size == 1 else batch[rank::world_size]  # (B,) of this rank
        #: What the mean over this rank's examples counts in the mean over ranks, so that it becomes that of the batch.
        self.weight = len(self.indices) * world_size / max(self.batch_size, 1)
        if not len(self.indices):  # of a short batch: this rank goes along with an example that counts nothing
            self.indices = batch[:1]

    def __len__(self) -> int:
        return len(self.indices)

    def to(self, device: torch.device | str, non_blocking: bool = True) -> Any:
        """The batch, gathered on `device`; its `origin` is this object."""
        device = torch.device(device)
        source = self.examples.source_on(device)
        row = self.indices if device.type == "cpu" else self.indices.to(device, non_blocking=non_blocking)
        gathered = source.collate(row, source.max_length(self.indices))
        if self.examples.transform is not None:
            gathered = self.examples.transform(gathered)
        gathered.origin = self
        return gathered


class IndexLoader(DataLoader):
    """A DataLoader of `IndexBatch`es whose position inside an epoch is saved and restored.

    Made by `index_loader`; it has no arguments of its own, as Lightning copies a loader by torch's arguments.
    """

    dataset: Examples
    sampler: BatchSampler

    def __iter__(self) -> Iterator[IndexBatch]:  # type: ignore[override]
        if self.num_workers:
            return super().__iter__()
        return map(self.dataset.__getitem__, self.sampler)  # what torch's own iterator does, in a tenth of its time

    def state_dict(self) -> dict[str, Any]:
        return self.sampler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sampler.load_state_dict(state)


def index_loader(examples: Examples, sampler: BatchSampler) -> IndexLoader:
    """A loader whose batches are those of `sampler`."""
    if examples.world_size > 1:
        sampler = DistributedBatchSampler.of(sampler)
    return IndexLoader(examples, batch_size=None, sampler=sampler)
