"""Pairs of texts for sequence to sequence: translations, transliterations, pronunciations.

python scripts/train.py datamodule=text_pairs module=seq2seq                                # surnames -> Latin letters
python scripts/train.py datamodule=text_pairs module=transformer datamodule.data_dir=pairs.tsv
python scripts/train.py datamodule=text_pairs module=seq2seq datamodule.data_dir=eng-fra.txt \
    datamodule.source_column=1 datamodule.target_column=2 datamodule.tokens=words
python scripts/train.py datamodule=text_pairs module=seq2seq datamodule.data_dir=lexicon.txt \
    datamodule.target_tokens=symbols                                    # a word, then its phonemes between spaces
python scripts/train.py datamodule=text_pairs datamodule.data_dir=train.en datamodule.target_file=train.fr
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
from datamodules.files.records import TableFormat
from datamodules.text.codec import TextCodec, Tokens, cleaned, tokenize
from datamodules.text.normalization import Loss, Normalization
from datamodules.text.pair_files import read_pairs, transliterations
from datamodules.text.pair_tables import PairFormat, ReadPairs
from datamodules.text.pairs import PairedTexts, PairSource
from datamodules.text.source import describe_unknown, unknown_shares
from datamodules.text.splits import Split, official_split, split_groups

SIDES = ("source", "target")


class TextPairs(SequenceDataModule):
    """A table (CSV, TSV, Parquet, JSON), a `.txt` with tabs, a pronunciation lexicon, two parallel files, or a folder
    of these with official splits; surnames and their romanisation when absent.

    A source stands in one split only, and is evaluated once, against all of its targets.

    Args:
        data_dir: the file or folder.
        target_file: the second of two parallel files; `data_dir` is the first.
        source_column, target_column: by name or number (from 1), or suffixes of parallel files in a folder; found when
            absent.
        split_column: of official splits; a column `split` when absent, none with `none`.
        encoding, separator, quoted, header: of the files; found when absent.
        normalize: `ascii` (57 characters), `nfc` (any script) or `none`, of both sides.
        tokens: `characters`; `words` between spaces, punctuation apart; or `symbols` between spaces, as they stand
            (phonemes).
        source_tokens, target_tokens: of one side; `tokens` when absent.
        min_count: tokens that are rarer in the training split are unknown ones; when absent, 2 for words of the source,
            else 1.
        max_length: pairs with more tokens on a side are refused by line.
        val_fraction, test_fraction: of the distinct sources, where there is no official split.
        split_seed: of the splits.
        group_by_length: sources of like length share a batch.
        batch_size, evaluation_batch_size, seed, drop_last: see `SequenceDataModule`.
    """

    batch_type = PairBatch
    spec: PairedTexts

    def __init__(
        self,
        data_dir: str | None = None,
        target_file: str | None = None,
        source_column: str | int | None = None,
        target_column: str | int | None = None,
        split_column: str | int | None = None,
        encoding: str | None = None,
        separator: str | None = None,
        quoted: bool | None = None,
        header: bool | None = None,
        normalize: Normalization = "nfc",
        tokens: Tokens = "characters",
        source_tokens: Tokens | None = None,
        target_tokens: Tokens | None = None,
        min_count: Annotated[int, Gt(0)] | None = None,
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
        self.data_dir = data_dir
        self.target_file = target_file
        source, target, split = (None if c is None else str(c) for c in (source_column, target_column, split_column))
        self.tokens = {"source": source_tokens or tokens, "target": target_tokens or tokens}
        table = TableFormat(encoding, separator, quoted, header)
        self.format = PairFormat(source, target, split, table, at_first_space=self.tokens["target"] == "symbols")
        self.normalize: Normalization = normalize
        self.min_count = min_count
        self.max_length = max_length
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.split_seed = split_seed
        self.group_by_length = group_by_length

    def load(self) -> None:
        read = self._read()
        pairs, loss = self._clean(read)
        everything = "\n".join(f"{source}\t{target}" for source, target in zip(pairs.sources, pairs.targets))
        self.fingerprint = hashlib.sha256(everything.encode()).hexdigest()
        targets_of: dict[str, list[str]] = defaultdict(list)
        for source, target in zip(pairs.sources, pairs.targets):
            targets_of[source].append(target)
        split = self._split(pairs)
        if not len(split.train) and self.pretrained_spec is None:
            raise BadInput(f"datamodule.data_dir={self.data_dir}: too few pairs to train on ({len(pairs)})")
        first = _first_of_each(pairs.sources, pairs.splits)
        self.indices = {"train": torch.from_numpy(split.train)}
        for name, positions in split.positions().items():
            if name != "train":
                self.indices[name] = torch.from_numpy(positions[first[positions]])
        self.spec = self.pretrained_spec or self._fit(pairs)
        sides = (self.spec.source.encode(pairs.sources), self.spec.target.encode(pairs.targets))
        sources, targets = ((torch.from_numpy(ids), torch.from_numpy(lengths)) for ids, lengths in sides)
        self.source = PairSource(*sources, *targets, [tuple(targets_of[source]) for source in pairs.sources])
        self._pairs = pairs
        notes = [*read.notes, *([loss.describe(2 * len(read))] if loss.texts else []), *split.notes]
        self.report = self._report(pairs, targets_of, len(read) - len(pairs), notes)

    def example_columns(self, indices: Tensor) -> dict[str, list]:
        positions = indices.tolist()
        return {"id": [self._pairs.places[i] for i in positions], "text": [self._pairs.sources[i] for i in positions]}

    def training_sampler(self) -> BatchSampler:
        return self.length_grouped_sampler() if self.group_by_length else super().training_sampler()

    def lengths_of(self, indices: Tensor) -> Tensor:
        return self.source.lengths[indices]

    # ------------------------------------------------------------------ steps of load

    def _read(self) -> ReadPairs:
        if self.data_dir is None:
            return transliterations()
        target_file = None if self.target_file is None else Path(self.target_file).expanduser()
        return read_pairs(Path(self.data_dir).expanduser(), self.format, target_file)

    def _clean(self, read: ReadPairs) -> tuple[ReadPairs, Loss]:
        """Each distinct pair once (in its official split), as networks see it; and what `ascii` dropped."""
        spec = self.pretrained_spec
        tokens, loss = dict(self.tokens), Loss()
        normalize, punctuation = {}, {}
        for side in SIDES:
            codec = None if spec is None else getattr(spec, side)
            tokens[side] = codec.tokens if codec else tokens[side]
            normalize[side] = codec.normalize if codec else self.normalize
            punctuation[side] = codec.split_punctuation if codec else tokens[side] == "words"
        kept = ReadPairs()
        seen: set[tuple[str, str, str]] = set()
        for number, pair in enumerate(zip(read.sources, read.targets)):
            place, split = read.places[number], read.splits[number]
            clean = [cleaned(text, normalize[side], punctuation[side]) for side, text in zip(SIDES, pair)]
            for side, before, after in zip(SIDES, pair, clean):
                if normalize[side] == "ascii":
                    loss.add(before, after)
                length = len(tokenize(after, tokens[side]))
                if length > self.max_length:
                    raise BadInput(
                        f"{place}: {length:,} {tokens[side]};"
                        f" at most datamodule.max_length={self.max_length} are accepted"
                    )
            source, target = clean
            if source and target and (source, target, split) not in seen:
                seen.add((source, target, split))
                kept.add(source, target, place, split)
        if not len(kept):
            raise BadInput(
                f"datamodule.data_dir={self.data_dir}: no pair in it with text on both sides (datamodule.source_column"
                " and target_column name the columns)"
            )
        return kept, loss

    def _split(self, pairs: ReadPairs) -> Split:
        labels, fractions = [""] * len(pairs), (self.val_fraction, self.test_fraction, self.split_seed)
        if any(pairs.splits):
            return official_split(pairs.splits, pairs.sources, labels, *fractions)
        return split_groups(pairs.sources, labels, *fractions)

    def _fit(self, pairs: ReadPairs) -> PairedTexts:
        train = self.indices["train"].tolist()
        codecs = []
        for side, texts in zip(SIDES, (pairs.sources, pairs.targets)):
            # an unknown token in a target could never be decoded: a target keeps its rare words unless told otherwise
            least = self.min_count if side == "source" else self.min_count or 1
            training = (texts[i] for i in train)
            codecs.append(
                TextCodec.fit(training, self.normalize, self.tokens[side], self.max_length, None, min_count=least)
            )
        longest = max(len(tokenize(pairs.targets[i], self.tokens["target"])) for i in train)
        return PairedTexts(codecs[0], codecs[1], longest)

    def _report(
        self, pairs: ReadPairs, targets_of: dict[str, list[str]], left_out: int, notes: list[str]
    ) -> dict[str, Any]:
        sizes = self.split_sizes()
        where = "surnames in Latin letters (no data_dir given)" if self.data_dir is None else str(self.data_dir)
        vocabularies = len(self.spec.source.vocabulary), len(self.spec.target.vocabulary)
        line = (
            f"data: {where}: {len(pairs):,} pairs of {len(targets_of):,} sources;"
            f" {left_out:,} repeated or empty ones left out;"
            f" {vocabularies[0]:,} and {vocabularies[1]:,} symbols; {format_sizes(sizes)} (each source once)"
        )
        unknown = {}
        for side, ids, lengths in (
            ("source", self.source.tokens, self.source.lengths),
            ("target", self.source.targets, self.source.target_lengths),
        ):
            codec = getattr(self.spec, side)
            unknown[side] = unknown_shares(ids, lengths, self.indices, codec.vocabulary.unknown)
            described = describe_unknown(unknown[side], f"{codec.tokens} of the {side}")
            notes = [*notes, described] if described else notes
        return {
            "source": where,
            "pairs": len(pairs),
            "sources": len(targets_of),
            "left_out": left_out,
            "splits": sizes,
            "vocabularies": list(vocabularies),
            "unknown": unknown,
            "lines": [line, *(f"data: {note}" for note in notes)],
        }


def _first_of_each(sources: list[str], splits: list[str]) -> np.ndarray:
    """(N,) whether a source stands at this place for the first time in its official split."""
    seen: set[tuple[str, str]] = set()
    return np.array([not (key in seen or seen.add(key)) for key in zip(sources, splits)])  # type: ignore[func-returns-value]
