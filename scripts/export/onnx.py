"""ONNX, for onnxruntime: any batch size, and any length unless an architecture loops over the steps itself."""

from __future__ import annotations

import copy
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional

PACKAGES = ("onnx", "onnxruntime")
OPSET = 17


def write(folder: Path, network: nn.Module, module: nn.Module, task: ModuleType, length: int) -> bool:
    """Write model.onnx; True where only inputs padded to `length` can be read.

    The exporter that traces is used: it alone keeps recurrent layers whole, as ONNX's own operators, for any length;
    the newer one unrolls them over the steps of the sample.  A loop in Python is unrolled by both, so what was traced
    with one length is tried with another.
    """
    path = folder / "model.onnx"
    (batch_size, sample_length), other_shape = task.shapes(module, None)[1:3]
    _trace(path, network, task.inputs(module, batch_size, sample_length), task)
    if sample_length == other_shape[1] or _runs(path, network, task.inputs(module, *other_shape)):
        return False
    _trace(path, network, task.inputs(module, batch_size, length), task)
    return True


def _trace(path: Path, network: nn.Module, sample: dict[str, Tensor], task: ModuleType) -> None:
    torch.onnx.export(
        _without_embedding_bags(network),
        tuple(sample.values()),
        str(path),
        input_names=list(sample),
        output_names=list(task.OUTPUTS),
        dynamic_axes={**task.INPUTS, **task.OUTPUTS},
        opset_version=OPSET,
        dynamo=False,
    )


def _runs(path: Path, network: nn.Module, inputs: dict[str, Tensor]) -> bool:
    """Whether the exported model gives the network's outputs for these inputs."""
    import onnxruntime

    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), quiet, providers=["CPUExecutionProvider"])
    feeds = {needed.name: inputs[needed.name].numpy() for needed in session.get_inputs()}
    try:
        outputs = session.run(None, feeds)
    except Exception:  # onnxruntime says in many ways that a shape does not fit
        return False
    with torch.inference_mode():
        expected = network(*inputs.values())
    return all(
        output.shape == truth.shape and torch.allclose(torch.from_numpy(output), truth, atol=1e-3)
        for output, truth in zip(outputs, expected)
    )


class _SumOfEmbeddings(nn.Module):
    """A sum of embeddings of which padding's is zero; ONNX has no bag with padding."""

    def __init__(self, bag: nn.EmbeddingBag) -> None:
        super().__init__()
        self.weight = bag.weight

    def forward(self, ids: Tensor) -> Tensor:
        return functional.embedding(ids, self.weight).sum(dim=1)


def _without_embedding_bags(network: nn.Module) -> nn.Module:
    network = copy.deepcopy(network)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.EmbeddingBag):
                setattr(parent, name, _SumOfEmbeddings(child))
    return network.eval()
