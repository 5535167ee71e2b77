"""Watching for numbers that are none: the step they came in, the examples of it, and where in the network they rise.

Nothing here waits for the device inside a step: losses and gradient norms are kept on it as they are, and looked
through where a sum of them, read anyway at a point of the curve, is not finite.
"""

from __future__ import annotations

import functools
import json
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from datamodules.batching.loader import IndexBatch
from datamodules.errors import BadInput
from lightning_modules.training.fsdp import all_finite

MOST_KEPT = 1024  # batches between two looks
MOST_NAMED = 4  # examples, modules and losses in the sentence; the file has all
FILE = "non_finite.json"  # in the run's folder

log = logging.getLogger(__name__)
ADVICE = (
    "the checkpoints are of steps before it; a smaller optimizer.lr or trainer.gradient_clip_val may help, and"
    " non_finite=skip leaves such steps out"
)


class NonFinite(BadInput):
    """A loss, a gradient or a weight is infinite or not a number."""


@dataclass
class _Batch:
    step: int  # optimiser steps before this batch
    origin: IndexBatch | None  # its examples, where they are known
    loss: Tensor  # scalar, on the device
    gradient_norm: Tensor | None = None  # of the step that this batch completed


class NonFiniteMonitor:
    """Record losses and gradient norms of the batches since the last check, and the weights of that time."""

    def __init__(self) -> None:
        self.step = 0  # of the last look
        self._steps = 0  # since training began
        self._batches: list[_Batch] = []
        self._earlier: list[Tensor] = []  # the last losses before those, finite
        self._weights: dict[str, Tensor] = {}

    def reset(self, module: nn.Module, step: int) -> None:
        """All was finite up to this step."""
        self.step = self._steps = step
        self._earlier = [batch.loss for batch in self._batches[-MOST_NAMED:]] or self._earlier
        self._batches.clear()
        for name, value in module.state_dict().items():
            if not isinstance(value, Tensor):
                continue
            if name in self._weights:
                self._weights[name].copy_(value, non_blocking=True)
            else:
                self._weights[name] = value.detach().clone()

    def add_batch(self, origin: IndexBatch | None, loss: Tensor) -> None:
        self._batches.append(_Batch(self._steps, origin, loss))

    def add_gradient(self, norm: Tensor) -> None:
        """The gradient's norm of the step that the latest batch completed."""
        if self._batches:  # none where a subclass computes its losses in a way of its own
            self._batches[-1].gradient_norm = norm
        self._steps += 1

    @property
    def latest(self) -> _Batch:
        """The latest batch, with the gradient of the step that it completed."""
        return self._batches[-1]

    @property
    def is_due(self) -> bool:
        return len(self._batches) >= MOST_KEPT

    def explain(self, module: Any, with_gradients: bool = True) -> NonFinite:
        """The first non-finite step, as an error message; the full report is written to `FILE`.

        The module has the weights of the last look afterwards.
        """
        trainer = module.trainer
        losses = [batch.loss.float().item() for batch in self._batches]
        norms = [0.0 if batch.gradient_norm is None else batch.gradient_norm.float().item() for batch in self._batches]
        if not with_gradients:
            norms = [0.0] * len(norms)
        is_finite = [math.isfinite(loss) and math.isfinite(norm) for loss, norm in zip(losses, norms)]
        if all(is_finite):
            return NonFinite(f"step {self.step + 1:,} or later: a gradient is not finite; {ADVICE}")
        at = is_finite.index(False)
        first_bad = self._batches[at]
        losses_before = [loss.float().item() for loss in self._earlier] + losses[:at]
        ids = examples_of(trainer, first_bad.origin)
        largest = self._replay(module, first_bad.origin)
        what = f"the gradient's norm is {norms[at]}" if math.isfinite(losses[at]) else f"the loss is {losses[at]}"
        path = Path(trainer.default_root_dir) / FILE
        report = {
            "step": first_bad.step + 1,
            "epoch": trainer.current_epoch + 1,
            "what": what,
            "examples": ids,
            "losses_before": losses_before,
            "gradient_norms_before": [
                n for n, batch in zip(norms[:at], self._batches) if batch.gradient_norm is not None
            ],
            "largest_activations": dict(largest),
            "weights_of_step": self.step,
        }
        path.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        before = (
            f" (before it {', '.join(f'{loss:.3g}' for loss in losses_before[-MOST_NAMED:])})" if losses_before else ""
        )
        shown = ", ".join(f"{name} {value:.3g}" for name, value in largest[:MOST_NAMED])
        return NonFinite(
            f"step {first_bad.step + 1:,}, epoch {report['epoch']}: {what}{before}; its examples: {shortened(ids)};"
            f" their largest activations, with the weights of step {self.step:,}: {shown} (all in {path}); {ADVICE}"
        )

    def _replay(self, module: Any, origin: IndexBatch | None) -> list[tuple[str, float]]:
        """The largest absolute output of every layer for a batch, those that are not finite first."""
        module.load_state_dict(self._weights, strict=False)
        if origin is None:
            return []
        largest: dict[str, Tensor] = {}
        hooks = [
            layer.register_forward_hook(functools.partial(_keep_largest, largest, name))
            for name, layer in module.named_modules()
            if name
        ]
        with torch.no_grad():
            module.loss(origin.to(module.device))
        for hook in hooks:
            hook.remove()
        values = [(name, value.item()) for name, value in largest.items()]
        return sorted(values, key=lambda pair: -pair[1] if math.isfinite(pair[1]) else -math.inf)


def examples_of(trainer: Any, origin: IndexBatch | None) -> list[str]:
    """The ids of a batch's examples; their positions where no data module names them."""
    if origin is None:
        return []
    if trainer.datamodule is None:
        return [str(position) for position in origin.indices.tolist()]
    return [str(id_) for id_ in trainer.datamodule.example_columns(origin.indices)["id"]]


def shortened(ids: list[str]) -> str:
    """The first few ids."""
    return ", ".join(ids[:MOST_NAMED]) + (f" and {len(ids) - MOST_NAMED:,} more" if len(ids) > MOST_NAMED else "")


class StepSkipper:
    """Leaves out steps that are not finite, as if their batches had not been there; asks the device at each of them."""

    def __init__(self, module: nn.Module) -> None:
        self.num_skipped = 0
        self._buffers = [buffer for buffer in module.buffers() if buffer.is_floating_point()]  # as of batch norm
        self._before: list[Tensor] = []

    def remember(self) -> None:
        """Before the first batch of a step: what a pass through the network changes by itself."""
        self._before = [buffer.clone() for buffer in self._buffers]

    def should_skip(self, monitor: NonFiniteMonitor, trainer: Any) -> bool:
        """Whether the monitor's latest step is to be left out; says so the first few times."""
        latest = monitor.latest
        norm, loss = latest.gradient_norm, latest.loss
        assert norm is not None
        if torch.isfinite(norm + loss).item():
            return False
        for buffer, before in zip(self._buffers, self._before):
            buffer.copy_(before)
        self.num_skipped += 1
        if self.num_skipped <= MOST_NAMED:
            ids = shortened(examples_of(trainer, latest.origin)) or "examples that are not known by name"
            log.warning("step %d: left out, loss %g, gradient %g: %s", latest.step + 1, loss, norm, ids)
        return True


def check_weights(module: nn.Module, step: int) -> None:
    """Raises: NonFinite: a weight of the module is not finite, so it is not worth a checkpoint."""
    parameters = dict(module.named_parameters())
    if not parameters or all_finite(parameters.values()):
        return
    name = next(name for name, value in parameters.items() if not all_finite([value]))
    raise NonFinite(f"step {step:,}: the weights {name} are not finite, so they are not kept; {ADVICE}")


def _keep_largest(largest: dict[str, Tensor], name: str, layer: nn.Module, inputs: Any, output: Any) -> None:
    """A forward hook: the largest absolute number that a layer gave out; NaN where it gave out one."""
    sizes = [part.detach().abs().max().float() for part in _tensors(output)]
    if sizes:
        largest[name] = torch.stack([*sizes, largest.get(name, sizes[0])]).max()  # used more than once, perhaps


def _tensors(output: Any) -> Iterator[Tensor]:
    """The tensors of numbers in what a layer gave out."""
    if isinstance(output, Tensor):
        if output.numel() and output.is_floating_point():
            yield output
    elif isinstance(output, (tuple, list)):
        for item in output:
            yield from _tensors(item)
    elif is_dataclass(output):
        for field in fields(output):
            yield from _tensors(getattr(output, field.name))
