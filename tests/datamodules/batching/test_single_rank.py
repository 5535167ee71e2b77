"""A strategy for several ranks with one device: Lightning would wrap the sampler of a single rank, too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from pytorch_lightning.strategies import DDPStrategy
from torch.utils.data import DistributedSampler

from datamodules.names import Names


def test_a_single_rank_of_ddp_has_a_sampler_that_lightning_leaves_alone(names_folder: Path) -> None:
    datamodule = Names(data_dir=str(names_folder), batch_size=10)
    datamodule.setup()
    expected = [batch.indices.tolist() for batch in datamodule.train_dataloader()]
    datamodule.trainer = SimpleNamespace(global_rank=0, world_size=1, strategy=DDPStrategy(), overfit_batches=0)
    loader = datamodule.train_dataloader()
    assert isinstance(loader.sampler, DistributedSampler)
    assert [batch.indices.tolist() for batch in loader] == expected
