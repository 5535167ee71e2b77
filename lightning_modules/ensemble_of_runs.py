"""The average of finished runs: nothing is trained.

python scripts/train.py module=ensemble_of_runs module.runs=[RUN,RUN]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from datamodules import specs
from datamodules.base import SequenceDataModule
from datamodules.errors import BadInput, option_name
from lightning_modules.baselines.base import Baseline
from lightning_modules.tasks.base import Task
from lightning_modules.training import checkpoint_io
from lightning_modules.training.instantiate import build


class EnsembleOfRuns(Baseline):
    """The mean of the outputs of finished runs (of log-probabilities for classes).

    The runs were trained on one split of one data set: else a member would be evaluated on its training examples.

    Args:
        task: what all of them were trained for.
        runs: their folders.
        members: settings of each run, `module` and `task`; the program takes them from the folders.
    """

    input_kind = "batch"

    def __init__(self, task: Task, runs: list[str], members: list[dict[str, Any]] | None = None) -> None:
        super().__init__(task)
        self.runs = runs
        spec = task.spec
        networks = (build(m["module"], task=build(m["task"], spec=spec)) for m in members or [])
        self.members = nn.ModuleList(networks)

    def fit(self, datamodule: SequenceDataModule) -> None:
        """Take each run's best weights.

        Raises:
            BadInput: a run was trained on other data, or for something else.
        """
        spec = specs.to_dict(self.task.spec)
        for run, member in zip(self.runs, self.members):
            state = checkpoint_io.load(Path(run) / "checkpoints" / "best.ckpt")
            stored = specs.from_dict(state["spec"], (type(self.task.spec),))  # an earlier version may have said less
            if specs.to_dict(stored) != spec:
                raise BadInput(f"module.runs={run}: it was trained on other data, or on another split of it")
            if type(member.task) is not type(self.task):
                asked = option_name(type(member.task))
                raise BadInput(f"module.runs={run}: it was trained for task={asked}")
            member.load_state_dict(state["state_dict"])

    def forward(self, batch: Any) -> Any:
        return self.task.average([member(batch) for member in self.members])
