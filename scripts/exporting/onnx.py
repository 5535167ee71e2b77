"""ONNX, for onnxruntime: any batch size and length."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

PACKAGES = ("onnx", "onnxruntime")
OPSET = 17


def write(
    folder: Path,
    network: nn.Module,
    module: nn.Module,
    sample: dict[str, Tensor],
    dynamic: dict[str, tuple[str, ...]],
    longest: dict[str, Tensor],
) -> bool:
    """Write model.onnx; False, as no length is fixed.

    The exporter that traces is used: it alone keeps recurrent layers whole, as ONNX's own operators, for any length;
    the newer one unrolls them over the steps of the sample.
    """
    axes = {name: dict(enumerate(names)) for name, names in dynamic.items()}
    torch.onnx.export(
        _without_embedding_bags(network),
        tuple(sample.values()),
        str(folder / "model.onnx"),
        input_names=list(sample),
        output_names=["scores"],
        dynamic_axes={**axes, "scores": {0: "batch"}},
        opset_version=OPSET,
        dynamo=False,
    )
    return False


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
