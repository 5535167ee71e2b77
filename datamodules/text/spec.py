"""Specs of labelled and unlabelled texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from datamodules.batching.batches import TokenBatch
from datamodules.text.codec import TextCodec


@dataclass(frozen=True)
class LabelledText:
    """The codec of the texts, the classes, and how many training examples each class has."""

    codec: TextCodec
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]  # in the training split

    kind: ClassVar[str] = "labelled_text"
    whole: ClassVar[bool] = True  # texts begin and end

    def batch(self, normalized_texts: Sequence[str]) -> TokenBatch:
        """Texts without their classes, ready for a network."""
        tokens, lengths = self.codec.encode(normalized_texts)
        return TokenBatch(torch.from_numpy(tokens), torch.from_numpy(lengths))

    def to_dict(self) -> dict:
        return {
            "codec": self.codec.to_dict(),
            "classes": list(self.classes),
            "class_counts": list(self.class_counts),
        }

    @classmethod
    def from_dict(cls, state: dict) -> LabelledText:
        return cls(TextCodec.from_dict(state["codec"]), tuple(state["classes"]), tuple(state["class_counts"]))


@dataclass(frozen=True)
class UnlabelledText:
    """The codec of the texts, and whether they begin and end or are stretches of longer texts."""

    codec: TextCodec
    whole: bool

    kind: ClassVar[str] = "unlabelled_text"
    classes: ClassVar[tuple[str, ...]] = ()

    def to_dict(self) -> dict:
        return {"codec": self.codec.to_dict(), "whole": self.whole}

    @classmethod
    def from_dict(cls, state: dict) -> UnlabelledText:
        return cls(TextCodec.from_dict(state["codec"]), state["whole"])
