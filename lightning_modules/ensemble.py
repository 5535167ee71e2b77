"""Several architectures as one.

python scripts/train.py datamodule=names module=ensemble                  # GRU and n-gram bag, averaged
python scripts/train.py datamodule=names module=ensemble module.combine=join
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lightning_modules.base import SequenceModule
from lightning_modules.layers.encoding import Encoding
from lightning_modules.tasks.base import Task
from lightning_modules.training.instantiate import build


class Ensemble(SequenceModule):
    """Members that are averaged, or whose encodings are joined.

    `average`: each member has its own output and learns from its own loss, as if alone (the training loss is their
    sum); the output is the mean of theirs (of log-probabilities for classes).  `join`: the members'
    summaries, one after the other, go into one output layer.

    Args:
        task: what it is trained for; every member has a copy.
        members: name -> the settings of a module (`_target_` and its arguments), or None for one that is left out.
        combine: `average` or `join`.
        lr_scales: name -> what the learning rate of that member is multiplied with.
    """

    input_kind = "batch"

    def __init__(
        self,
        task: Task,
        members: dict[str, Any],
        combine: Literal["average", "join"] = "average",
        lr_scales: dict[str, float] | None = None,
    ) -> None:
        members = {name: settings for name, settings in members.items() if settings is not None}
        tasks = {name: copy.deepcopy(task) for name in members}
        networks = {name: build(settings, task=tasks[name]) for name, settings in members.items()}
        super().__init__(task, encoding_size=sum(member.encoding_size for member in networks.values()))
        self.members = nn.ModuleDict(networks)  # of SequenceModules
        self.combine = combine
        self.lr_scales = lr_scales or {}
        for unused in tasks.values() if combine == "join" else [task]:
            unused.remove_head()

    def forward_once(self, batch: Any) -> Any:
        if self.combine == "join":
            joined = torch.cat(
                [member.task.pool(member.encode_batch(batch)) for member in self.members.values()], dim=1
            )
            return self.task.head(Encoding(joined.unsqueeze(1), None, joined), batch)
        return self.task.average([member(batch) for member in self.members.values()])

    def loss(self, batch: Any) -> Tensor:
        if self.combine == "join":
            return super().loss(batch)
        return torch.stack([member.loss(batch) for member in self.members.values()]).sum()

    def parameter_groups(self) -> list[dict[str, Any]]:
        groups = [
            {"params": list(member.parameters()), "lr_scale": self.lr_scales.get(name, 1.0)}
            for name, member in self.members.items()
        ]
        task_parameters = list(self.task.parameters())
        return groups + ([{"params": task_parameters}] if task_parameters else [])

    def clip_groups(self) -> Iterator[list[nn.Parameter]]:
        for group in self.parameter_groups():
            yield group["params"]
