"""Labelled texts: reviews, questions, messages, names ...

python scripts/train.py datamodule=texts datamodule.data_dir=reviews.csv                      # columns text, label
python scripts/train.py datamodule=texts datamodule.data_dir=aclImdb datamodule.tokens=words module=cnn
python scripts/train.py datamodule=texts datamodule.data_dir=t.tsv datamodule.text_column=2 datamodule.label_column=1
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
from datamodules.files.records import TableFormat
from datamodules.text.batch_size import LARGEST, batch_size_for
from datamodules.text.cleaning import CleanTexts, TooLongText, chosen_normalization, clean_labelled, notes_of
from datamodules.text.codec import TextCodec, Tokens
from datamodules.text.labelled_files import read_labelled
from datamodules.text.labelled_tables import LabelledFormat
from datamodules.text.labelled_texts import LabelledTexts
from datamodules.text.normalization import Normalization
from datamodules.text.source import TokenSource, describe_unknown, unknown_shares
from datamodules.text.spec import LabelledText
from datamodules.text.splits import Split, leaked, official_split, split_examples, split_groups


class Texts(SequenceDataModule):
    """Labelled texts of a table (CSV, TSV, Parquet, JSON), of `__label__` lines, or of a folder.

    A folder holds official splits (`train.csv`, `test.csv`, or `train/`, `test/`), a folder a label with a file a text,
    or a file a label with a line a text.  What is found rather than given is said when the data is read.

    Args:
        data_dir: the file or folder.
        text_column, label_column: of a table, by name or number (from 1); found when absent.
        split_column: of official splits; a column `split` when absent, none with `none`.
        encoding, separator, quoted, header: of the files; found when absent.
        empty_labels: `refuse` a row without label, or `leave_out`.
        normalize: `ascii` (Unicode NFD, marks dropped, 57 characters kept), `nfc` (any script) or `none`; when absent,
            `ascii` where it changes at most 1 % of the texts, else `nfc`.
        tokens: `characters`; `words` between spaces, punctuation apart; or `symbols` between spaces, as they stand.
        min_count: tokens that are rarer in the training split are unknown ones; 2 for words, else 1, when absent.
        alphabet: the characters of the vocabulary; those of the training split when absent.
        max_length: tokens of a text.
        too_long: `refuse` a longer text by file and line, `cut` it, or `leave_out`.
        split_by: `name` (each normalised text once per label, never on two sides) or `line` (the naive split).
        val_fraction, test_fraction: of each label's texts, where there is no official split.
        split_seed: of the splits; apart from `seed`, so that runs with several seeds have the same test split.
        sampling: `natural` (each training text once an epoch) or `balanced` (a label drawn uniformly, then a text).
        group_by_length: under natural sampling, texts of like length share a batch: little padding, so faster.
        batch_size: texts in an optimiser step; when absent, by the size of the training split (`batch_size_for`).
        evaluation_batch_size, seed, drop_last: see `SequenceDataModule`.
    """

    batch_type = TokenBatch
    spec: LabelledText

    def __init__(
        self,
        data_dir: str | None = None,
        text_column: str | int | None = None,
        label_column: str | int | None = None,
        split_column: str | int | None = None,
        encoding: str | None = None,
        separator: str | None = None,
        quoted: bool | None = None,
        header: bool | None = None,
        empty_labels: Literal["refuse", "leave_out"] = "refuse",
        normalize: Normalization | None = None,
        tokens: Tokens = "characters",
        min_count: Annotated[int, Gt(0)] | None = None,
        alphabet: str | None = None,
        max_length: Annotated[int, Gt(0)] = 1000,
        too_long: TooLongText = "refuse",
        split_by: Literal["name", "line"] = "name",
        val_fraction: Annotated[float, Ge(0), Lt(1)] = 0.1,
        test_fraction: Annotated[float, Ge(0), Lt(1)] = 0.2,
        split_seed: Annotated[int, Ge(0)] = 0,
        sampling: Literal["natural", "balanced"] = "natural",
        group_by_length: bool = False,
        batch_size: Annotated[int, Gt(0)] | None = None,
        evaluation_batch_size: Annotated[int, Gt(0)] = 1024,
        seed: Annotated[int, Ge(0)] = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__(batch_size or LARGEST, evaluation_batch_size, seed, drop_last)
        if group_by_length and sampling == "balanced":
            raise BadInput(
                "datamodule.group_by_length=true: sampling=balanced draws texts one by one; natural is accepted"
            )
        check_fractions(val_fraction, test_fraction)
        self.data_dir = data_dir
        text, label, split = (None if c is None else str(c) for c in (text_column, label_column, split_column))
        table = TableFormat(encoding, separator, quoted, header)
        self.format = LabelledFormat(text, label, split, table, empty_labels)
        self.normalize = normalize
        self.tokens = tokens
        self.min_count = min_count
        self.alphabet = alphabet
        self.max_length = max_length
        self.too_long = too_long
        self.split_by = split_by
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.split_seed = split_seed
        self.sampling = sampling
        self.group_by_length = group_by_length
        self.finds_batch_size = batch_size is None

    def load(self) -> None:
        punctuation = self.tokens == "words"
        if self.pretrained_spec is not None:
            codec = self.pretrained_spec.codec
            self.normalize, self.tokens, punctuation = codec.normalize, codec.tokens, codec.split_punctuation
        read = self.read()
        chooses = self.normalize is None
        self.normalize = chosen_normalization(self.normalize, read.texts, read.labels)
        clean = clean_labelled(
            read, self.normalize, self.tokens, punctuation, self.max_length, self.too_long, self.split_by == "name"
        )
        texts, labels = clean.texts, clean.labels
        self.fingerprint = hashlib.sha256("\n".join(f"{t}\t{c}" for t, c in zip(texts, labels)).encode()).hexdigest()
        split = self._split(clean)
        self.indices = {name: torch.from_numpy(positions) for name, positions in split.positions().items()}
        if self.pretrained_spec is None:
            self._check(texts, labels)
        self.spec = self.pretrained_spec or self._fit(texts, labels)
        if self.finds_batch_size:
            self.batch_size = batch_size_for(len(split.train))
        self.source = self._source(clean)
        self._texts, self._places = texts, clean.places
        notes = [*read.notes, f"normalize={self.normalize}"] if chooses else list(read.notes)
        notes += notes_of(clean, len(read), self.normalize, self.max_length, self.too_long)
        self.report = self._report(read, clean, [*notes, *split.notes])

    def read(self) -> LabelledTexts:
        """The texts as they stand in their files.

        Raises:
            BadInput: there is no `data_dir`, or it cannot be read.
        """
        if self.data_dir is None:
            raise BadInput("datamodule.data_dir is needed: a table of texts and labels, or a folder of <Label>.txt")
        return read_labelled(Path(self.data_dir).expanduser(), self.format)

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

    def _split(self, clean: CleanTexts) -> Split:
        fractions = self.val_fraction, self.test_fraction, self.split_seed
        if any(clean.splits):
            return official_split(clean.splits, clean.texts, clean.labels, *fractions)
        if self.split_by == "name":
            return split_groups(clean.texts, clean.labels, *fractions)
        split = split_examples(clean.labels, *fractions)
        if len(split.test):
            share = leaked(clean.texts, split) / len(split.test)
            split.notes.append(f"split_by=line leaks: {share:.1%} of the test lines also stand in the training split")
        return split

    def _check(self, texts: list[str], labels: list[str]) -> None:
        """Raises: BadInput: there is nothing to learn, or nothing to choose or report by."""
        classes = sorted(set(labels))
        if len(classes) < 2:
            raise BadInput(
                f"datamodule.data_dir={self.data_dir}: one label only ({classes[0]}); two or more are needed"
                " (datamodule.label_column names the column of labels)"
            )
        fractions = {"train": 1.0, "val": self.val_fraction, "test": self.test_fraction}
        for name, positions in self.indices.items():
            if fractions[name] > 0 and not len(positions):
                raise BadInput(
                    f"datamodule.data_dir={self.data_dir}: no text for the {name} split: {len(texts):,} texts of"
                    f" {len(classes):,} labels, and a label needs 3 or more; is datamodule.label_column the right one?"
                    " (datamodule.val_fraction=0 datamodule.test_fraction=0 trains on all)"
                )

        known = {labels[i] for i in self.indices["train"].tolist()}
        for name, positions in self.indices.items():
            found = {labels[i] for i in positions.tolist()}
            if len(positions) > 1 and not found & known:
                raise BadInput(
                    f"datamodule.data_dir={self.data_dir}: no label of the {name} split"
                    f" ({', '.join(sorted(found)[:4])})"
                    f" is one of the training split ({', '.join(sorted(known)[:4])}): hidden, or written otherwise;"
                    " leave these texts out of the data, or write the labels alike"
                )

    def _fit(self, texts: list[str], labels: list[str]) -> LabelledText:
        """Vocabulary and class counts of the training split; classes of all of the data."""
        train = self.indices["train"].tolist()
        codec = TextCodec.fit(
            (texts[i] for i in train),
            self.normalize,  # type: ignore[arg-type]
            self.tokens,
            self.max_length,
            self.alphabet,
            self.min_count,
            "cut" if self.too_long == "cut" else "refuse",
        )
        counts = Counter(labels[i] for i in train)
        classes = tuple(sorted(set(labels)))
        return LabelledText(codec, classes, tuple(counts[label] for label in classes))

    def _source(self, clean: CleanTexts) -> TokenSource:
        number = {label: i for i, label in enumerate(self.spec.classes)}
        for label, place in zip(clean.labels, clean.places):
            if label not in number:
                raise BadInput(f"{place}: the run knows no label '{label}'; it knows {', '.join(number)}")
        class_ids = torch.tensor([number[label] for label in clean.labels])
        ids, lengths = self.spec.codec.encode(clean.texts)
        return TokenSource(torch.from_numpy(ids), torch.from_numpy(lengths), class_ids)

    def _report(self, read: LabelledTexts, clean: CleanTexts, notes: list[str]) -> dict[str, Any]:
        sizes = self.split_sizes()
        where = self.where()
        lines = [
            f"data: {where}: {len(read):,} texts of {len(set(clean.labels)):,} labels;"
            f" {clean.repeated:,} repeated under their label left out; {format_sizes(sizes)}"
        ]
        if read.unlabelled:
            notes = [f"{read.unlabelled:,} rows without label left out", *notes]
        unseen = [label for label, count in zip(self.spec.classes, self.spec.class_counts) if not count]
        if unseen:
            notes.append(f"labels without training text: {', '.join(unseen[:8])}{' ...' if len(unseen) > 8 else ''}")
        alike = {label.casefold() for label in self.spec.classes}
        if len(alike) < len(self.spec.classes):
            words = Counter(label.casefold() for label in self.spec.classes)
            shown = ", ".join([label for label in self.spec.classes if words[label.casefold()] > 1][:8])
            notes.append(f"labels that differ in capital letters only are several: {shown}")
        test = {clean.labels[i] for i in self.indices["test"].tolist()}
        untested = [label for label in self.spec.classes if label not in test and any(clean.splits) and test]
        if untested:
            notes.append(f"labels without test text: {', '.join(untested[:8])}{' ...' if len(untested) > 8 else ''}")
        unknown = unknown_shares(
            self.source.tokens, self.source.lengths, self.indices, self.spec.codec.vocabulary.unknown
        )
        described = describe_unknown(unknown, self.tokens)
        if described:
            notes.append(f"{len(self.spec.codec.vocabulary):,} symbols; {described}")
        if self.finds_batch_size:
            notes.append(f"batch_size={self.batch_size}, from the {sizes['train']:,} training texts")
        lines += [f"data: {note}" for note in notes]
        return {
            "source": where,
            "texts": len(read),
            "blank_lines": read.blank,
            "unlabelled": read.unlabelled,
            "repeated": clean.repeated,
            "emptied": dict(clean.emptied),
            "normalize": self.normalize,
            "characters_dropped": dict(clean.loss.characters),
            "marks_dropped": clean.loss.marks,
            "too_long": clean.too_long,
            "labels": dict(sorted(Counter(clean.labels).items())),
            "splits": sizes,
            "vocabulary": len(self.spec.codec.vocabulary),
            "unknown": unknown,
            "batch_size": self.batch_size,
            "lines": lines,
        }

    def where(self) -> str:
        """Source of the texts, for the report."""
        return str(self.data_dir)
