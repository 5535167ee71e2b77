"""Encodings of test examples for TensorBoard's projector: what lies near what, to the network's mind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.base import SequenceDataModule
from lightning_modules.base import SequenceModule
from lightning_modules.baselines.base import Baseline
from lightning_modules.tasks.classification.task import Classification

COMPONENTS = 32  # principal ones that are kept of an encoding
CONFIG = """embeddings {
  tensor_name: "test examples"
  tensor_path: "projector/vectors.tsv"
  metadata_path: "projector/examples.tsv"
}
"""


def write_embeddings(folder: Path, module: SequenceModule, datamodule: SequenceDataModule, count: int) -> bool:
    """Write up to `count` test examples with their texts and classes; False where the network has no encodings of them.

    The projector colours the points by class (Color by: target).
    """
    if isinstance(module, Baseline) or module.input_kind == "batch" or not isinstance(module.task, Classification):
        return False
    indices = datamodule.split_indices("test")
    indices = indices[torch.linspace(0, len(indices) - 1, min(count, len(indices))).long()]
    vectors = principal(encodings(module, datamodule, indices), COMPONENTS)
    columns = datamodule.example_columns(indices)
    names = {name: values for name, values in columns.items() if name != "id"}  # the first one labels the points
    if hasattr(datamodule.source, "classes"):
        names["target"] = [module.task.classes[i] for i in datamodule.source.classes[indices].tolist()]
    names["id"] = columns["id"]
    place = folder / "projector"
    place.mkdir(exist_ok=True)
    rows = ("\t".join(f"{value:.4g}" for value in row) for row in vectors.tolist())
    (place / "vectors.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    lines = ["\t".join(names), *("\t".join(map(_cell, row)) for row in zip(*names.values()))]
    (place / "examples.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "projector_config.pbtxt").write_text(CONFIG, encoding="utf-8")
    return True


def encodings(module: SequenceModule, datamodule: SequenceDataModule, indices: Tensor) -> Tensor:
    """(N, H) embeddings: the input of the output layer for each example."""
    was_training = module.training
    module.eval()
    with torch.inference_mode():
        source = datamodule.source.to(module.device)
        batch: Any = source.collate(indices.to(module.device), source.max_length(indices))
        vectors = module.embeddings(batch)
    module.train(was_training)
    return vectors.cpu()


def principal(vectors: Tensor, count: int) -> Tensor:
    """(N, count) the coordinates along the directions in which the vectors vary most."""
    centred = vectors - vectors.mean(dim=0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    return centred @ directions[:count].T


def _cell(value: Any) -> str:
    return " ".join(str(value).split())
