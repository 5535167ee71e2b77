"""Pairs of texts: their spec, and their tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from datamodules.batching.batches import PairBatch
from datamodules.text.codec import TextCodec
from datamodules.text.normalization import apart


@dataclass(frozen=True)
class PairedTexts:
    """The codecs of both sides; punctuation is a word of its own where `apart`."""

    source: TextCodec
    target: TextCodec
    longest_target: int  # tokens, of the training part
    apart: bool = False

    kind: ClassVar[str] = "text_pairs"

    def normalized(self, text: str) -> str:
        """A source as the network sees it.

        Raises:
            BadInput: nothing is left of it, or it is too long.
        """
        kept = self.source.normalized(text)
        return apart(kept) if self.apart else kept

    def batch(self, normalized_texts: Sequence[str]) -> PairBatch:
        """Sources without their targets, ready for a network."""
        tokens, lengths = self.source.encode(normalized_texts)
        return PairBatch(torch.from_numpy(tokens), torch.from_numpy(lengths))

    def to_dict(self) -> dict:
        codecs = {"source": self.source.to_dict(), "target": self.target.to_dict()}
        return {**codecs, "longest_target": self.longest_target, "apart": self.apart}

    @classmethod
    def from_dict(cls, state: dict) -> PairedTexts:
        codecs = {side: TextCodec.from_dict(state[side]) for side in ("source", "target")}
        return cls(**{**state, **codecs})


class PairSource:
    """Every pair of a data set: ids and lengths of both sides, and all known answers to each source.

    Args:
        tokens, lengths: (N, T) int32 and (N,) int64 of what is read.
        targets, target_lengths: (N, U) int32 and (N,) int64 of what is written.
        truths: every target of the pair's source.
    """

    def __init__(
        self, tokens: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor, truths: list[tuple[str, ...]]
    ) -> None:
        self.tokens, self.lengths = tokens, lengths
        self.targets, self.target_lengths = targets, target_lengths
        self.truths = truths
        self._lengths_on_cpu = lengths, target_lengths

    def to(self, device: torch.device) -> PairSource:
        read = self.tokens.to(device), self.lengths.to(device)
        moved = PairSource(*read, self.targets.to(device), self.target_lengths.to(device), self.truths)
        moved._lengths_on_cpu = self._lengths_on_cpu
        return moved

    def max_length(self, row: Tensor) -> tuple[int, int]:
        """The longest source and target."""
        source, target = (int(lengths.index_select(0, row).max()) for lengths in self._lengths_on_cpu)
        return source, target

    def collate(self, row: Tensor, max_length: tuple[int, int]) -> PairBatch:
        tokens, lengths, targets, target_lengths = (
            tensor.index_select(0, row)
            for tensor in (
                self.tokens[:, : max_length[0]], self.lengths, self.targets[:, : max_length[1]], self.target_lengths,
            )
        )  # fmt: skip
        return PairBatch(tokens, lengths, targets, target_lengths, lambda: [self.truths[i] for i in row.tolist()])
