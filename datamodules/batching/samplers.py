"""Batch samplers: in which order the examples of a split are seen.

The batches of an epoch are a function of seed and epoch alone, so an interrupted epoch goes on at any batch, on any
number of ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import DistributedSampler, Sampler, SequentialSampler


class BatchSampler(Sampler):
    """The batches of an epoch as a torch sampler: `set_epoch` chooses the epoch, `state_dict` is where it stands."""

    epoch = 0
    position = 0  # batches of this epoch that were handed out
    current: Sequence[Tensor] = ()  # the batches of the epoch that is being iterated
    first = 0  # batch at which the next iteration begins

    def __len__(self) -> int:
        """Batches in one epoch."""
        raise NotImplementedError

    def batches(self, epoch: int) -> list[Tensor]:
        """Example indices of each batch, int64."""
        raise NotImplementedError

    def set_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch, self.first = epoch, 0

    def __iter__(self) -> Iterator[Tensor]:
        # a generator, so that nothing happens before the first batch: Lightning chooses the epoch after it calls iter()
        self.position, self.first = self.first, 0
        batches = self.current = self.batches(self.epoch)
        while self.position < len(batches):
            self.position += 1
            yield batches[self.position - 1]

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.epoch, "batch": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.epoch, self.first = state["epoch"], state["batch"]
        self.position = self.first


class RandomBatchSampler(BatchSampler):
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


class PerEpochRefresh(BatchSampler):
    """The batches of another sampler, after its examples were made anew for the epoch."""

    def __init__(self, sampler: BatchSampler, renew: Callable[[int], None]) -> None:
        self.sampler = sampler
        self.renew = renew

    def __len__(self) -> int:
        return len(self.sampler)

    def batches(self, epoch: int) -> list[Tensor]:
        self.renew(epoch)
        return self.sampler.batches(epoch)


class SequentialBatchSampler(BatchSampler, SequentialSampler):  # type: ignore[misc]
    """Every example once, as they stand: for evaluation."""

    def __init__(self, indices: Tensor, batch_size: int) -> None:
        self.indices = indices
        self.batch_size = batch_size

    def __len__(self) -> int:
        return num_batches(len(self.indices), self.batch_size, drop_last=False)

    def batches(self, epoch: int) -> list[Tensor]:
        return list(self.indices.split(self.batch_size))


class RepeatedBatchSampler(BatchSampler, SequentialSampler):  # type: ignore[misc]
    """The first epoch's batches of another sampler in every epoch: for `trainer.overfit_batches`."""

    def __init__(self, sampler: BatchSampler) -> None:
        self.sampler = sampler

    def __len__(self) -> int:
        return len(self.sampler)

    def batches(self, epoch: int) -> list[Tensor]:
        return self.sampler.batches(0)


class DistributedBatchSampler(BatchSampler, DistributedSampler):
    """The batches of another sampler, of which each rank takes its share later (`loader.IndexBatch`).

    Lightning divides the batches of a sampler between ranks unless it is a DistributedSampler.
    """

    def __init__(self, sampler: BatchSampler) -> None:
        self.sampler = sampler

    @classmethod
    def of(cls, sampler: BatchSampler) -> DistributedBatchSampler:
        return (_DistributedSequential if isinstance(sampler, SequentialSampler) else cls)(sampler)

    def __len__(self) -> int:
        return len(self.sampler)

    def batches(self, epoch: int) -> list[Tensor]:
        return self.sampler.batches(epoch)


class _DistributedSequential(DistributedBatchSampler, SequentialSampler):  # type: ignore[misc]
    pass


def num_batches(num_examples: int, batch_size: int, drop_last: bool) -> int:
    return num_examples // batch_size if drop_last else -(-num_examples // batch_size)


def generator(seed: int, epoch: int) -> torch.Generator:
    """Random numbers of one epoch; neighbouring seeds and epochs share none."""
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)
