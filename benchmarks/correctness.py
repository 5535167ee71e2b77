"""What a GPU computes, beside what the CPU does: every architecture with every task; a resumed run; several GPUs.

`python benchmarks/gpu.py --part correctness` runs it.
"""

from __future__ import annotations

import copy
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.training import checkpoint_io
from lightning_modules.training.precision import allow_tf32
from scripts.config.composing import compose
from scripts.runs.folder import RunFolder
from scripts.runs.training import build_module, train
from tests.pairs import PAIRS, answers, datamodule_for, small_settings

OUTPUT_TARGET = 1e-4  # largest difference of an output, as a share of the largest output
GRADIENT_TARGET = 1e-3  # likewise of a gradient, of the largest one of its network
RANKS_TARGET = 1e-5  # largest difference of a weight
#: Attributes by which layers drop at random, which two devices do differently.
DROPPING = ("p", "dropout", "recurrent_dropout", "probability")

Check = Callable[[], dict[str, Any]]


def checks(limit: int | None = None, names: str | None = None) -> Iterator[tuple[str, Check]]:
    """Names of the checks, and what runs each.

    Args:
        limit: of pairs of architecture and task.
        names: a folder of names in place of the bundled ones.
    """
    for module, workload in PAIRS[:limit]:
        yield f"{module}, {workload}", partial(compare_devices, module, workload, names)
    yield "resumed run", partial(resumed_run, names)
    yield "resumed run, deterministic", partial(resumed_run, names, "trainer.deterministic=true")
    yield "several GPUs", partial(several_gpus, names)


@cache
def _data(workload: str, names: str | None) -> Any:
    module = next(module for module, of in PAIRS if of == workload)
    return datamodule_for(small_settings(module, workload, names))


def compare_devices(module: str, workload: str, names: str | None = None) -> dict[str, Any]:
    """Output and gradients of one batch on the GPU beside the CPU's, in float32, nothing dropped."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    allow_tf32(False)
    names = names if workload.startswith("names") else None
    settings, datamodule = small_settings(module, workload, names), _data(workload, names)
    torch.manual_seed(0)
    on_cpu = build_module(settings, datamodule).train()
    for layer in on_cpu.modules():
        for name in DROPPING:
            if isinstance(vars(layer).get(name), float):
                setattr(layer, name, 0.0)
    on_device = copy.deepcopy(on_cpu).to(device)
    batch = next(iter(datamodule.train_dataloader())).to(device)  # a GPU's is padded to widths that have kernels
    (expected, wanted), (got, found) = (_computed(net, _moved(batch, net.device)) for net in (on_cpu, on_device))
    scale = max(value.abs().max().item() for value in expected)
    output = max((a - b).abs().max().item() for a, b in zip(expected, got)) / max(scale, 1e-9)
    largest = max(value.abs().max().item() for value in wanted)
    gradient = max((a - b).abs().max().item() for a, b in zip(wanted, found)) / max(largest, 1e-9)
    return {
        "difference": output,
        "gradient_difference": gradient,
        "target": OUTPUT_TARGET,
        "met": output <= OUTPUT_TARGET and gradient <= GRADIENT_TARGET,
    }


def _moved(batch: Any, device: torch.device) -> Any:
    """A gathered batch on another device, with what it looks up when it is asked."""
    moved: dict[str, Any] = {
        field.name: value.to(device)
        for field in dataclasses.fields(batch)
        if isinstance(value := getattr(batch, field.name), Tensor) and not field.name.startswith("host_")
    }
    if (joined := getattr(batch, "joined", None)) is not None:
        moved["joined"] = lambda: joined().to(device)
    return dataclasses.replace(batch, **moved)


def _computed(module: Any, batch: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs and gradients of a batch, on the CPU."""
    output = module(batch)
    module.loss(batch).backward()
    gradients = [p.grad.cpu() for p in module.parameters() if p.grad is not None]
    return [value.detach().cpu() for value in answers(output)], gradients


def resumed_run(names: str | None = None, *overrides: str) -> dict[str, Any]:
    """The weights of a run that was stopped and resumed beside those of one that was not."""
    with tempfile.TemporaryDirectory() as folder:
        whole, halves = RunFolder(Path(folder) / "whole"), RunFolder(Path(folder) / "halves")
        train(_settings(names, *overrides, "trainer.max_epochs=2"), whole, [])
        train(_settings(names, *overrides, "trainer.max_epochs=1"), halves, [])
        train(_settings(names, *overrides, "trainer.max_epochs=2"), halves, [], resume=True)
        difference = (_weights(whole) - _weights(halves)).abs().max().item()
    return {"difference": difference, "target": 0.0, "met": difference == 0.0}


def several_gpus(names: str | None = None) -> dict[str, Any]:
    """The weights of a run on two GPUs beside those of a run on one."""
    if torch.cuda.device_count() < 2:
        return {"note": f"not measured: {torch.cuda.device_count()} GPUs here"}
    with tempfile.TemporaryDirectory() as folder:
        one, two = RunFolder(Path(folder) / "one"), RunFolder(Path(folder) / "two")
        words = ("task.token_dropout=0", "trainer.max_epochs=1")
        train(_settings(names, *words), one, [])
        train(_settings(names, *words, "trainer=ddp", "trainer.devices=2"), two, [])
        difference = (_weights(one) - _weights(two)).abs().max().item()
    return {"difference": difference, "target": RANKS_TARGET, "met": difference <= RANKS_TARGET}


def _settings(names: str | None, *overrides: str) -> dict[str, Any]:
    data = [f"datamodule.data_dir={names}"] if names else []
    small = ("module.hidden_size=32", "scheduler=constant", "logger=none", "evaluate=[]", "callbacks.progress=null")
    limits = ("trainer.limit_train_batches=10", "trainer.limit_val_batches=2")
    return compose("datamodule=names", "module=gru", *data, *small, *limits, *overrides)


def _weights(folder: RunFolder) -> Tensor:
    state = checkpoint_io.load(folder.path / "checkpoints" / "last.ckpt")["state_dict"]
    return nn.utils.parameters_to_vector([value.float() for value in state.values()])
