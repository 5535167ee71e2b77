"""Index batches: a loader hands out the positions of examples, and a batch is gathered on the device it is moved to.

The examples of a data set live in tensors on the training device (a `Source`).  An `IndexBatch` holds a few positions
only; `.to(device)`, which Lightning and any other loop call, gathers the batch there, so no example is copied twice.

    loader = datamodule.train_dataloader()      # an ordinary torch DataLoader
    for index_batch in loader:
        batch = index_batch.to("cuda")          # a TokenBatch, WindowBatch, ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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


class Epoch:
    """The batches of an epoch, over all ranks; what each example counts is asked once for all of them.

    Args:
        batches: positions of the examples of each batch, on the CPU.
    """

    def __init__(self, batches: Sequence[Tensor]) -> None:
        self.batches = batches
        self._weights: Tensor | None = None
        self._weighed = False
        self._rows: dict[torch.device, Sequence[Tensor]] = {}

    def rows_on(self, device: torch.device, rank: int, world_size: int) -> Sequence[Tensor]:
        """This rank's positions of each batch on a device, copied once an epoch: a step copies nothing to it."""
        if device not in self._rows:
            shares = [batch[rank::world_size] for batch in self.batches]
            rows = torch.cat(shares)
            if device.type == "cuda":  # which is waited for unless the copy is from pinned memory
                rows = rows.pin_memory()
            self._rows[device] = rows.to(device, non_blocking=True).split([len(share) for share in shares])
        return self._rows[device]

    def weights(self, weigh: Callable[[], Tensor | None]) -> Tensor | None:
        """(N,) of every example of the source, what `weigh` says at the first call; None where all count one."""
        if not self._weighed:
            self._weights, self._weighed = weigh(), True
        return self._weights


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
        batch: (N,) positions of the examples, over all ranks, on the CPU.
    """

    epoch: Epoch | None = None  # whose batch `number` this is; None of a batch that no loader handed out
    number = 0

    def __init__(self, examples: Examples, batch: Tensor) -> None:
        self.examples = examples
        self.batch = batch
        self.batch_size = len(batch)
        rank, world_size = examples.rank, examples.world_size
        self.indices = batch if world_size == 1 else batch[rank::world_size]  # (B,) of this rank
        self.is_filler = not len(self.indices)  # of a short batch: this rank goes along with an example of another
        if self.is_filler:
            self.indices = batch[:1]

    def __len__(self) -> int:
        return len(self.indices)

    def step_weight(
        self, accumulate: int, num_batches: int, weigh: Callable[[Any], Tensor | None]
    ) -> tuple[float, float]:
        """What the loss of this rank's examples counts in the mean over ranks and over the batches of its step.

        A loss is a mean over examples, which may weigh differently (as texts by their symbols).  With its weight, the
        mean of the losses over ranks and batches is that of one batch of all their examples, which a plain mean is only
        where all hold as much.

        Args:
            accumulate: batches in an optimiser step.
            num_batches: batches of an epoch that are trained on; the last step of an epoch may have fewer of them.
            weigh: source -> (N,) what each example counts, on the CPU, or None where all count alike.

        Returns:
            the weight, 1 where all hold as much; and the share of `accumulate` that this step has.
        """
        source = self.examples.source
        if self.epoch is None:
            batches: Sequence[Tensor] = [self.batch]
            weights, accumulate = weigh(source), 1
        else:
            first = self.number - self.number % accumulate
            batches = self.epoch.batches[first : min(first + accumulate, num_batches)]
            weights = self.epoch.weights(lambda: weigh(source))
        total = sum(_sum(batch, weights) for batch in batches)
        own = 0.0 if self.is_filler else _sum(self.indices, weights)
        even = total / (len(batches) * self.examples.world_size)
        return (own / even if even else 0.0), len(batches) / accumulate

    def to(self, device: torch.device | str, non_blocking: bool = True) -> Any:
        """The batch, gathered on `device`; its `origin` is this object."""
        device = torch.device(device)
        source = self.examples.source_on(device)
        gathered = source.collate(self._row(device, non_blocking), source.max_length(self.indices))
        if self.examples.transform is not None:
            gathered = self.examples.transform(gathered)
        gathered.origin = self
        return gathered

    def _row(self, device: torch.device, non_blocking: bool) -> Tensor:
        """(B,) its positions on a device."""
        if device.type == "cpu":
            return self.indices
        if self.epoch is None or self.is_filler:
            return self.indices.to(device, non_blocking=non_blocking)
        return self.epoch.rows_on(device, self.examples.rank, self.examples.world_size)[self.number]


class IndexLoader(DataLoader):
    """A DataLoader of `IndexBatch`es whose position inside an epoch is saved and restored.

    Made by `index_loader`; it has no arguments of its own, as Lightning copies a loader by torch's arguments.
    """

    dataset: Examples
    sampler: BatchSampler

    def __iter__(self) -> Iterator[IndexBatch]:  # type: ignore[override]
        number = self.sampler.first
        # without workers, what torch's own iterator does, in a tenth of its time
        items = super().__iter__() if self.num_workers else map(self.dataset.__getitem__, self.sampler)
        epoch = None
        for index_batch in items:
            if epoch is None:
                epoch = Epoch(self.sampler.current)
            index_batch.epoch, index_batch.number = epoch, number
            number += 1
            yield index_batch

    def state_dict(self) -> dict[str, Any]:
        return self.sampler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sampler.load_state_dict(state)


def index_loader(examples: Examples, sampler: BatchSampler, is_distributed: bool = False) -> IndexLoader:
    """A loader whose batches are those of `sampler`.

    Args:
        is_distributed: whether Lightning would divide them between ranks, which it does of a single rank too.
    """
    if is_distributed or examples.world_size > 1:
        sampler = DistributedBatchSampler.of(sampler)
    return IndexLoader(examples, batch_size=None, sampler=sampler)


def _sum(indices: Tensor, weights: Tensor | None) -> float:
    return float(len(indices)) if weights is None else float(weights.index_select(0, indices).sum(dtype=torch.float64))
