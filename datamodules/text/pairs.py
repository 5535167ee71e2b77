"""Pairs of texts: their spec, and their tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from datamodules.batching.batches import PairBatch
from datamodules.text.codec import TextCodec


@dataclass(frozen=True)
class PairedTexts:
    """The codecs of both sides."""

    source: TextCodec
    target: TextCodec
    longest_target: int  # tokens, of the training split

    kind: ClassVar[str] = "text_pairs"

    def normalized(self, text: str) -> str:
        """A source as the network sees it.

        Raises:
            BadInput: nothing is left of it, or it is too long.
        """
        return self.source.normalized(text)

    def batch(self, normalized_texts: Sequence[str]) -> PairBatch:
        """Sources without their targets, ready for a network."""
        tokens, lengths = self.source.encode(normalized_texts)
        return PairBatch(torch.from_numpy(tokens), torch.from_numpy(lengths))

    def to_dict(self) -> dict:
        codecs = {"source": self.source.to_dict(), "target": self.target.to_dict()}
        return {**codecs, "longest_target": self.longest_target}

    @classmethod
    def from_dict(cls, state: dict) -> PairedTexts:
        # version 0.1.0 said of both sides together whether punctuation marks are tokens
        apart = {"split_punctuation": True} if state.get("apart") else {}
        source, target = (TextCodec.from_dict({**state[side], **apart}) for side in ("source", "target"))
        return cls(source, target, state["longest_target"])


class PairSource:
    """Every pair of a data set: ids and lengths of both sides, and every known target of each source.

    Args:
        tokens, lengths: (N, T) int32 and (N,) int64 of the sources.
        targets, target_lengths: (N, U) int32 and (N,) int64 of the targets.
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
