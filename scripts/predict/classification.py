"""The most probable classes of texts."""

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

CHUNK = 32_768  # texts held at a time
BATCH = 256  # more would leave a processor's cache


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--top-k", type=int, default=3, metavar="K", help="classes a text (3)")


def answer(module: SequenceModule, options: argparse.Namespace) -> int:
    """Print the classes of each text of `options.inputs`; 1 where one could not be read, else 0."""
    if options.top_k < 1:
        raise BadInput(f"--top-k {options.top_k}: 1 or more is accepted")
    status = 0
    texts = texts_of(options.inputs)
    while chunk := list(islice(texts, CHUNK)):
        lines = []
        for text, result in zip(chunk, answers(module, chunk, options.top_k)):
            if isinstance(result, BadInput):
                print(f"{text!r}: {result}", file=sys.stderr)
                status = 1
            elif options.json:
                classes = [{"class": name, "log_prob": log_prob} for name, log_prob in result]
                lines.append(json.dumps({"input": text, "answers": classes}, ensure_ascii=False))
            else:
                lines.append(f"> {text}")
                lines += ["(%.2f) %s" % (log_prob, name) for name, log_prob in result]  # noqa: UP031 (half the time)
        if lines:
            print("\n".join(lines), flush=True)
    return status


def answers(module: SequenceModule, texts: list[str], count: int) -> list[Any]:
    """For each text the `count` most probable classes with log-probabilities, or the reason why there are none."""
    import torch

    task, spec = module.task, module.task.spec
    prepared = [attempted(spec.codec.normalized, text) for text in texts]
    with torch.inference_mode():
        return by_size(prepared, len, BATCH, lambda batch: task.best(module(spec.batch(batch)), count))
