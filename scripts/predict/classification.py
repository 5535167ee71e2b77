"""The most probable classes of texts."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from datamodules.errors import BadInput
from scripts.predict.embeddings import Embedded, embed_texts
from scripts.predict.inputs import TextReport, add_file_options, attempted, by_size, texts_of

if TYPE_CHECKING:
    from lightning_modules.base import SequenceModule

CHUNK = 32_768  # texts held at a time
BATCH = 256  # more would leave a processor's cache


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--top-k", type=int, default=3, metavar="K", help="classes a text (3)")
    add_file_options(parser)


def predict(module: SequenceModule, options: argparse.Namespace) -> int:
    """Print the classes of each text of `options.inputs`; 1 where one could not be read, else 0."""
    if options.top_k < 1:
        raise BadInput(f"--top-k {options.top_k}: 1 or more is accepted")
    status = 0
    texts = texts_of(options)
    report = TextReport(module.task.spec.codec)
    while chunk := list(islice(texts, CHUNK)):
        lines = []
        for text, result in zip(chunk, predictions(module, chunk, options.top_k, report)):
            if isinstance(result, BadInput):
                print(f"{text!r}: {result}", file=sys.stderr)
                status = 1
            elif options.json:
                classes = [{"class": name, "log_prob": log_prob} for name, log_prob in result]
                lines.append(json.dumps({"input": text, "predictions": classes}, ensure_ascii=False))
            else:
                lines.append(f"> {text}")
                lines += ["(%.2f) %s" % (log_prob, name) for name, log_prob in result]  # noqa: UP031 (half the time)
        if lines:
            print("\n".join(lines), flush=True)
    for line in report.lines():
        print(line, file=sys.stderr)
    return status


def predict_inputs(module: SequenceModule, inputs: list[str], top_k: int = 3) -> list[Any]:
    """For each text its `top_k` most probable classes with log-probabilities, or the BadInput that says why not."""
    return predictions(module, inputs, top_k, TextReport(module.task.spec.codec))


def embed(module: SequenceModule, inputs: Iterable[str]) -> Iterator[Embedded]:
    """The vector of each text, which the output layer reads."""
    spec = module.task.spec
    return embed_texts(module, inputs, TextReport(spec.codec), spec.batch)


def embeddings(module: SequenceModule, options: argparse.Namespace) -> Iterator[Embedded]:
    """`embed` for the inputs of a command line."""
    return embed(module, texts_of(options))


def predictions(module: SequenceModule, texts: list[str], count: int, report: TextReport) -> list[Any]:
    """For each text the `count` most probable classes with log-probabilities, or the reason why there are none."""
    import torch

    task, spec = module.task, module.task.spec
    normalized = [attempted(report.normalized, text) for text in texts]
    with torch.inference_mode():

        def predict_batch(batch: tuple[str, ...]) -> list[Any]:
            return task.best(module(report.count_tokens(spec.batch(batch))), count)

        return by_size(normalized, len, BATCH, predict_batch)
