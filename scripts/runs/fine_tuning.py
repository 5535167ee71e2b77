"""Starting from the weights of a finished run, also where the characters are others."""

from __future__ import annotations

import logging
from typing import Any, Literal

import torch
from torch import Tensor, nn

from datamodules.base import SequenceDataModule
from datamodules.errors import BadInput
from lightning_modules.base import SequenceModule
from lightning_modules.training import checkpoint_io
from scripts.runs.folder import RunFolder
from scripts.runs.loading import stored_spec

log = logging.getLogger(__name__)

Freeze = Literal["none", "all_but_head", "new_rows"]


class Start:
    """The run to start from: its weights, and what it knew of its data."""

    def __init__(self, run: RunFolder) -> None:
        state = checkpoint_io.load(run.checkpoints / "best.ckpt")
        self.run = run
        self.weights: dict[str, Tensor] = {  # float32 of a checkpoint that stores float16, as the starter does
            name: weight.float() if isinstance(weight, Tensor) and weight.dtype == torch.float16 else weight
            for name, weight in state["state_dict"].items()
        }
        self.spec = stored_spec(state["config"], state["spec"], str(run.path))

    @classmethod
    def of(cls, config: dict[str, Any]) -> Start | None:
        """The start of `init_from`; None where it names no run."""
        if config["init_from"]:
            return cls(RunFolder.existing(config["init_from"]))
        if config.get("freeze", "none") != "none":
            raise BadInput(f"freeze={config['freeze']}: of weights that init_from=RUN brings; there is no init_from")
        return None

    def introduce(self, datamodule: SequenceDataModule) -> None:
        """Give a data module the spec of the run, before it reads anything."""
        if hasattr(datamodule, "starting_from"):
            datamodule.starting_from = self.spec

    def give(self, module: SequenceModule, freeze: Freeze = "none") -> None:
        """Hand the weights over; a known character's row goes where that character stands now.

        Args:
            module: of the same shape, but for the rows of its output layer.
            freeze: `all_but_head` trains the output layer alone, `new_rows` only its rows of new characters.

        Raises:
            BadInput: a weight does not fit.
        """
        rows = self._rows(module)
        state = module.state_dict()
        carried = {}
        for name in sorted(state.keys() | self.weights.keys()):
            there, here = self.weights.get(name), state.get(name)
            if rows is not None and name in self._head_names(module):
                assert there is not None and here is not None
                if there.shape[1:] == here.shape[1:]:
                    new, old = rows
                    carried[name] = here.index_copy(0, new, there.index_select(0, old))
                    continue
            if not isinstance(here, Tensor) and type(there) is type(here):
                carried[name] = there
                continue
            if there is None or here is None or there.shape != here.shape:
                shapes = [str(tuple(w.shape)) if w is not None else "none" for w in (there, here)]
                raise BadInput(
                    f"init_from={self.run.path}: its weights do not fit: {name} is {shapes[0]} there, {shapes[1]} here"
                )
            carried[name] = there
        module.load_state_dict(carried)
        if freeze != "none":
            head = module.task.head_layer()
            if head is None:
                raise BadInput(f"freeze={freeze}: this task has no single output layer to train; freeze=none")
            freeze_all_but(module, head)
            if freeze == "new_rows":
                if rows is None or len(rows[0]) == head.out_features:
                    raise BadInput("freeze=new_rows: the data brings no new character; freeze=all_but_head is accepted")
                keep_rows(module, head, rows[0])

    def _rows(self, module: SequenceModule) -> tuple[Tensor, Tensor] | None:
        """Rows of the output layer here and there that are the same symbol's; None where rows are no symbols."""
        codec_of_run, codec = (getattr(d, "codec", None) for d in (self.spec, module.task.spec))
        if module.task.head_layer() is None or codec_of_run is None or codec is None:
            return None
        there = {
            symbol: i for i, symbol in enumerate((*codec_of_run.vocabulary.reserved, *codec_of_run.vocabulary.symbols))
        }
        pairs = [
            (i, there[symbol])
            for i, symbol in enumerate((*codec.vocabulary.reserved, *codec.vocabulary.symbols))
            if symbol in there
        ]
        here, before = zip(*pairs)
        return torch.tensor(here), torch.tensor(before)

    @staticmethod
    def _head_names(module: SequenceModule) -> set[str]:
        head = module.task.head_layer()
        of_head = {id(p) for p in head.parameters()} if head is not None else set()
        return {name for name, p in module.named_parameters() if id(p) in of_head}


def freeze_all_but(module: nn.Module, head: nn.Module) -> None:
    """Let only `head` learn; statistics of batch norm stay as they are, too."""
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    for parameter in head.parameters():
        parameter.requires_grad_(True)
    for norm in module.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            norm.train = lambda mode=True, norm=norm: norm  # type: ignore[method-assign, assignment, misc]
            norm.training = False


def keep_rows(module: SequenceModule, head: nn.Linear, rows: Tensor) -> None:
    """Let these rows of `head` learn nothing: no gradient, and bit for bit brought back after a step's weight decay."""
    for parameter in head.parameters():
        parameter.register_hook(lambda gradient: gradient.index_fill(0, rows.to(gradient.device), 0.0))
    kept = {name: parameter.detach()[rows].clone() for name, parameter in head.named_parameters()}

    def restore(*args: Any) -> None:
        with torch.no_grad():
            for name, parameter in head.named_parameters():
                at = rows.to(parameter.device)
                parameter.index_copy_(0, at, kept[name].to(parameter.device))

    module.optimization.after_step.append(restore)
