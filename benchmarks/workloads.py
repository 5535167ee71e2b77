"""What is timed: each kind of network on the data it is for, all of which needs no download."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Workload:
    """The overrides of a run, how many of its steps are timed at a time, and the metric that it ends with."""

    overrides: tuple[str, ...]
    steps: int
    gpu_steps: int  # on a GPU
    metric: str
    trained: tuple[str, ...] = ("trainer.max_epochs=10",)  # what a run needs to be worth evaluating

    def steps_here(self) -> int:
        """Those of this machine."""
        return self.gpu_steps if torch.cuda.is_available() else self.steps


NAMES = ("datamodule=names", "datamodule.batch_size=256")
GRU = ("module=gru", "module.bidirectional=false")
ENERGY = (
    "datamodule=energy", "datamodule.batch_size=1024", "datamodule.lookback=90", "datamodule.horizon=1",
    "datamodule.stride=4", "module.hidden_size=256", "module.num_layers=2",
)  # fmt: skip
PLAIN_LINES = "datamodule.augmentation=null"  # other ways to train do not augment
LINES = ("datamodule=text_lines", "datamodule.rendered_lines=128", "datamodule.batch_size=16")

WORKLOADS = {
    "names_bag": Workload(
        (*NAMES, "module=bag", "module.max_n=1", "module.hidden_size=128", "module.dropout=0"),
        600, 300, "test/accuracy",
    ),
    "names_gru_64": Workload((*NAMES, *GRU, "module.hidden_size=64"), 150, 200, "test/accuracy"),
    "names_gru_256": Workload((*NAMES, *GRU, "module.hidden_size=256"), 40, 200, "test/accuracy"),
    "names_transformer_256": Workload(
        (*NAMES, "module=transformer", "module.hidden_size=256", "module.num_layers=4"), 16, 80, "test/accuracy"
    ),
    "energy_gru": Workload((*ENERGY, "module=gru"), 6, 60, "test/smape"),
    "energy_lstm": Workload((*ENERGY, "module=lstm"), 6, 60, "test/smape"),
    "lines_crnn": Workload(
        (*LINES, "module=crnn", "module.size=base", PLAIN_LINES),
        8, 160, "test/cer", ("datamodule.rendered_lines=2000", "trainer.max_epochs=20"),
    ),
}  # fmt: skip

#: So that every timed step is alike and nothing ends too soon.
TIMED = (
    "datamodule.drop_last=true",
    "datamodule.val_fraction=0.0",
    "scheduler=constant",
    "optimizer=adam",
    "trainer.max_epochs=null",
)
