"""Surnames by language, and any other labelled short text.

python scripts/train.py datamodule=names                                        # bundled surnames
python scripts/train.py datamodule=names datamodule.data_dir=data/names         # a folder of <Label>.txt
python scripts/train.py datamodule=names datamodule.data_dir=reviews.csv datamodule.tokens=words
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import TokenBatch
from datamodules.batching.samplers import BatchSampler, ClassBalancedBatchSampler
from datamodules.batching.splits import check_fractions, format_sizes
from datamodules.errors import BadInput
from datamodules.text.codec import TextCodec, Tokens, cut, nothing_left
from datamodules.text.labelled_files import LabelledTexts, read_labelled
from datamodules.text.normalization import NORMALIZERS, Normalization
from datamodules.text.source import TokenSource
from datamodules.text.spec import LabelledText
from datamodules.text.splits import leaked, split_examples, split_groups
from datamodules.text.surnames import bundled_surnames


class Names(SequenceDataModule):
    """Labelled texts: a folder of `<Label>.txt`, a CSV, TSV or Parquet table, or the bundled surnames.

    Args:
        data_dir: the folder or table; the surnames of the package Faker when absent.
        text_column, label_column: columns of a table.
        encoding: of the files.
        normalize: `ascii` (Unicode NFD, marks dropped, 57 characters kept), `nfc` (any script) or `none`.
        tokens: `characters`, or `words` between spaces.
        alphabet: the characters of the vocabulary; those of the training part when absent.
        max_length: a text of more tokens is refused by file and line.
        split_by: `name` (each normalised text once per label, never on two sides) or `line` (the naive split).
        val_fraction, test_fraction: of each label's texts.
        split_seed: of the parts; apart from `seed`, so that runs with several seeds are judged on the same test part.
        sampling: `natural` (each training text once an epoch) or `balanced` (a label drawn uniformly, then a text).
        group_by_length: under natural sampling, texts of like length share a batch: little padding, so faster.
        batch_size, evaluation_batch_size, seed, drop_last: see `SequenceDataModule`.
    """

    batch_type = TokenBatch
    spec: LabelledText

    def __init__(
        self,
        data_dir: str | None = None,
        text_column: str = "text",
        label_column: str = "label",
        encoding: str = "utf-8",
        normalize: Normalization = "ascii",
        tokens: Tokens = "characters",
        alphabet: str | None = None,
        max_length: Annotated[int, Gt(0)] = 1000,
        split_by: Literal["name", "line"] = "name",
        val_fraction: Annotated[float, Ge(0), Lt(1)] = 0.1,
        test_fraction: Annotated[float, Ge(0), Lt(1)] = 0.2,
        split_seed: Annotated[int, Ge(0)] = 0,
        sampling: Literal["natural", "balanced"] = "natural",
        group_by_length: bool = False,
        batch_size: Annotated[int, Gt(0)] = 256,
        evaluation_batch_size: Annotated[int, Gt(0)] = 1024,
        seed: Annotated[int, Ge(0)] = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__(batch_size, evaluation_batch_size, seed, drop_last)
        if group_by_length and sampling == "balanced":
            raise BadInput(
                "datamodule.group_by_length=true: sampling=balanced draws texts one by one; natural is accepted"
            )
        check_fractions(val_fraction, test_fraction)
        self.data_dir = data_dir
        self.text_column = text_column
        self.label_column = label_column
        self.encoding = encoding
        self.normalize = normalize
        self.tokens = tokens
        self.alphabet = alphabet
        self.max_length = max_length
        self.split_by = split_by
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.split_seed = split_seed
        self.sampling = sampling
        self.group_by_length = group_by_length

    def load(self) -> None:
        if self.pretrained_spec is not None:
            self.normalize, self.tokens = self.pretrained_spec.codec.normalize, self.pretrained_spec.codec.tokens
        read = self._read()
        texts, labels, places = self._normalized(read)
        self.fingerprint = hashlib.sha256("\n".join(f"{t}\t{c}" for t, c in zip(texts, labels)).encode()).hexdigest()
        split = self._split(texts, labels)
        self.indices = {part: torch.from_numpy(positions) for part, positions in split.parts().items()}

        self.spec = self.pretrained_spec or self._fitted(texts, labels)
        number = {label: i for i, label in enumerate(self.spec.classes)}
        for label, place in zip(labels, places):
            if label not in number:
                raise BadInput(f"{place}: the run knows no label '{label}'; it knows {', '.join(number)}")
        class_ids = torch.tensor([number[label] for label in labels])
        ids, lengths = self.spec.codec.encode(texts)
        self.source = TokenSource(torch.from_numpy(ids), torch.from_numpy(lengths), class_ids)
        self._texts, self._places = texts, places

        self.report = self._report(read, texts, labels, split.notes)

    def example_columns(self, indices: Tensor) -> dict[str, list]:
        positions = indices.tolist()
        return {"id": [self._places[i] for i in positions], "text": [self._texts[i] for i in positions]}

    def training_sampler(self) -> BatchSampler:
        if self.group_by_length:
            return self.length_grouped_sampler()
        if self.sampling == "natural":
            return super().training_sampler()
        train = self.indices["train"]
        return ClassBalancedBatchSampler(train, self.source.classes[train], self.batch_size, self.seed, self.drop_last)

    def lengths_of(self, indices: Tensor) -> Tensor:
        return self.source.lengths[indices]

    # ------------------------------------------------------------------ steps of load

    def _read(self) -> LabelledTexts:
        if self.data_dir is None:
            return bundled_surnames(self.normalize)
        return read_labelled(Path(self.data_dir).expanduser(), self.text_column, self.label_column, self.encoding)

    def _normalized(self, read: LabelledTexts) -> tuple[list[str], list[str], list[str]]:
        """Texts as the network sees them, labels and places; with `split_by=name` each (text, label) once."""
        normalize = NORMALIZERS[self.normalize]
        seen: set[tuple[str, str]] = set()
        texts, labels, places = [], [], []
        self._emptied = Counter[str]()
        for text, label, place in zip(read.texts, read.labels, read.places):
            kept = normalize(text)
            if not kept:
                self._emptied[label] += 1
                continue
            length = len(cut(kept, self.tokens))
            if length > self.max_length:
                raise BadInput(
                    f"{place}: {length:,} {self.tokens}; at most datamodule.max_length={self.max_length} are accepted"
                )
            if self.split_by == "name":
                if (kept, label) in seen:
                    continue
                seen.add((kept, label))
            texts.append(kept)
            labels.append(label)
            places.append(place)
        for label in sorted(set(read.labels) - set(labels)):
            example = read.texts[read.labels.index(label)]
            raise BadInput(f"label {label}: {nothing_left(example, self.normalize)} (datamodule.normalize=nfc)")
        if len(set(labels)) < 2:
            raise BadInput(f"datamodule.data_dir={self.data_dir}: one label only ({labels[0]}); two or more are needed")
        return texts, labels, places

    def _split(self, texts: list[str], labels: list[str]):
        if self.split_by == "name":
            return split_groups(texts, labels, self.val_fraction, self.test_fraction, self.split_seed)
        split = split_examples(labels, self.val_fraction, self.test_fraction, self.split_seed)
        if len(split.test):
            share = leaked(texts, split) / len(split.test)
            split.notes.append(f"split_by=line leaks: {share:.1%} of the test lines also stand in the training part")
        return split

    def _fitted(self, texts: list[str], labels: list[str]) -> LabelledText:
        """Vocabulary and class counts of the training part; classes of all of the data."""
        train = self.indices["train"].tolist()
        training_texts = (texts[i] for i in train)
        codec = TextCodec.fit(training_texts, self.normalize, self.tokens, self.max_length, self.alphabet)
        counts = Counter(labels[i] for i in train)
        classes = tuple(sorted(set(labels)))
        return LabelledText(codec, classes, tuple(counts[label] for label in classes))

    def _report(self, read: LabelledTexts, texts: list[str], labels: list[str], notes: list[str]) -> dict[str, Any]:
        parts = self.split_sizes()
        where = "surnames of the package Faker (no data_dir given)" if self.data_dir is None else str(self.data_dir)
        repeated = len(read) - len(texts) - sum(self._emptied.values())
        lines = [
            f"data: {where}: {len(read):,} texts of {len(set(labels))} labels;"
            f" {repeated:,} repeated under their label left out; {format_sizes(parts)}"
        ]
        if self._emptied:
            emptied = ", ".join(f"{label} {count}" for label, count in sorted(self._emptied.items()))
            lines.append(f"data: nothing left of some texts under normalize={self.normalize}: {emptied}")
        lines += [f"data: {note}" for note in notes]
        return {
            "source": where,
            "texts": len(read),
            "blank_lines": read.blank,
            "repeated": repeated,
            "emptied": dict(self._emptied),
            "labels": dict(sorted(Counter(labels).items())),
            "parts": parts,
            "vocabulary": len(self.spec.codec.vocabulary),
            "lines": lines,
        }
