"""In which order the examples of a part are seen: the batches of an epoch, as a function of seed and epoch alone.

Nothing here has a state, so an interrupted epoch goes on at any batch, on any number of ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class Sampler(Protocol):
    """The batches of an epoch."""

    def __len__(self) -> int:
        """Batches in one epoch."""

    def batches(self, epoch: int) -> list[Tensor]:
        """Example indices of each batch, int64."""


class RandomBatchSampler:
    """Every example once an epoch."""

    def __init__(self, indices: Tensor, batch_size: int, seed: int, drop_last: bool = False) -> None:
        self.indices = indices
        self.batch_size = batch_size
        self.seed = seed
        self.drop_last = drop_last

    def __len__(self) -> int:
        return num_batches(len(self.indices), self.batch_size, self.drop_last)

    def batches(self, epoch: int) -> list[Tensor]:
        order = torch.randperm(len(self.indices), generator=generator(self.seed, epoch))
        return list(self.indices[order].split(self.batch_size))[: len(self)]


class ClassBalancedBatchSampler(RandomBatchSampler):
    """As many draws an epoch as there are examples: a class drawn uniformly, then one of its examples."""

    def __init__(self, indices: Tensor, classes: Tensor, batch_size: int, seed: int, drop_last: bool = False) -> None:
        super().__init__(indices, batch_size, seed, drop_last)
        by_class = classes.argsort(stable=True)
        self.indices = indices[by_class]
        self.counts = torch.bincount(classes)
        self.starts = self.counts.cumsum(0) - self.counts
        self.occupied = self.counts.nonzero().squeeze(1)  # classes with at least one example

    def batches(self, epoch: int) -> list[Tensor]:
        rng = generator(self.seed, epoch)
        drawn = self.occupied[torch.randint(len(self.occupied), (len(self.indices),), generator=rng)]
        within = (torch.rand(len(drawn), generator=rng, dtype=torch.float64) * self.counts[drawn]).long()
        return list(self.indices[self.starts[drawn] + within].split(self.batch_size))[: len(self)]


class LengthGroupedBatchSampler(RandomBatchSampler):
    """Every example once an epoch, those of like length together, so that little is padded.

    Lengths are compared up to `spread` of their size, differently each epoch; the batches come in random order.
    `lengths` gives those of some examples.
    """

    def __init__(
        self,
        indices: Tensor,
        lengths: Callable[[Tensor], Tensor],
        batch_size: int,
        seed: int,
        drop_last: bool = False,
        spread: float = 0.1,
    ) -> None:
        super().__init__(indices, batch_size, seed, drop_last)
        self.lengths = lengths
        self.spread = spread

    def batches(self, epoch: int) -> list[Tensor]:
        rng = generator(self.seed, epoch)
        noise = 2 * torch.rand(len(self.indices), generator=rng) - 1
        blurred = self.lengths(self.indices) * (1 + self.spread * noise)
        rows = self.indices[blurred.argsort()].split(self.batch_size)
        return [rows[i] for i in torch.randperm(len(rows), generator=rng).tolist() if self._whole(rows[i])]

    def _whole(self, row: Tensor) -> bool:
        return not self.drop_last or len(row) == self.batch_size


class PerEpochRefresh:
    """The batches of another sampler, after its examples were made anew for the epoch."""

    def __init__(self, sampler: Sampler, renew: Callable[[int], None]) -> None:
        self.sampler = sampler
        self.renew = renew

    def __len__(self) -> int:
        return len(self.sampler)

    def batches(self, epoch: int) -> list[Tensor]:
        self.renew(epoch)
        return self.sampler.batches(epoch)


class SequentialBatchSampler:
    """Every example once, as they stand: for evaluation."""

    def __init__(self, indices: Tensor, batch_size: int) -> None:
        self.indices = indices
        self.batch_size = batch_size

    def __len__(self) -> int:
        return num_batches(len(self.indices), self.batch_size, drop_last=False)

    def batches(self, epoch: int) -> list[Tensor]:
        return list(self.indices.split(self.batch_size))


def num_batches(num_examples: int, batch_size: int, drop_last: bool) -> int:
    return num_examples // batch_size if drop_last else -(-num_examples // batch_size)


def generator(seed: int, epoch: int) -> torch.Generator:
    """Random numbers of one epoch; neighbouring seeds and epochs share none."""
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)
