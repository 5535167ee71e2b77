"""What every data module shares: parts, loaders of index blocks, and the tensors they are gathered from."""

from __future__ import annotations

import logging
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt
from pytorch_lightning import LightningDataModule
from torch import Tensor

from datamodules.batching.loader import Block, BlockLoader, Source
from datamodules.batching.samplers import LengthGroupedBatchSampler, RandomBatchSampler, Sampler, SequentialBatchSampler
from datamodules.batching.splits import SPLITS

log = logging.getLogger(__name__)


class SequenceDataModule(LightningDataModule):
    """Reads a data set once and hands out its parts as blocks of index batches.

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
    indices: dict[str, Tensor]  # part -> (N,) int64 positions of its examples in the source
    report: dict[str, Any]  # what was read, cleaned and left out, for people
    fingerprint: str  # sha256 of everything that went in: two runs with the same one saw the same data

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
        self._resident: tuple[torch.device, Source] | None = None

    def load(self) -> None:
        """Read the files and fill in `spec`, `source`, `indices`, `report` and `fingerprint`.

        The `lines` of the report are what a person is told once all is read.

        Vocabulary, scalers and the like come from the training part, or from `pretrained_spec` where it is given.

        Raises:
            BadInput: something in the files or settings cannot be used.
        """
        raise NotImplementedError

    def example_columns(self, indices: Tensor) -> dict[str, list]:
        """Columns that name these examples: `id` (`file:line`, a path, a time stamp) and what a person wants to see."""
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
        """Examples of each part."""
        return {part: len(positions) for part, positions in self.indices.items()}

    # ------------------------------------------------------------------ loaders

    def training_sampler(self) -> Sampler:
        """The order of the training part; a data set with classes or widths may have a better one."""
        return RandomBatchSampler(self.indices["train"], self.batch_size, self.seed, self.drop_last)

    def length_grouped_sampler(self) -> Sampler:
        """Training examples of like length share a batch: little padding."""
        return LengthGroupedBatchSampler(
            self.indices["train"], self.lengths_of, self.batch_size, self.seed, self.drop_last
        )

    def train_dataloader(self) -> BlockLoader:
        rank, world_size = self._rank()
        return BlockLoader(
            self.source,
            self.training_sampler(),
            rank,
            world_size,
            self._training_position,
            self._training_batches_left,
            agree=self._agreed if world_size > 1 else lambda size: size,
        )

    def val_dataloader(self) -> BlockLoader:
        return self.split_dataloader("val")

    def test_dataloader(self) -> BlockLoader:
        return self.split_dataloader(self.evaluated_split)

    def split_dataloader(self, part: str) -> BlockLoader:
        """One pass over a part, one batch a block."""
        indices = self.split_indices(part)[self.evaluation_order(part)]
        return BlockLoader(self.source, SequentialBatchSampler(indices, self.evaluation_batch_size), *self._rank())

    def split_indices(self, part: str) -> Tensor:
        """Positions of the examples of "train", "val", "test" or "all"."""
        return torch.cat([self.indices[p] for p in SPLITS]) if part == "all" else self.indices[part]

    def evaluation_order(self, part: str) -> Tensor:
        """(N,) which of a part's N examples is judged first, second, ...: like lengths together, to pad little.

        The longest come first; a batch that memory does not suffice for is so known at once.
        """
        return self.lengths_of(self.split_indices(part)).argsort(descending=True, stable=True)

    def transfer_batch_to_device(self, block: Block, device: torch.device, dataloader_idx: int) -> Block:
        if self._resident is None or self._resident[0] != device:
            self._resident = (device, self.source if device.type == "cpu" else self.source.to(device))
        return block.to(self._resident[1], device)

    # ------------------------------------------------------------------ where training stands

    def _rank(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _agreed(self, size: int) -> int:
        """The first rank's size of a block, whose time differs from that of the others."""
        return self.trainer.strategy.broadcast(size)

    def _training_position(self) -> tuple[int, int]:
        """Epoch, and how many of its batches were trained on (more than 0 after a resume inside an epoch)."""
        if self.trainer is None:
            return 0, 0
        return self.trainer.current_epoch, self.trainer.fit_loop.epoch_loop.batch_progress.current.ready

    def _training_batches_left(self, batch: int) -> int:
        """Batches from this one to the next at which the Trainer has something else to do."""
        trainer = self.trainer
        if trainer is None:
            return 1
        points = trainer.log_every_n_steps
        ends = [trainer.num_training_batches, batch + points - trainer.global_step % points]
        if trainer.val_check_batch is not None and trainer.val_check_batch != float("inf"):
            done = batch if trainer.check_val_every_n_epoch is not None else trainer.fit_loop.total_batch_idx + 1
            ends.append(batch + trainer.val_check_batch - done % trainer.val_check_batch)
        if trainer.max_steps >= 0:
            ends.append(batch + (trainer.max_steps - trainer.global_step))
        return int(min(ends)) - batch
