"""The target of each source text: translation, transliteration, pronunciation."""

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

CHUNK = 4096  # texts held at a time
BATCH = 128


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--beam-width", type=int, metavar="N", help="beam search over N texts (as the run was evaluated)"
    )
    add_file_options(parser)


def predict(module: SequenceModule, options: argparse.Namespace) -> int:
    """Print the decoded target of each text of `options.inputs`; 1 where one could not be read, else 0."""
    _set_decoding(module, options.beam_width)
    status = 0
    texts = texts_of(options)
    report = TextReport(module.task.spec.source)
    while chunk := list(islice(texts, CHUNK)):
        for text, result in zip(chunk, predictions(module, chunk, report)):
            if isinstance(result, BadInput):
                print(f"{text!r}: {result}", file=sys.stderr)
                status = 1
            elif options.json:
                row = {"input": text, "text": result[0], "log_prob": result[1]}
                print(json.dumps(row, ensure_ascii=False))
            else:
                print(f"{text}\t{result[0]}")
    for line in report.lines():
        print(line, file=sys.stderr)
    return status


def predict_inputs(module: SequenceModule, inputs: list[str], beam_width: int | None = None) -> list[Any]:
    """For each text its decoded target and the log-probability, or the BadInput that says why there is none."""
    _set_decoding(module, beam_width)
    return predictions(module, inputs, TextReport(module.task.spec.source))


def embed(module: SequenceModule, inputs: Iterable[str]) -> Iterator[Embedded]:
    """The mean of the encoder's states for each source text."""
    spec = module.task.spec
    return embed_texts(module, inputs, TextReport(spec.source), spec.batch)


def embeddings(module: SequenceModule, options: argparse.Namespace) -> Iterator[Embedded]:
    """`embed` for the inputs of a command line."""
    return embed(module, texts_of(options))


def _set_decoding(module: SequenceModule, beam_width: int | None) -> None:
    from lightning_modules.tasks.beam_search import GenerationConfig

    if beam_width is not None:
        if beam_width < 1:
            raise BadInput(f"--beam-width {beam_width}: 1 or more is accepted")
        module.task.decoding = GenerationConfig("beam_search", beam_width)  # type: ignore[assignment]


def predictions(module: SequenceModule, texts: list[str], report: TextReport) -> list[Any]:
    """For each text its decoded target and the log-probability, or the reason why there is none."""
    import torch

    task, spec = module.task, module.task.spec
    normalized = [attempted(report.normalized, text) for text in texts]
    with torch.inference_mode():

        def predict_batch(batch: tuple[str, ...]) -> list[Any]:
            return task.with_log_prob(module(report.count_tokens(spec.batch(batch))))

        return by_size(normalized, len, BATCH, predict_batch)
