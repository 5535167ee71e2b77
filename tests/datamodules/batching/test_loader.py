import torch
from torch import Tensor

from datamodules.batching import loader
from datamodules.batching.loader import BlockLoader
from datamodules.batching.samplers import RandomBatchSampler


class Numbers:
    """A source whose batches are the indices themselves."""

    def to(self, device: torch.device) -> "Numbers":
        return self

    def max_length(self, row: Tensor) -> int:
        return int(row.max())

    def collate(self, row: Tensor, max_length: int) -> tuple[list[int], int]:
        return row.tolist(), max_length


def test_blocks_hold_the_batches_of_an_epoch_in_order_whatever_their_size() -> None:
    sampler = RandomBatchSampler(torch.arange(1000), batch_size=7, seed=1)
    loader = BlockLoader(Numbers(), sampler, position=lambda: (2, 0), batches_left=lambda batch: 5)
    taken = [(batch, max_length) for block in loader for batch, max_length in block]
    expected = [batch.tolist() for batch in sampler.batches(2)]
    assert [batch for batch, _ in taken] == expected
    assert [max_length for _, max_length in taken] == [max(batch) for batch in expected]
    assert len(loader) == len(expected)


def test_an_epoch_goes_on_at_any_batch() -> None:
    sampler = RandomBatchSampler(torch.arange(50), batch_size=3, seed=1)
    rest = [b for block in BlockLoader(Numbers(), sampler, position=lambda: (4, 11)) for b, _ in block]
    assert rest == [batch.tolist() for batch in sampler.batches(4)[11:]]


def test_blocks_grow_until_they_take_long_enough_and_shrink_when_they_take_too_long(monkeypatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(loader.time, "perf_counter", lambda: clock[0])
    blocks = BlockLoader(Numbers(), RandomBatchSampler(torch.arange(4000), 1, seed=0), batches_left=lambda batch: 10**6)
    sizes = []
    for block in blocks:
        sizes.append(len(block))
        seconds_a_batch = 0.001 if len(sizes) < 12 else 0.05
        clock[0] += seconds_a_batch * len(block)
    assert sizes[:7] == [1, 2, 4, 8, 16, 32, 64]
    assert max(sizes) == loader.MOST_BATCHES_A_BLOCK
    assert sizes[-2] * 0.05 <= loader.LONGEST_BLOCK_SECONDS


def test_ranks_share_each_batch_and_their_weights_make_the_mean_of_means_the_mean() -> None:
    values = torch.randn(23, dtype=torch.float64)
    sampler = RandomBatchSampler(torch.arange(23), batch_size=10, seed=0)
    world_size = 4
    loaders = [BlockLoader(Numbers(), sampler, rank, world_size) for rank in range(world_size)]
    for batch, *shares in zip(sampler.batches(0), *loaders):
        of_ranks = [values[row].mean() * weight for block in shares for (row, _), weight in zip(block, block.weights)]
        assert torch.isclose(torch.stack(of_ranks).mean(), values[batch].mean())


def test_a_rank_without_an_example_of_a_short_batch_counts_nothing() -> None:
    sampler = RandomBatchSampler(torch.arange(9), batch_size=8, seed=0)  # the last batch has one example
    last = list(BlockLoader(Numbers(), sampler, rank=1, world_size=2))[-1]
    assert last.weights == [0.0]
    assert len(last.rows[0]) == 1
