"""Every tensor of a training step is on the device of the weights, and nothing of a step reads one: seen without a GPU.

The steps run on torch's "meta" device, whose tensors have a shape, a type and a device but no numbers.  What would make
a step on a GPU wait (reading a number, a result whose size only the data tells) cannot be done there, and `OneDevice`
refuses what only a GPU would refuse (an operation on tensors of two devices) or take time for (copies between them).
What is replaced has no "meta" version, and on a GPU waits once a batch: torch's CTC loss, and in an evaluation the
confusion matrix of torchmetrics and the windows that are kept for a figure.  Tensors made of Python's numbers are only
seen on a processor, where a step is watched first, in float32 and under autocast to bfloat16 and float16.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lightning_modules.tasks.forecasting.metrics import ForecastMetrics
from lightning_modules.training.evaluation import Evaluator
from lightning_modules.training.optimization import clip_gradients
from lightning_modules.training.running_mean import IntervalMeans
from scripts.runs.training import build_module
from tests.lightning_modules.training.waits import Watched, host_work_unwatched
from tests.pairs import PAIRS, datamodule_for, files_of, small_settings

HERE, NOWHERE = torch.device("cpu"), torch.device("meta")
#: Workloads whose answers are counted as they come; the others write symbols letter by letter, on the processor.
COUNTED_ON_THE_DEVICE = ("names-classification", "names-generation", "energy-forecasting")


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of both devices; numbers without a dimension may come from the processor."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        is_copy = "copy" in str(func) or "lift" in str(func)
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
        devices = {tensor.device.type for tensor in tensors if tensor.dim() or is_copy}
        if len(devices) > 1:
            raise AssertionError(f"{func} has tensors of two devices")
        return result


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is not on a "meta" device."""
    autocast, is_enabled = torch.autocast, torch.is_autocast_enabled
    ctc_loss, bincount = functional.ctc_loss, torch.bincount

    def autocast_there(device_type: str, *args: Any, **kwargs: Any) -> AbstractContextManager:
        return nullcontext() if device_type == NOWHERE.type else autocast(device_type, *args, **kwargs)

    def loss_there(log_probs: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return log_probs.sum(dim=(0, 2)) if log_probs.device == NOWHERE else ctc_loss(log_probs, *args, **kwargs)

    def counts_there(values: Tensor, minlength: int = 0) -> Tensor:
        return values.new_zeros(minlength) if values.device == NOWHERE else bincount(values, minlength=minlength)

    monkeypatch.setattr(torch, "bincount", counts_there)
    monkeypatch.setattr(ForecastMetrics, "_keep_stretches", lambda *_: None)
    monkeypatch.setattr(torch, "autocast", autocast_there)
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda kind: kind != NOWHERE.type and is_enabled(kind))
    monkeypatch.setattr(functional, "ctc_loss", loss_there)


@pytest.fixture(scope="module")
def short_words(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Words of narrow lines: on a "meta" device torch's recurrences run a step at a time, in Python."""
    file = tmp_path_factory.mktemp("words") / "words.txt"
    file.write_text("i a il\n", encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_step_is_on_one_device_and_reads_nothing(
    pair: tuple[str, str], everywhere: None, request: pytest.FixtureRequest, short_words: str
) -> None:
    words = [f"datamodule.words={short_words}"] if pair[1] == "lines-transcription" else []
    settings = small_settings(*pair, files_of(request, pair[1]), words)
    datamodule = datamodule_for(settings)
    module = build_module(settings, datamodule).train()
    batches = iter(datamodule.train_dataloader())
    first, second = next(batches), next(batches)
    with host_work_unwatched(datamodule.source):
        optimizer, means = module.build_optimizer(), IntervalMeans(HERE)
        _step(module, first, optimizer, means, HERE)  # makes the optimiser's state
        for precision in (torch.float32, torch.bfloat16, torch.float16):
            with Watched() as watched:
                _step(module, second, optimizer, means, HERE, precision)
            assert not watched.found, precision

        _move(module)
        module.optimization.optimizer = partial(module.optimization.optimizer, fused=False)  # not made for "meta"
        optimizer, means = module.build_optimizer(), IntervalMeans(NOWHERE)
        _step(module, first, optimizer, means, NOWHERE)  # copies the examples, and the order of the epoch
        with OneDevice():
            _step(module, second, optimizer, means, NOWHERE)
        if pair[1] in COUNTED_ON_THE_DEVICE:
            module.eval()
            evaluator = Evaluator(module.task, NOWHERE)
            with torch.no_grad(), OneDevice():
                batch = first.to(NOWHERE)
                evaluator.update(module(batch), batch)


def _move(module: nn.Module) -> None:
    for layer in module.modules():
        for name, value in layer.named_parameters(recurse=False):
            setattr(layer, name, nn.Parameter(torch.empty_like(value, device=NOWHERE), value.requires_grad))
        for name, buffer in layer.named_buffers(recurse=False):
            layer._buffers[name] = torch.empty_like(buffer, device=NOWHERE)


def _step(
    module: Any,
    index_batch: Any,
    optimizer: torch.optim.Optimizer,
    means: IntervalMeans,
    device: torch.device,
    precision: torch.dtype = torch.float32,
) -> None:
    batch = index_batch.to(device)
    with torch.autocast(device.type, precision) if precision != torch.float32 else nullcontext():
        loss = module.loss(batch)
    assert loss.dtype == torch.float32
    optimizer.zero_grad()
    loss.backward()
    means.add_batch(loss.detach(), len(batch))
    means.add_step(clip_gradients([list(group) for group in module.clip_groups()], 1.0, "norm"))
    optimizer.step()
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    assert gradients
    assert all(gradient.device == device for gradient in gradients)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x + torch.ones(3),
        lambda x: x[torch.tensor([0, 1])],
        lambda x: x.to("meta") + torch.zeros(3).to("meta"),
        lambda x: x[x > 0],
        lambda x: x.sum().item(),
        lambda x: x.to(torch.int64).repeat_interleave(x.to(torch.int64)),
    ],
)
def test_what_a_gpu_would_refuse_or_wait_for_is_refused(wrong: Any) -> None:
    with pytest.raises((AssertionError, RuntimeError, NotImplementedError)), OneDevice():
        wrong(torch.ones(3, device=NOWHERE))
