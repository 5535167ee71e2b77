"""Texts and what answers them: translations, transliterations, pronunciations.

python scripts/train.py datamodule=text_pairs module=seq2seq                                # surnames -> Latin letters
python scripts/train.py datamodule=text_pairs module=transformer datamodule.data_dir=pairs.tsv
python scripts/train.py datamodule=text_pairs module=seq2seq datamodule.data_dir=eng-fra.txt \
    datamodule.source_column=1 datamodule.target_column=2 datamodule.tokens=words
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import PairBatch
from datamodules.batching.samplers import BatchSampler
from datamodules.batching.splits import check_fractions, format_sizes
from datamodules.errors import BadInput
from datamodules.text.codec import TextCodec, Tokens, cut
from datamodules.text.labelled_files import check_encoding
from datamodules.text.normalization import NORMALIZERS, Normalization, apart
from datamodules.text.pair_files import ReadPairs, read_pairs, transliterations
from datamodules.text.pairs import PairedTexts, PairSource
from datamodules.text.splits import split_groups


class TextPairs(SequenceDataModule):
    """A CSV, TSV or Parquet table, or a `.txt` with tabs; surnames and their romanisation when absent.

    A source stands on one side of the split only, and is judged once, against all of its targets.

    Args:
        data_dir: the file.
        source_column, target_column: names in the header, or numbers (from 1) in a file without one.
        encoding: of the file.
        normalize: `ascii` (57 characters), `nfc` (any script) or `none`, of both sides.
        tokens: `characters`, or `words` between spaces; punctuation is a word.
        min_count: tokens that are rarer in the training part are unknown ones.
        max_length: pairs with more tokens on a side are refused by line.
        val_fraction, test_fraction: of the distinct sources.
        split_seed: of the parts.
        group_by_length: sources of like length share a batch.
        batch_size, evaluation_batch_size, seed, drop_last: see `SequenceDataModule`.
    """

    batch_type = PairBatch
    spec: PairedTexts

    def __init__(
        self,
        data_dir: str | None = None,
        source_column: str | int = "source",
        target_column: str | int = "target",
        encoding: str = "utf-8",
        normalize: Normalization = "nfc",
        tokens: Tokens = "characters",
        min_count: Annotated[int, Gt(0)] = 1,
        max_length: Annotated[int, Gt(0)] = 1000,
        val_fraction: Annotated[float, Ge(0), Lt(1)] = 0.1,
        test_fraction: Annotated[float, Ge(0), Lt(1)] = 0.1,
        split_seed: Annotated[int, Ge(0)] = 0,
        group_by_length: bool = True,
        batch_size: Annotated[int, Gt(0)] = 64,
        evaluation_batch_size: Annotated[int, Gt(0)] = 256,
        seed: Annotated[int, Ge(0)] = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__(batch_size, evaluation_batch_size, seed, drop_last)
        check_fractions(val_fraction, test_fraction)
        check_encoding(encoding)
        self.data_dir = data_dir
        self.source_column, self.target_column = str(source_column), str(target_column)
        self.encoding = encoding
        self.normalize = normalize
        self.tokens = tokens
        self.min_count = min_count
        self.max_length = max_length
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.split_seed = split_seed
        self.group_by_length = group_by_length

    def load(self) -> None:
        if self.pretrained_spec is not None:
            self.normalize, self.tokens = self.pretrained_spec.source.normalize, self.pretrained_spec.source.tokens
        read = transliterations() if self.data_dir is None else self._read(Path(self.data_dir).expanduser())
        pairs, left_out = self._normalized(read)
        everything = "\n".join(f"{source}\t{target}" for source, target in zip(pairs.sources, pairs.targets))
        self.fingerprint = hashlib.sha256(everything.encode()).hexdigest()
        targets_of: dict[str, list[str]] = defaultdict(list)
        for source, target in zip(pairs.sources, pairs.targets):
            targets_of[source].append(target)
        split = split_groups(pairs.sources, [""] * len(pairs), self.val_fraction, self.test_fraction, self.split_seed)
        if not len(split.train):
            raise BadInput(f"datamodule.data_dir={self.data_dir}: too few pairs to train on ({len(pairs)})")
        first = _first_of_each(pairs.sources)
        judged = {part: positions[first[positions]] for part, positions in split.parts().items()}
        self.indices = {"train": torch.from_numpy(split.train)}
        self.indices |= {part: torch.from_numpy(judged[part]) for part in ("val", "test")}
        self.spec = self.pretrained_spec or self._fitted(pairs)
        sides = (self.spec.source.encode(pairs.sources), self.spec.target.encode(pairs.targets))
        given, wanted = ((torch.from_numpy(ids), torch.from_numpy(lengths)) for ids, lengths in sides)
        self.source = PairSource(*given, *wanted, [tuple(targets_of[source]) for source in pairs.sources])
        self._pairs = pairs
        self.report = self._report(pairs, targets_of, left_out)

    def example_columns(self, indices: Tensor) -> dict[str, list]:
        positions = indices.tolist()
        return {"id": [self._pairs.places[i] for i in positions], "text": [self._pairs.sources[i] for i in positions]}

    def training_sampler(self) -> BatchSampler:
        if not self.group_by_length:
            return super().training_sampler()
        return self.length_grouped_sampler()

    def lengths_of(self, indices: Tensor) -> Tensor:
        return self.source.lengths[indices]

    # ------------------------------------------------------------------ steps of load

    def _read(self, path: Path) -> ReadPairs:
        return read_pairs(path, self.source_column, self.target_column, self.encoding)

    def _normalized(self, read: ReadPairs) -> tuple[ReadPairs, int]:
        """Each distinct pair once, as networks see it; and how many were repeated or empty."""
        normalize = NORMALIZERS[self.normalize]
        kept = ReadPairs()
        seen: set[tuple[str, str]] = set()
        for texts in zip(read.sources, read.targets, read.places):
            source, target = (apart(normalize(t)) if self.tokens == "words" else normalize(t) for t in texts[:2])
            longest = max(len(cut(text, self.tokens)) for text in (source, target))
            if longest > self.max_length:
                raise BadInput(
                    f"{texts[2]}: {longest:,} {self.tokens};"
                    f" at most datamodule.max_length={self.max_length} are accepted"
                )
            if source and target and (source, target) not in seen:
                seen.add((source, target))
                kept.add(source, target, texts[2])
        if not len(kept):
            raise BadInput(f"datamodule.data_dir={self.data_dir}: no pair in it with text on both sides")
        return kept, len(read) - len(kept)

    def _fitted(self, pairs: ReadPairs) -> PairedTexts:
        train = self.indices["train"].tolist()
        codecs = [
            TextCodec.fit((side[i] for i in train), self.normalize, self.tokens, self.max_length, None, self.min_count)
            for side in (pairs.sources, pairs.targets)
        ]
        longest = max(len(cut(pairs.targets[i], self.tokens)) for i in train)
        return PairedTexts(codecs[0], codecs[1], longest, apart=self.tokens == "words")

    def _report(self, pairs: ReadPairs, targets_of: dict[str, list[str]], left_out: int) -> dict[str, Any]:
        parts = self.split_sizes()
        where = "surnames in Latin letters (no data_dir given)" if self.data_dir is None else str(self.data_dir)
        vocabularies = len(self.spec.source.vocabulary), len(self.spec.target.vocabulary)
        line = (
            f"data: {where}: {len(pairs):,} pairs of {len(targets_of):,} sources;"
            f" {left_out:,} repeated or empty ones left out;"
            f" {vocabularies[0]:,} and {vocabularies[1]:,} symbols; {format_sizes(parts)} (each source once)"
        )
        return {
            "source": where,
            "pairs": len(pairs),
            "sources": len(targets_of),
            "left_out": left_out,
            "parts": parts,
            "vocabularies": list(vocabularies),
            "lines": [line],
        }


def _first_of_each(sources: list[str]) -> np.ndarray:
    """(N,) whether a source stands at this place for the first time."""
    seen: set[str] = set()
    return np.array([not (source in seen or seen.add(source)) for source in sources])  # type: ignore[func-returns-value]
