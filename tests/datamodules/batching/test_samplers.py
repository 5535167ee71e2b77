import torch

from datamodules.batching.samplers import ClassBalancedBatchSampler, RandomBatchSampler, SequentialBatchSampler


def test_shuffled_sees_every_example_once_an_epoch_in_another_order_each() -> None:
    indices = torch.arange(100, 203)
    sampler = RandomBatchSampler(indices, batch_size=10, seed=3)
    first, second = sampler.batches(0), sampler.batches(1)
    assert len(first) == len(sampler) == 11
    assert torch.equal(torch.cat(first).sort().values, indices)
    assert not torch.equal(torch.cat(first), torch.cat(second))
    assert all(torch.equal(a, b) for a, b in zip(first, RandomBatchSampler(indices, 10, seed=3).batches(0)))
    assert not torch.equal(torch.cat(first), torch.cat(RandomBatchSampler(indices, 10, seed=4).batches(0)))


def test_drop_last_leaves_only_full_batches() -> None:
    sampler = RandomBatchSampler(torch.arange(103), batch_size=10, seed=0, drop_last=True)
    assert [len(batch) for batch in sampler.batches(0)] == [10] * len(sampler) == [10] * 10


def test_balanced_draws_every_class_alike() -> None:
    classes = torch.tensor([0] * 900 + [2] * 90 + [3] * 10)  # class 1 has no example
    indices = torch.arange(5000, 6000)
    drawn = torch.cat(
        [torch.cat(ClassBalancedBatchSampler(indices, classes, 64, seed=1).batches(epoch)) for epoch in range(30)]
    )
    counts = torch.bincount(classes[drawn - 5000], minlength=4)
    assert counts[1] == 0
    assert ((counts[[0, 2, 3]] / len(drawn) - 1 / 3).abs() < 0.01).all()
    within = torch.bincount(drawn[drawn >= 5990] - 5990, minlength=10)
    assert (within > 0).all(), "every example of a small class is drawn"


def test_in_order_keeps_the_order() -> None:
    assert torch.cat(SequentialBatchSampler(torch.tensor([5, 3, 9]), 2).batches(7)).tolist() == [5, 3, 9]
