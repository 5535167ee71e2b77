"""The text that answers each text."""

from __future__ import annotations

import argparse
import json
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

from datamodules.errors import BadInput
from scripts.predict.inputs import attempted, by_size, texts_of

if TYPE_CHECKING:
    from lightning_modules.base import SequenceModule

CHUNK = 4096  # texts held at a time
BATCH = 128


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--beam-width", type=int, metavar="N", help="follow N texts at once (as the run was judged)")


def answer(module: SequenceModule, options: argparse.Namespace) -> int:
    """Print what answers each text of `options.inputs`; 1 where one could not be read, else 0."""
    from lightning_modules.tasks.beam_search import GenerationConfig

    if options.beam_width is not None:
        if options.beam_width < 1:
            raise BadInput(f"--beam-width {options.beam_width}: 1 or more is accepted")
        module.task.decoding = GenerationConfig("beam_search", options.beam_width)  # type: ignore[assignment]
    status = 0
    texts = texts_of(options.inputs)
    while chunk := list(islice(texts, CHUNK)):
        for text, result in zip(chunk, answers(module, chunk)):
            if isinstance(result, BadInput):
                print(f"{text!r}: {result}", file=sys.stderr)
                status = 1
            elif options.json:
                told = {"input": text, "text": result[0], "log_prob": result[1]}
                print(json.dumps(told, ensure_ascii=False))
            else:
                print(f"{text}\t{result[0]}")
    return status


def answers(module: SequenceModule, texts: list[str]) -> list[Any]:
    """For each text what is written and its log-probability, or the reason why there is nothing."""
    import torch

    task, spec = module.task, module.task.spec
    prepared = [attempted(spec.normalized, text) for text in texts]
    with torch.inference_mode():
        return by_size(prepared, len, BATCH, lambda batch: task.with_log_prob(module(spec.batch(batch))))
