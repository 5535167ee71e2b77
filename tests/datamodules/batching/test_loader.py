from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from datamodules.batching.batches import Batch
from datamodules.batching.loader import Examples, IndexLoader, index_loader
from datamodules.batching.samplers import BatchSampler, RandomBatchSampler, RepeatedBatchSampler


@dataclass
class Rows(Batch):
    row: list[int]
    max_length: int


class Numbers:
    """A source whose batches are the indices themselves."""

    def to(self, device: torch.device) -> "Numbers":
        return self

    def max_length(self, row: Tensor) -> int:
        return int(row.max())

    def collate(self, row: Tensor, max_length: int) -> Rows:
        return Rows(row.tolist(), max_length)


def loader_of(sampler: BatchSampler, rank: int = 0, world_size: int = 1) -> IndexLoader:
    return index_loader(Examples(Numbers(), {}, rank, world_size), sampler)


def rows_of(loader: IndexLoader) -> list[list[int]]:
    return [index_batch.to("cpu").row for index_batch in loader]


def test_a_loader_yields_the_batches_of_its_epoch() -> None:
    sampler = RandomBatchSampler(torch.arange(1000), batch_size=7, seed=1)
    loader = loader_of(sampler)
    for epoch in (0, 2, 2):
        loader.sampler.set_epoch(epoch)
        expected = [batch.tolist() for batch in sampler.batches(epoch)]
        assert rows_of(loader) == expected
        assert len(loader) == len(expected)
    batch = next(iter(loader)).to("cpu")
    assert batch.max_length == max(batch.row)
    assert batch.origin.indices.tolist() == batch.row


def test_workers_yield_the_same_batches() -> None:
    sampler = RandomBatchSampler(torch.arange(50), batch_size=7, seed=1)
    loader = IndexLoader(Examples(Numbers(), {}), batch_size=None, sampler=sampler, num_workers=1)
    assert rows_of(loader) == [batch.tolist() for batch in sampler.batches(0)]


def test_an_epoch_is_resumed_at_any_batch() -> None:
    sampler = RandomBatchSampler(torch.arange(50), batch_size=3, seed=1)
    loader = loader_of(sampler)
    loader.sampler.set_epoch(4)
    batches = iter(loader)
    taken = [next(batches).indices.tolist() for _ in range(11)]
    again = loader_of(RandomBatchSampler(torch.arange(50), batch_size=3, seed=1))
    again.load_state_dict(loader.state_dict())
    again.sampler.set_epoch(4)  # as Lightning does; the position stays
    assert taken + rows_of(again) == [batch.tolist() for batch in sampler.batches(4)]
    again.sampler.set_epoch(5)
    assert rows_of(again) == [batch.tolist() for batch in sampler.batches(5)]


def test_the_epoch_may_be_chosen_after_iter() -> None:
    sampler = RandomBatchSampler(torch.arange(50), batch_size=3, seed=1)
    batches = iter(sampler)
    sampler.set_epoch(3)
    assert torch.equal(next(batches), sampler.batches(3)[0])


def test_repeated_batches_are_those_of_the_first_epoch() -> None:
    sampler = RandomBatchSampler(torch.arange(50), batch_size=3, seed=1)
    repeated = RepeatedBatchSampler(sampler)
    assert all(torch.equal(a, b) for a, b in zip(repeated.batches(5), sampler.batches(0), strict=True))


def weighted_mean(values: Tensor, weights: Tensor | None) -> Tensor:
    return values.mean() if weights is None else (values * weights).sum() / weights.sum()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_ranks_and_batches_of_a_step_weigh_so_that_the_mean_of_means_is_that_of_all(
    weighted: bool, accumulate: int
) -> None:
    values = torch.randn(45, dtype=torch.float64)
    weights = torch.rand(45, dtype=torch.float64) if weighted else None
    sampler = RandomBatchSampler(torch.arange(45), batch_size=10, seed=0)  # the last step has fewer and shorter batches
    world_size = 4
    loaders = [list(loader_of(sampler, rank, world_size)) for rank in range(world_size)]
    batches = sampler.batches(0)
    for first in range(0, len(batches), accumulate):
        rows = batches[first : first + accumulate]
        for_gradient, for_curve = [], []
        for of_rank in loaders:
            for share in of_rank[first : first + accumulate]:
                weight, part = share.step_weight(accumulate, len(batches), lambda source: weights)
                own = None if weights is None else weights[share.indices]
                loss = weighted_mean(values[share.indices], own)
                for_gradient.append(loss * weight / part / accumulate)
                for_curve.append(loss * weight)
        every = torch.cat(rows)
        expected = weighted_mean(values[every], None if weights is None else weights[every])
        assert torch.isclose(torch.stack(for_gradient).sum() / world_size, expected)
        assert torch.isclose(torch.stack(for_curve).mean(), expected)


def test_where_all_hold_as_much_the_weight_is_one_to_the_last_bit() -> None:
    sampler = RandomBatchSampler(torch.arange(60), batch_size=10, seed=0)
    for share in loader_of(sampler, rank=1, world_size=2):
        assert share.step_weight(3, 6, lambda source: None) == (1.0, 1.0)


def test_a_rank_without_an_example_of_a_short_batch_counts_nothing() -> None:
    sampler = RandomBatchSampler(torch.arange(9), batch_size=8, seed=0)  # the last batch has one example
    last = list(loader_of(sampler, rank=1, world_size=2))[-1]
    assert last.is_filler
    assert last.step_weight(1, 2, lambda source: None)[0] == 0.0
    assert len(last) == 1
