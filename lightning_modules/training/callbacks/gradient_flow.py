"""How far back in time a network learns: the gradient that reaches each step of a sequence.

python scripts/train.py callbacks=gradient_flow callbacks.gradient_flow.every_n_steps=200
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import torch
from annotated_types import Gt
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from datamodules.errors import BadInput, option_name
from lightning_modules.layers.encoding import valid_steps
from lightning_modules.layers.recurrent import reversed_steps

FIGURE = "train/gradient_flow"
CURVES = 8  # of one picture


class GradientFlow(Callback):
    """Figure of |dL/dx_t|, the norm of the gradient of an example's loss in the features of its step t.

    The literature on vanishing and exploding gradients draws dL/dh_t.  States inside a fused kernel cannot be
    reached, and dL/dh_t of what a layer returns is only what is read off it directly.  The features that a step is
    given are in reach in every architecture, and their gradient has come the same way: dL/dx_t = W^T (dL/da_t), where
    a_t is what the cell is given at step t and dL/da_t holds the whole chain of later steps, gates included.

    Steps are counted back from each sequence's last one and averaged over the same few training examples each time.
    Dropout is as in training; the network and its random numbers are left as they were.

    Args:
        every_n_steps: optimiser steps between two curves; the first one is of the untrained network.
        num_examples: of the training part, evenly spread.
    """

    needs_every_batch = False  # of fast_loop

    def __init__(self, every_n_steps: Annotated[int, Gt(0)] = 500, num_examples: Annotated[int, Gt(0)] = 64) -> None:
        self.every_n_steps = every_n_steps
        self.num_examples = num_examples
        self.curves: dict[int, Tensor] = {}  # optimiser steps -> (T,) mean norm, that of the last step first

    def state_dict(self) -> dict[str, Any]:
        return {"curves": self.curves}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.curves = dict(state_dict["curves"])

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and pl_module.input_kind != "steps":
            name = option_name(type(pl_module))
            raise BadInput(f"callbacks=gradient_flow: module={name} has no steps; one that reads steps is accepted")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.curves:
            self._draw(trainer, pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        if trainer.global_step - max(self.curves, default=0) >= self.every_n_steps:
            self._draw(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step not in self.curves:
            self._draw(trainer, pl_module)

    def figures(self) -> dict[str, Any]:
        """Figures for the run folder."""
        return {FIGURE: self._figure()} if self.curves else {}

    def _figure(self) -> Any:
        from lightning_modules.training.callbacks.gradient_figures import gradient_figure

        chosen = sorted(self.curves)
        if len(chosen) > CURVES:
            chosen = [chosen[round(i * (len(chosen) - 1) / (CURVES - 1))] for i in range(CURVES)]
        return gradient_figure({step: self.curves[step].numpy() for step in chosen})

    def _draw(self, trainer: Trainer, module: Any) -> None:
        if not trainer.is_global_zero:
            return
        curve = step_gradients(module, self._batch(trainer, module.device)).cpu()
        self.curves[trainer.global_step] = curve
        module.log_values({"gradient_flow/first_to_last": float(curve[-1] / curve[0].clamp(min=1e-30))})
        module.log_figures({FIGURE: self._figure})

    def _batch(self, trainer: Trainer, device: torch.device) -> Any:
        datamodule: Any = trainer.datamodule
        rows = datamodule.indices["train"]
        rows = rows[torch.linspace(0, len(rows) - 1, min(self.num_examples, len(rows))).long()]
        return datamodule.train_dataloader().dataset[rows].to(device)


def step_gradients(module: Any, batch: Any) -> Tensor:
    """(T,) mean norm of the gradient at each step of its sequences, counted back from their last one."""
    devices = [module.device] if module.device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices),
        torch.enable_grad(),
        _frozen_batch_norms(module),
        _record_inputs(module) as inputs,
    ):
        loss = module.loss(batch)
        if not inputs:
            name = option_name(type(module))
            raise BadInput(f"callbacks=gradient_flow: module={name} does not encode steps by `encode(x, lengths)`")
        x, lengths = inputs[0]  # (B, T, D), (B,)
        (gradient,) = torch.autograd.grad(loss, x)
    norms = len(x) * gradient.float().norm(dim=2)  # the loss is a mean over examples
    back = norms.gather(1, reversed_steps(lengths, norms))  # (B, T) the last step first
    valid = valid_steps(lengths, back)
    if valid is None:
        return back.mean(dim=0)
    return (back * valid).sum(dim=0) / valid.sum(dim=0).clamp(min=1)


@contextmanager
def _record_inputs(module: Any) -> Iterator[list[tuple[Tensor, Tensor | None]]]:
    """Record the inputs of `encode` meanwhile, as leaf tensors with gradients."""
    inputs = []
    encode = module.encode

    def watched(x: Tensor, lengths: Tensor | None) -> Any:
        inputs.append((x.detach().requires_grad_(), lengths))
        return encode(*inputs[-1])

    module.encode = watched  # type: ignore[method-assign]
    try:
        yield inputs
    finally:
        del module.encode


@contextmanager
def _frozen_batch_norms(module: nn.Module) -> Iterator[None]:
    """Put batch norms in evaluation mode meanwhile, so that their running statistics stay."""
    counting = [
        layer for layer in module.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.training
    ]
    for layer in counting:
        layer.eval()
    try:
        yield
    finally:
        for layer in counting:
            layer.train()
