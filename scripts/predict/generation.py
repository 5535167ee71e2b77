"""Text generation: new texts, or continuations of given beginnings."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from datamodules.errors import BadInput, did_you_mean
from scripts.predict.embeddings import Embedded, embed_texts
from scripts.predict.inputs import TextReport

if TYPE_CHECKING:
    from lightning_modules.base import SequenceModule

BATCH = 256


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", help="the class of the texts, where the run is conditioned on classes")
    parser.add_argument("--count", type=int, default=10, metavar="N", help="texts for each INPUT, or in all (10)")
    parser.add_argument("--temperature", type=float, default=1.0, metavar="X", help="below 1 plainer, above wilder (1)")
    parser.add_argument("--top-k", type=int, metavar="K", help="draw from the K most probable symbols only")
    parser.add_argument(
        "--top-p", type=float, default=1.0, metavar="P", help="draw from the most probable that sum to P"
    )
    parser.add_argument("--max-length", type=int, default=100, metavar="N", help="symbols of a text (100)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed draws the same texts (0)")


def predict(module: SequenceModule, options: argparse.Namespace) -> int:
    """Print `options.count` texts for each beginning in `options.inputs`; without inputs, texts from nothing."""
    texts = generate(module, options.inputs or [""], options)
    task = module.task
    label = options.label
    is_copy = task.is_copy(texts) if task.spec.whole else None
    for position, text in enumerate(texts):
        if options.json:
            row = {"text": text, "label": label, "new": None if is_copy is None else not is_copy[position]}
            print(json.dumps(row, ensure_ascii=False))
        else:
            print(text)
    if is_copy is not None:
        new = is_copy.count(False)
        print(f"{new} of {len(texts)} are not in the training set", file=sys.stderr)
    return 0


def predict_inputs(module: SequenceModule, inputs: list[str], **options: Any) -> list[str]:
    """`count` texts that continue each beginning, one after the other.

    Args:
        inputs: beginnings; an empty text for new ones.
        options: those of the command, such as `label="Russian"`, `count=10`, `temperature=0.8`, `seed=1`.
    """
    parser = argparse.ArgumentParser()
    add_options(parser)
    defaults = vars(parser.parse_args([])) | {"count": 1}
    unknown = next((name for name in options if name not in defaults), None)
    if unknown:
        raise BadInput(f"{unknown}: no such option{did_you_mean(unknown, defaults)}; there are {', '.join(defaults)}")
    return generate(module, inputs, argparse.Namespace(**{**defaults, **options}))


def generate(module: SequenceModule, beginnings: list[str], options: argparse.Namespace) -> list[str]:
    """`options.count` texts for each beginning.

    Raises:
        BadInput: an option out of its range, or a beginning of which nothing is left.
    """
    import torch

    from lightning_modules.tasks.generation.sampling import Sampling
    from lightning_modules.tasks.generation.task import Generation

    _check(options)
    task = module.task
    assert isinstance(task, Generation)
    label = _label(task, options.label)
    repeated = [_normalized(task, text) for text in beginnings for _ in range(options.count)]
    sampling = Sampling(options.temperature, options.top_k, options.top_p)
    generator = torch.Generator().manual_seed(options.seed)
    texts: list[str] = []
    with torch.inference_mode():
        for start in range(0, len(repeated), BATCH):
            batch = repeated[start : start + BATCH]
            labels = None if label is None else [label] * len(batch)
            texts += task.generate(module, batch, labels, sampling, options.max_length, generator)
    return texts


def embed(module: SequenceModule, inputs: Iterable[str], label: str | None = None) -> Iterator[Embedded]:
    """The mean state of each text, read as one of the class `label` where the run is conditioned on classes."""
    task = module.task
    label = _label(task, label)
    return embed_texts(module, inputs, TextReport(task.spec.codec), lambda texts: task.batch(texts, label))


def embeddings(module: SequenceModule, options: argparse.Namespace) -> Iterator[Embedded]:
    """`embed` for the inputs of a command line."""
    return embed(module, options.inputs, options.label)


def _check(options: argparse.Namespace) -> None:
    limits = {
        "--count": (options.count, options.count >= 1, "1 or more"),
        "--temperature": (options.temperature, options.temperature >= 0, "0 or more"),
        "--top-k": (options.top_k, options.top_k is None or options.top_k >= 1, "1 or more"),
        "--top-p": (options.top_p, 0 < options.top_p <= 1, "above 0, at most 1,"),
        "--max-length": (options.max_length, options.max_length >= 1, "1 or more"),
    }
    for name, (value, fits, accepted) in limits.items():
        if not fits:
            raise BadInput(f"{name} {value}: {accepted} is accepted")


def _label(task, label: str | None) -> str | None:
    """The class of the texts, which a conditioned run needs and another cannot take."""
    classes = ", ".join(task.classes)
    if task.condition == "none":
        if label is not None:
            raise BadInput(f"--label {label}: the run is not conditioned on classes (task.condition=first is)")
        return None
    if label is None:
        raise BadInput(f"--label is missing: the run generates texts of one class: {classes}")
    if label not in task.classes:
        raise BadInput(f"--label {label}: no such class{did_you_mean(label, task.classes)}; there are {classes}")
    return label


def _normalized(task, text: str) -> str:
    try:
        return task.spec.codec.normalized(text) if text else text
    except BadInput as error:
        raise BadInput(f"{text!r}: {error}") from None
