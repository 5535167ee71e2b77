"""Classifiers of texts: token ids and lengths in, scores of the classes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules.batching.batches import TokenBatch

#: Input or output -> its axes that may have any size, and what they are called.
INPUTS = {"tokens": {0: "batch", 1: "length"}, "lengths": {0: "batch"}}
OUTPUTS = {"scores": {0: "batch"}}
PROGRAM = "classification.py"
FACTS = "vocabulary.json"


class Network(nn.Module):
    """The module as a function of tensors."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """tokens (B, T) int64, 0 after a text's end; lengths (B,) int64 -> scores (B, C), not normalised."""
        return (self.module(TokenBatch(tokens, lengths)),)


def network(module: nn.Module) -> nn.Module:
    return Network(module)


def shapes(module: Any, fixed: int | None) -> list[tuple[int, int]]:
    """(batch, length) to compare on; no longer than `fixed`."""
    return [(batch, min(length, fixed or length)) for batch, length in ((1, 1), (3, 7), (17, 20), (64, 32))]


def fixed_length(module: Any) -> int:
    """Tokens, where a format takes a fixed number of them."""
    return 32


def inputs(module: Any, batch_size: int, length: int) -> dict[str, Tensor]:
    """Made-up texts of several lengths, the first one of all `length` tokens."""
    random = torch.Generator().manual_seed(batch_size * 1000 + length)
    lengths = torch.randint(1, length + 1, (batch_size,), generator=random)
    lengths[0] = length
    tokens = torch.randint(1, len(module.task.vocabulary), (batch_size, length), generator=random)
    return {"tokens": tokens * (torch.arange(length) < lengths.unsqueeze(1)), "lengths": lengths}


def padded(inputs: dict[str, Tensor], length: int) -> dict[str, Tensor]:
    """The same texts with padding up to `length` tokens."""
    missing = length - inputs["tokens"].shape[1]
    return {**inputs, "tokens": functional.pad(inputs["tokens"], (0, missing))}


def facts(module: Any) -> dict[str, Any]:
    """How a text becomes token ids, and what the scores are of."""
    codec = module.task.spec.codec
    return {
        "normalize": codec.normalize,
        "tokens": codec.tokens,
        "max_length": codec.max_length,
        "split_punctuation": codec.split_punctuation,
        "too_long": codec.too_long,
        "symbols": [*codec.vocabulary.reserved, *codec.vocabulary.symbols],
        "unknown": codec.vocabulary.unknown,
        "classes": list(module.task.classes),
    }


def notes(module: Any) -> list[str]:
    """Notes about what the exported program does differently from predict.py."""
    return []


def write_example(module: Any, folder: Path) -> str:
    """Something to ask the program."""
    return "Satoshi"
