"""Program of `test_fake_gpu.py`: training steps of pairs of architecture and task on a device that does not exist.

    python -m tests.lightning_modules.training.fake_gpu NAMES_FOLDER PAIRS_FILE [PAIR ...]

Its tensors know their shape, type and device and hold no numbers (torch's FakeTensorMode), so an operation on tensors
of two devices fails, and so does everything that would read a number: what makes a step on a GPU wait.  A device of
PyTorch's own name for such is registered for the whole process, hence a program: the CPU build of torch has no
back-propagation for "cuda".  Prints JSON, pair -> what went wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from lightning_modules.training.evaluation import Evaluator
from lightning_modules.training.optimization import clip_gradients
from lightning_modules.training.running_mean import IntervalMeans
from scripts.runs.training import build_module
from tests.pairs import PAIRS, datamodule_for, small_settings

backend_registration._setup_privateuseone_for_python_backend("fakegpu")
GPU = torch.device("fakegpu:0")
#: Tasks whose metrics are counted without reading an output; the others decode, which reads every step.
COUNTED_ON_THE_DEVICE = ("names-classification", "names-generation")


class Copies(TorchDispatchMode):
    """Refuses copies between devices, and tensors made of Python's numbers, which would be copied."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = str(func)
        if name.startswith(("aten._to_copy", "aten.copy_", "aten.lift_fresh", "aten._pin_memory")):
            given = [value for value in (*args, result) if isinstance(value, torch.Tensor)]
            if {value.device.type for value in given} == {"cpu", GPU.type}:
                raise AssertionError(f"{name} copies between devices")
        return result


def run(module_name: str, workload: str, data_dir: str | None) -> None:
    """Two steps, the second watched, and an evaluation.

    Raises:
        Exception: something of a step is on the wrong device, or waits.
    """
    settings = small_settings(module_name, workload, data_dir=data_dir)
    datamodule = datamodule_for(settings)
    module = build_module(settings, datamodule).train()
    loader = iter(datamodule.train_dataloader())
    index_batches = [next(loader), next(loader)]
    with FakeTensorMode(allow_non_fake_inputs=True), _host_work(type(datamodule.source)):
        _move(module)
        optimizer = module.build_optimizer()
        means, groups = IntervalMeans(GPU), [list(group) for group in module.clip_groups()]
        for number, index_batch in enumerate(index_batches):
            index_batch.examples.source_on(GPU)
            index_batch._row(GPU, non_blocking=True)  # the rows of an epoch are copied once
            if number == 0:
                _step(module, index_batch, optimizer, groups, means)
                continue
            with Copies():
                _step(module, index_batch, optimizer, groups, means)
        module.eval()
        with torch.no_grad():
            batch = index_batches[0].to(GPU)
            if workload in COUNTED_ON_THE_DEVICE:
                evaluator = Evaluator(module.task, GPU)
                with Copies():
                    evaluator.update(module(batch), batch)


def _step(module: Any, index_batch: Any, optimizer: Any, groups: list[list[nn.Parameter]], means: Any) -> None:
    batch = index_batch.to(GPU)
    loss = module.loss(batch)
    optimizer.zero_grad()
    loss.backward()
    means.add_batch(loss.detach(), len(batch))
    means.add_step(clip_gradients(groups, 1.0, "norm"))
    optimizer.step()
    assert loss.device == GPU and all(p.grad is None or p.grad.device == GPU for p in module.parameters())


def _move(module: nn.Module) -> None:
    """Weights and buffers of the same shapes and types on the device."""
    for layer in module.modules():
        for name, value in layer.named_parameters(recurse=False):
            setattr(layer, name, nn.Parameter(torch.empty_like(value, device=GPU), value.requires_grad))
        for name, value in layer.named_buffers(recurse=False):
            layer._buffers[name] = torch.empty_like(value, device=GPU)


@contextmanager
def _host_work(source: Any) -> Iterator[None]:
    """Lengths that the loader looks up on the CPU have numbers."""
    max_length = source.max_length

    def known(self: Any, row: torch.Tensor) -> Any:
        with _disable_current_modes():
            return max_length(self, row)

    source.max_length = known
    try:
        yield
    finally:
        source.max_length = max_length


def main() -> None:
    names_folder, pairs_file, *chosen = sys.argv[1:]
    failed = {}
    for pair in PAIRS:
        if chosen and "-".join(pair) not in chosen:
            continue
        data_dir = {"names": names_folder, "pairs": pairs_file}.get(pair[1].partition("-")[0])
        try:
            run(*pair, data_dir)
        except Exception as error:
            failed["-".join(pair)] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    print(json.dumps(failed))


if __name__ == "__main__":
    main()
