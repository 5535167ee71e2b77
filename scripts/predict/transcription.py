"""What images of lines say."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.errors import BadInput
from scripts.predict.inputs import attempted, by_size

if TYPE_CHECKING:
    from lightning_modules.base import SequenceModule

CHUNK = 512  # images held at a time
BATCH = 16  # more would leave a processor's cache


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--beam-width", type=int, metavar="N", help="read by beam search over N texts (best path)")
    parser.add_argument("--language-model", metavar="FILE", help="with a beam: a text file to learn characters from")


def answer(module: SequenceModule, options: argparse.Namespace) -> int:
    """Print what each image of `options.inputs` says; 1 where one could not be read, else 0."""
    from lightning_modules.tasks.transcription.decoding import Decoding

    if options.beam_width is not None:
        if options.beam_width < 1:
            raise BadInput(f"--beam-width {options.beam_width}: 1 or more is accepted")
        module.task.decoding = Decoding(  # type: ignore[assignment]
            "beam_search", options.beam_width, language_model=options.language_model
        )
    elif options.language_model is not None:
        raise BadInput("--language-model: guides a beam search; give --beam-width as well")
    status = 0
    images = _images(options.inputs)
    while chunk := list(islice(images, CHUNK)):
        for path, result in zip(chunk, answers(module, chunk)):
            if isinstance(result, BadInput):
                print(f"{path}: {result}", file=sys.stderr)
                status = 1
            elif options.json:
                text, confidence = result
                print(json.dumps({"input": path, "text": text, "confidence": confidence}, ensure_ascii=False))
            else:
                print(f"{path}\t{result[0]}\t{result[1]:.3f}")
    return status


def answers(module: SequenceModule, paths: list[str]) -> list[Any]:
    """For each image its text and confidence, or the reason why it could not be read."""
    import torch

    task, spec = module.task, module.task.spec
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        images = list(pool.map(lambda path: attempted(lambda at: spec.image(_bytes_of(at)), Path(path)), paths))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=_in_bfloat16(module)):
        return by_size(
            images,
            lambda image: image.shape[1],
            BATCH,
            lambda batch: task.read_with_confidence(module(spec.batch(batch))),
        )


def _in_bfloat16(module: SequenceModule) -> bool:
    """Whether the run was trained in bfloat16 and this processor multiplies in it (AMX): twice as fast."""
    import torch

    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(known.get("amx_bf16")) and str(module.config["trainer"].get("precision")).startswith("bf16")


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror})") from None


def _images(inputs: Iterable[str]) -> Iterator[str]:
    """The inputs as they stand; for a folder, every image below it; for `-`, the paths on standard input."""
    from datamodules.line_images.folders import image_files

    for word in inputs:
        if word == "-":
            yield from (line.rstrip("\r\n") for line in sys.stdin)
        elif Path(word).is_dir():
            found = [str(path) for path in image_files(Path(word))]
            if not found:
                raise BadInput(f"{word}: no image in this folder")
            yield from found
        else:
            yield word
