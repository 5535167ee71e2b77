"""Index batches, several at a time.

The examples of a data set live in tensors on the training device (a `Source`).  A loader hands out only indices,
as `Block`s of a few consecutive batches; each batch is gathered on the device when its turn comes.  What a trainer
does once for each thing that a loader yields is so paid once a block, not once a batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from datamodules.batching.samplers import Sampler

LONGEST_BLOCK_SECONDS = 0.2  # a person who interrupts a run waits no longer than this, or one step
MOST_BATCHES_A_BLOCK = 64


class Source(Protocol):
    """All examples of a data set as tensors on one device."""

    def to(self, device: torch.device) -> Source: ...

    def max_length(self, row: Tensor) -> Any:
        """Steps of the longest of these examples, known without asking the device.  `row` is on the CPU."""

    def collate(self, row: Tensor, max_length: Any) -> Any:
        """The batch of these examples, padded to `max_length` steps.  `row` (B,) is on the source's device."""


class Block:
    """A few consecutive batches of an epoch: rows of example indices, gathered one after the other.

    Args:
        source: where the examples are.
        batches: indices of each batch, over all ranks.
        first: position of the first of them in its epoch.
        rank, world_size: this rank takes every `world_size`-th example of each batch.
    """

    def __init__(self, source: Source, batches: list[Tensor], first: int, rank: int = 0, world_size: int = 1) -> None:
        self.source = source
        self.first = first
        self.rows = [batch[rank::world_size] for batch in batches]
        self.num_examples = sum(len(batch) for batch in batches)
        #: What the mean over a row counts in the mean over ranks, so that it becomes the mean over the batch.
        self.weights = [len(row) * world_size / len(batch) for row, batch in zip(self.rows, batches)]
        # a rank that got no example of a short batch goes along with one that counts nothing: its weight is 0
        self.rows = [row if len(row) else batch[:1] for row, batch in zip(self.rows, batches)]
        self.max_lengths = [source.max_length(row) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Any]:
        for row, max_length in zip(self.rows, self.max_lengths):
            yield self.source.collate(row, max_length)

    def to(self, source: Source, device: torch.device) -> Block:
        """This block over a source on `device`; the indices follow in one transfer."""
        self.source = source
        if device.type != "cpu":
            sizes = [len(row) for row in self.rows]
            self.rows = list(torch.cat(self.rows).to(device, non_blocking=True).split(sizes))
        return self


class BlockLoader:
    """Blocks of an epoch's batches; iterating it yields as many as fit into `LONGEST_BLOCK_SECONDS` of training.

    `len` counts batches, not blocks.

    Args:
        source: where examples are gathered from.
        epoch_batches: the batches of each epoch.
        rank, world_size: of each batch, this rank takes every `world_size`-th example.
        position: epoch and first batch of the iteration that starts, asked when its first block is taken.
        batches_left: how many batches may follow the given one in its block, at most.
        agree: makes of each rank's size of the next block one that all of them take.
    """

    def __init__(
        self,
        source: Source,
        epoch_batches: Sampler,
        rank: int = 0,
        world_size: int = 1,
        position: Callable[[], tuple[int, int]] = lambda: (0, 0),
        batches_left: Callable[[int], int] = lambda batch: 1,
        agree: Callable[[int], int] = lambda size: size,
    ) -> None:
        self.source = source
        self.epoch_batches = epoch_batches
        self.rank = rank
        self.world_size = world_size
        self.position = position
        self.batches_left = batches_left
        self.agree = agree
        self._size = 1  # of the next block

    def __len__(self) -> int:
        return len(self.epoch_batches)

    def __iter__(self) -> Iterator[Block]:
        epoch, first = self.position()
        batches = self.epoch_batches.batches(epoch)
        while first < len(batches):
            taken = batches[first : first + self.agree(min(self._size, max(1, self.batches_left(first))))]
            started = time.perf_counter()
            yield Block(self.source, taken, first, self.rank, self.world_size)
            first += len(taken)
            seconds = time.perf_counter() - started  # what the consumer took
            if seconds > LONGEST_BLOCK_SECONDS:
                self._size = max(1, int(len(taken) * LONGEST_BLOCK_SECONDS / seconds))
            elif seconds < LONGEST_BLOCK_SECONDS / 2 and len(taken) == self._size:
                self._size = min(2 * self._size, MOST_BATCHES_A_BLOCK)
