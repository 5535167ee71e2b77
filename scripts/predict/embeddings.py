"""One vector for each input, as a table: `predict.py RUN INPUT... --embeddings out.parquet`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from datamodules.errors import BadInput, option_name
from scripts.predict.inputs import TextReport, attempted, by_size

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.base import SequenceModule

CHUNK = 4096  # texts held at a time
BATCH = 256

#: What names an input (columns of the table), and its vector (H,) or the reason why it has none.
Embedded = tuple[dict[str, Any], "Tensor | BadInput"]


def write_embeddings(predictor: ModuleType, module: SequenceModule, options: argparse.Namespace) -> int:
    """Write the table that `--embeddings` names and print its path; 1 where an input could not be read, else 0.

    Raises:
        BadInput: the run's task embeds nothing, there is no input, or the file cannot be written.
    """
    import polars

    if not hasattr(predictor, "embeddings"):
        raise BadInput(f"--embeddings: task={option_name(type(module.task))} makes none")
    path = Path(options.embeddings)
    if path.suffix != ".parquet":
        raise BadInput(f"--embeddings {path}: a name that ends in .parquet is accepted")
    names: list[dict[str, Any]] = []
    vectors: list[Tensor] = []
    failed = False
    for name, vector in predictor.embeddings(module, options):
        if isinstance(vector, BadInput):
            print(f"{'; '.join(map(str, name.values()))}: {vector}", file=sys.stderr)
            failed = True
        else:
            names.append(name)
            vectors.append(vector)
    if not vectors:
        raise BadInput("--embeddings: there is no input that an embedding could be made of")
    size = len(vectors[0])
    column = polars.Series("embedding", [vector.numpy() for vector in vectors], polars.Array(polars.Float32, size))
    try:
        polars.DataFrame(names).with_columns(column).write_parquet(path)
    except OSError as error:
        raise BadInput(f"--embeddings {path}: cannot be written ({error.strerror})") from None
    print(f"{len(vectors):,} embeddings of {size} numbers", file=sys.stderr)
    print(path)
    return 1 if failed else 0


def embed_texts(
    module: SequenceModule, texts: Iterable[str], report: TextReport, batch_of: Callable[[tuple[str, ...]], Any]
) -> Iterator[Embedded]:
    """The vector of each text; texts of like length share a batch.

    Args:
        module: of the run.
        texts: as a person gives them.
        report: counts what becomes of them.
        batch_of: makes a batch of normalised texts.
    """
    import torch

    def embed(batch: tuple[str, ...]) -> Iterable[Tensor]:
        return module.embeddings(report.count_tokens(batch_of(batch)))

    iterator = iter(texts)
    while chunk := list(islice(iterator, CHUNK)):
        with torch.inference_mode():
            vectors = by_size([attempted(report.normalized, text) for text in chunk], len, BATCH, embed)
        for text, vector in zip(chunk, vectors):
            yield {"input": text}, vector
    for line in report.lines():
        print(line, file=sys.stderr)
