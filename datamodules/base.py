"""Base class of the data modules: splits, loaders of index batches, and the tensors that batches are gathered from."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt
from pytorch_lightning import LightningDataModule
from pytorch_lightning.strategies import ParallelStrategy
from torch import Tensor

from datamodules.batching.loader import Examples, IndexBatch, IndexLoader, Source, index_loader
from datamodules.batching.samplers import (
    BatchSampler,
    LengthGroupedBatchSampler,
    RandomBatchSampler,
    RepeatedBatchSampler,
    SequentialBatchSampler,
)
from datamodules.batching.splits import SPLITS

log = logging.getLogger(__name__)


class SequenceDataModule(LightningDataModule):
    """Reads a data set once and hands out its splits as index batches; an ordinary LightningDataModule.

    A data set's own class sets `batch_type` and writes `load`, which fills in the attributes below.

    Args:
        batch_size: examples in an optimiser step, over all devices together.
        evaluation_batch_size: examples in a step of validation, test and prediction.
        seed: of the order in which training examples are seen.
        drop_last: leave out an epoch's last batch if it is smaller than the others.
    """

    batch_type: ClassVar[type]
    network_properties: ClassVar[tuple[str, ...]] = ()  # settings that a finished run's network has learned

    spec: Any  # what tasks and later commands need to know of the data; see specs.py
    source: Source  # every example, on the CPU
    indices: dict[str, Tensor]  # split -> (N,) int64 positions of its examples in the source
    report: dict[str, Any]  # what was read, cleaned and left out
    fingerprint: str  # sha256 of the data as read: two runs with equal fingerprints had the same data

    def __init__(
        self,
        batch_size: Annotated[int, Gt(0)] = 256,
        evaluation_batch_size: Annotated[int, Gt(0)] = 1024,
        seed: Annotated[int, Ge(0)] = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.evaluation_batch_size = evaluation_batch_size
        self.seed = seed
        self.drop_last = drop_last
        self.evaluated_split = "test"  # what a test run of the Trainer reads
        self.pretrained_spec: Any = None  # of a finished run, to be used instead of fitting a new one
        self._loaded = False
        self._copies: dict[torch.device, Source] = {}  # of the source, on other devices

    def load(self) -> None:
        """Read the files and fill in `spec`, `source`, `indices`, `report` and `fingerprint`.

        The `lines` of the report are logged once all is read.

        Vocabulary, scalers and the like come from the training split, or from `pretrained_spec` where it is given.

        Raises:
            BadInput: something in the files or settings cannot be used.
        """
        raise NotImplementedError

    def example_columns(self, indices: Tensor) -> dict[str, list]:
        """Columns that name these examples: `id` (`file:line`, a path, a time stamp) and what is worth showing."""
        raise NotImplementedError

    def setup(self, stage: str | None = None) -> None:
        if not self._loaded:
            self.load()
            self._loaded = True
            for line in self.report["lines"]:
                log.info(line)

    def lengths_of(self, indices: Tensor) -> Tensor:
        """(N,) steps of each of these examples; all alike unless a data set says otherwise."""
        return torch.ones_like(indices)

    def split_sizes(self) -> dict[str, int]:
        """Examples of each split."""
        return {split: len(positions) for split, positions in self.indices.items()}

    # ------------------------------------------------------------------ loaders

    def training_sampler(self) -> BatchSampler:
        """The order of the training split; a data set with classes or widths may have a better one."""
        return RandomBatchSampler(self.indices["train"], self.batch_size, self.seed, self.drop_last)

    def length_grouped_sampler(self) -> BatchSampler:
        """Training examples of like length share a batch: little padding."""
        return LengthGroupedBatchSampler(
            self.indices["train"], self.lengths_of, self.batch_size, self.seed, self.drop_last
        )

    def training_transform(self) -> Callable[[Any], Any] | None:
        """A function applied to every training batch once it is gathered, such as augmentation, or None."""
        return None

    def train_dataloader(self) -> IndexLoader:
        sampler = self.training_sampler()
        if self.trainer is not None and self.trainer.overfit_batches > 0:
            sampler = RepeatedBatchSampler(sampler)
        return self._loader(sampler, self.training_transform())

    def val_dataloader(self) -> IndexLoader:
        return self.split_dataloader("val")

    def test_dataloader(self) -> IndexLoader:
        return self.split_dataloader(self.evaluated_split)

    def predict_dataloader(self) -> IndexLoader:
        """The test split in the order of its files."""
        indices = self.split_indices(self.evaluated_split)
        return self._loader(SequentialBatchSampler(indices, self.evaluation_batch_size))

    def split_dataloader(self, split: str) -> IndexLoader:
        """One pass over a split, in `evaluation_order`."""
        indices = self.split_indices(split)[self.evaluation_order(split)]
        return self._loader(SequentialBatchSampler(indices, self.evaluation_batch_size))

    def split_indices(self, split: str) -> Tensor:
        """Positions of the examples of "train", "val", "test" or "all"."""
        return torch.cat([self.indices[s] for s in SPLITS]) if split == "all" else self.indices[split]

    def evaluation_order(self, split: str) -> Tensor:
        """(N,) which of a split's N examples is evaluated first, second, ...: like lengths together, to pad little.

        The longest come first; a batch that memory does not suffice for is so known at once.
        """
        return self.lengths_of(self.split_indices(split)).argsort(descending=True, stable=True)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        if isinstance(batch, IndexBatch):
            return batch.to(device)
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def _loader(self, sampler: BatchSampler, transform: Callable[[Any], Any] | None = None) -> IndexLoader:
        rank, world_size, is_distributed = 0, 1, False
        if self.trainer:
            rank, world_size = self.trainer.global_rank, self.trainer.world_size
            is_distributed = isinstance(self.trainer.strategy, ParallelStrategy)
        examples = Examples(self.source, self._copies, rank, world_size, transform)
        return index_loader(examples, sampler, is_distributed)
