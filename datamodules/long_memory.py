"""A toy that asks for memory: the first symbol of a text decides its class, all others are noise.

python scripts/train.py datamodule=long_memory module=lstm datamodule.length=100

Sequences of this kind show how a network's gradients vanish or explode on their way back (Bengio et al. 1994;
Hochreiter, Schmidhuber 1997, experiment 2): whatever is learned has to come through all steps from the first.
"""

from __future__ import annotations

import hashlib
import string
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import TokenBatch
from datamodules.batching.splits import check_fractions, format_sizes
from datamodules.text.codec import TextCodec
from datamodules.text.source import TokenSource
from datamodules.text.spec import LabelledText
from datamodules.text.vocabulary import Vocabulary


class LongMemory(SequenceDataModule):
    """Texts such as `Bqefkaah`, class B: a capital letter, then small ones that mean nothing.  Made, never read.

    Args:
        length: symbols of a text; the first one has to be remembered for `length - 1` steps.
        num_classes: capital letters, each a class.
        num_noise_symbols: small letters.
        num_examples: texts of all parts together.
        val_fraction, test_fraction: of the texts.
        data_seed: of the texts; apart from `seed`, so that runs with several seeds are evaluated on the same test part.
        batch_size, evaluation_batch_size, seed, drop_last: see `SequenceDataModule`.
    """

    batch_type = TokenBatch
    spec: LabelledText

    def __init__(
        self,
        length: Annotated[int, Gt(1)] = 50,
        num_classes: Annotated[int, Gt(1), Le(26)] = 4,
        num_noise_symbols: Annotated[int, Gt(0), Le(26)] = 8,
        num_examples: Annotated[int, Gt(0)] = 10_000,
        val_fraction: Annotated[float, Ge(0), Lt(1)] = 0.1,
        test_fraction: Annotated[float, Ge(0), Lt(1)] = 0.1,
        data_seed: Annotated[int, Ge(0)] = 0,
        batch_size: Annotated[int, Gt(0)] = 256,
        evaluation_batch_size: Annotated[int, Gt(0)] = 1024,
        seed: Annotated[int, Ge(0)] = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__(batch_size, evaluation_batch_size, seed, drop_last)
        check_fractions(val_fraction, test_fraction)
        self.length = length
        self.num_classes = num_classes
        self.num_noise_symbols = num_noise_symbols
        self.num_examples = num_examples
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.data_seed = data_seed

    def load(self) -> None:
        rng = torch.Generator().manual_seed(self.data_seed)
        classes = torch.randint(self.num_classes, (self.num_examples,), generator=rng)
        noise = torch.randint(self.num_noise_symbols, (self.num_examples, self.length - 1), generator=rng)
        letters = string.ascii_uppercase[: self.num_classes], string.ascii_lowercase[: self.num_noise_symbols]
        self._texts = [
            letters[0][first] + "".join(letters[1][i] for i in rest)
            for first, rest in zip(classes.tolist(), noise.tolist())
        ]
        sizes = [int(self.num_examples * fraction) for fraction in (self.val_fraction, self.test_fraction)]
        split_positions = torch.arange(self.num_examples).split([self.num_examples - sum(sizes), *sizes])
        self.indices = dict(zip(("train", "val", "test"), split_positions))
        counts = torch.bincount(classes[self.indices["train"]], minlength=self.num_classes)
        codec = TextCodec("none", "characters", Vocabulary("".join(letters)), self.length)
        spec = LabelledText(codec, tuple(letters[0]), tuple(counts.tolist()))
        self.spec = self.pretrained_spec or spec
        ids, lengths = self.spec.codec.encode(self._texts)
        self.source = TokenSource(torch.from_numpy(ids), torch.from_numpy(lengths), classes)
        self.fingerprint = hashlib.sha256("\n".join(self._texts).encode()).hexdigest()
        self.report = self._report()

    def example_columns(self, indices: Tensor) -> dict[str, list]:
        positions = indices.tolist()
        return {"id": [f"example {i}" for i in positions], "text": [self._texts[i] for i in positions]}

    def _report(self) -> dict:
        sizes = self.split_sizes()
        line = (
            f"data: made-up texts of {self.length} symbols, the first of which says their class; {format_sizes(sizes)}"
        )
        return {"source": "made up", "texts": self.num_examples, "splits": sizes, "lines": [line]}
