"""Export of OCR models: images and their widths in, log-probabilities of characters out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn import functional

from datamodules import errors
from datamodules.batching.batches import LineBatch
from datamodules.errors import BadInput
from datamodules.line_images import direction, images
from datamodules.line_images.codec import REPLACEMENT

#: Input or output -> its axes that may have any size, and what they are called.
INPUTS = {"images": {0: "batch", 3: "width"}, "lengths": {0: "batch"}}
OUTPUTS = {"log_probs": {0: "batch", 1: "steps"}, "steps": {0: "batch"}}
PROGRAM = "transcription.py"
FACTS = "vocabulary.json"
LEAST_WIDTH = 32  # of a batch of images, pixels; a narrower one is padded


class Network(nn.Module):
    """The module as a function of tensors."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Log-probabilities (B, T, C) of the characters at each step, 0 the blank, and (B,) valid steps.

        Args:
            images: (B, 1, height, W) float32: 0 is paper, 1 ink, 0 after a line's end; W is `LEAST_WIDTH` or more.
            lengths: (B,) int64, pixels of each line's width.
        """
        output = self.module(LineBatch(images, lengths))
        return output.log_probs.transpose(0, 1), output.lengths


def network(module: Any) -> nn.Module:
    if module.has_decoder:
        raise BadInput(f"{type(module).__name__} decodes letter by letter, which is not exported; CTC models are")
    return Network(module)


def shapes(module: Any, fixed: int | None) -> list[tuple[int, int]]:
    """(batch, width) to compare on; no wider than `fixed`."""
    return [(batch, min(width, fixed or width)) for batch, width in ((1, 32), (3, 77), (5, 200), (2, 431))]


def fixed_length(module: Any) -> int:
    """Pixels of width, where a format takes a fixed number of them."""
    return min(512, module.task.spec.max_width)


def inputs(module: Any, batch_size: int, length: int) -> dict[str, Tensor]:
    """Made-up lines of several widths, the first one of all `length` pixels; some narrower than the least width."""
    random = torch.Generator().manual_seed(batch_size * 1000 + length)
    lengths = torch.randint(1, length + 1, (batch_size,), generator=random)
    lengths[0] = length
    images = torch.rand(batch_size, 1, module.task.spec.height, max(length, LEAST_WIDTH), generator=random)
    return {"images": images * (torch.arange(images.shape[3]) < lengths[:, None, None, None]), "lengths": lengths}


def padded(inputs: dict[str, Tensor], length: int) -> dict[str, Tensor]:
    """The same lines with paper up to `length` pixels."""
    return {**inputs, "images": functional.pad(inputs["images"], (0, length - inputs["images"].shape[3]))}


def facts(module: Any) -> dict[str, Any]:
    """Preprocessing of images, and the characters of the log-probabilities."""
    spec = module.task.spec
    return {
        "height": spec.height,
        "max_width": spec.max_width,
        "polarity": spec.polarity,
        "vertical": spec.vertical,
        "ground": spec.ground,
        "direction": spec.direction,
        "of_collection": spec.of_collection,
        "symbols": ["", *(REPLACEMENT for _ in spec.codec.vocabulary.reserved[1:]), *spec.codec.characters],
    }


def program_files() -> dict[str, str]:
    """What the program shares with this project, file name -> source: no package of it is needed there."""
    sources = {"images.py": images, "direction.py": direction, "errors.py": errors}
    found = {name: Path(str(module.__file__)).read_text(encoding="utf-8") for name, module in sources.items()}
    return {
        name: source.replace("from datamodules.errors import", "from errors import") for name, source in found.items()
    }


def notes(module: Any) -> list[str]:
    """Notes about what the exported program does differently from predict.py."""
    method = module.task.decoding.method
    return [] if method == "best_path" else [f"predict.py there reads by best path; the run by {method}"]


def write_example(module: Any, folder: Path) -> str:
    """Write an image of a few characters of the model's alphabet."""
    text = "".join(c for c in module.task.spec.codec.characters if c.isalnum() and c.isascii())[:12] or "0"
    page = Image.new("L", (16 * len(text) + 20, 40), 255)
    ImageDraw.Draw(page).text((10, 5), text, font=ImageFont.load_default(24), fill=0)
    page.save(folder / "line.png")
    return shlex.quote(str(folder / "line.png"))
