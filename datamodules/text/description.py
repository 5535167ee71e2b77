"""What networks and later commands need to know about labelled texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from datamodules.batches import TokenBatch
from datamodules.text.codec import TextCodec


@dataclass(frozen=True)
class LabelledText:
    """The codec of the texts, the classes, and how many training examples each class has."""

    codec: TextCodec
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]  # in the training part

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
