"""Text without labels, for language models: lines one by one, or one long text in stretches.

python scripts/train.py datamodule=plain_text module=lstm                                     # Python's own manual
python scripts/train.py datamodule=plain_text datamodule.data_dir=names.txt datamodule.unit=lines
python scripts/train.py datamodule=plain_text datamodule.data_dir=BOOKS datamodule.tokens=words datamodule.min_count=3
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import TokenBatch
from datamodules.batching.splits import check_fractions, format_sizes
from datamodules.errors import BadInput
from datamodules.files.encoding import read_text
from datamodules.files.listing import files_below
from datamodules.text.codec import TextCodec, Tokens, cleaned, tokenize
from datamodules.text.normalization import Loss, Normalization
from datamodules.text.source import TokenSource, describe_unknown, unknown_shares
from datamodules.text.spec import UnlabelledText
from datamodules.text.splits import Split, split_groups


class PlainText(SequenceDataModule):
    """A text file, or every `.txt` of a folder; the topics of Python's own manual when absent.

    Args:
        data_dir: the file or folder.
        unit: `stretches`: each file is one text, cut into pieces, the first for training and the last for validation
            and test; `lines`: each line is a text, which begins and ends, and stands in one split only.
        length: tokens of a stretch.
        encoding: of the files; found when absent.
        normalize: `ascii` (57 characters), `nfc` (any script) or `none`.
        tokens: `characters`; `words` between spaces, punctuation apart; or `symbols` between spaces, as they stand.
        min_count: tokens that are rarer in the training split are unknown ones; 2 for words, else 1, when absent.
        max_length: a line of more tokens is refused by file and line.
        val_fraction, test_fraction: of the stretches or lines.
        split_seed: of the splits of lines.
        batch_size, evaluation_batch_size, seed, drop_last: see `SequenceDataModule`.
    """

    batch_type = TokenBatch
    spec: UnlabelledText

    def __init__(
        self,
        data_dir: str | None = None,
        unit: Literal["stretches", "lines"] = "stretches",
        length: Annotated[int, Gt(1)] = 128,
        encoding: str | None = None,
        normalize: Normalization = "nfc",
        tokens: Tokens = "characters",
        min_count: Annotated[int, Gt(0)] | None = None,
        max_length: Annotated[int, Gt(0)] = 1000,
        val_fraction: Annotated[float, Ge(0), Lt(1)] = 0.1,
        test_fraction: Annotated[float, Ge(0), Lt(1)] = 0.1,
        split_seed: Annotated[int, Ge(0)] = 0,
        batch_size: Annotated[int, Gt(0)] = 64,
        evaluation_batch_size: Annotated[int, Gt(0)] = 256,
        seed: Annotated[int, Ge(0)] = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__(batch_size, evaluation_batch_size, seed, drop_last)
        check_fractions(val_fraction, test_fraction)
        self.data_dir = data_dir
        self.unit = unit
        self.length = length
        self.encoding = encoding
        self.normalize = normalize
        self.tokens = tokens
        self.min_count = min_count
        self.max_length = max_length
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.split_seed = split_seed

    def load(self) -> None:
        if self.pretrained_spec is not None:
            self.normalize, self.tokens = self.pretrained_spec.codec.normalize, self.pretrained_spec.codec.tokens
            self.unit = "lines" if self.pretrained_spec.whole else "stretches"
        self._loss, self._left_out = Loss(), 0
        files = self._files()
        texts, places, split = self._lines(files) if self.unit == "lines" else self._stretches(files)
        if not len(split.train):
            raise BadInput(f"datamodule.data_dir={self.data_dir}: too little text to train on ({len(texts)} texts)")
        self.fingerprint = hashlib.sha256("\n".join(texts).encode()).hexdigest()
        self.indices = {name: torch.from_numpy(positions) for name, positions in split.positions().items()}
        self.spec = self.pretrained_spec or self._fit(texts)
        ids, lengths = self.spec.codec.encode(texts)
        self.source = TokenSource(torch.from_numpy(ids), torch.from_numpy(lengths))
        self._texts, self._places = texts, places
        self.report = self._report(files, texts)

    def example_columns(self, indices: Tensor) -> dict[str, list]:
        positions = indices.tolist()
        return {"id": [self._places[i] for i in positions], "text": [self._texts[i] for i in positions]}

    def lengths_of(self, indices: Tensor) -> Tensor:
        return self.source.lengths[indices]

    # ------------------------------------------------------------------ steps of load

    def _files(self) -> dict[str, str]:
        """Name -> text."""
        if self.data_dir is None:
            from pydoc_data.topics import topics  # half a megabyte

            return {"Python's manual": "\n".join(topics[name] for name in sorted(topics))}
        path = Path(self.data_dir).expanduser()
        if path.is_dir():
            paths = sorted(p for p in files_below(path) if p.suffix == ".txt")
            if not paths:
                raise BadInput(f"datamodule.data_dir={path}: no .txt in this folder")
            return {p.relative_to(path).as_posix(): read_text(p, self.encoding) for p in paths}
        if not path.exists():
            raise BadInput(f"datamodule.data_dir={path}: there is no such file or folder")
        return {path.name: read_text(path, self.encoding)}

    def _lines(self, files: dict[str, str]) -> tuple[list[str], list[str], Split]:
        """Each distinct line once."""
        places: dict[str, str] = {}
        for name, content in files.items():
            for number, line in enumerate(content.split("\n"), 1):
                kept = self._clean(line)
                length = len(tokenize(kept, self.tokens))
                if length > self.max_length:
                    raise BadInput(
                        f"{name}:{number}: {length:,} {self.tokens}; at most datamodule.max_length={self.max_length}"
                        " are accepted (datamodule.unit=stretches takes texts of any length)"
                    )
                if length:
                    self._left_out += kept in places
                    places.setdefault(kept, f"{name}:{number}")
        texts = list(places)
        split = split_groups(texts, [""] * len(texts), self.val_fraction, self.test_fraction, self.split_seed)
        return texts, list(places.values()), split

    def _stretches(self, files: dict[str, str]) -> tuple[list[str], list[str], Split]:
        """The tokens of each file in pieces of `length`; what is left at its end is left out."""
        texts: list[str] = []
        places: list[str] = []
        splits: list[np.ndarray] = []
        joint = "" if self.tokens == "characters" else " "
        for name, content in files.items():
            tokens = tokenize(self._clean(content), self.tokens)
            starts = range(0, len(tokens) - self.length + 1, self.length)
            texts += [joint.join(tokens[start : start + self.length]) for start in starts]
            places += [f"{name}:{start + 1}" for start in starts]
            self._left_out += len(tokens) - len(starts) * self.length
            held_out = [round(len(starts) * share) for share in (self.val_fraction, self.test_fraction)]
            splits.append(np.repeat([0, 1, 2], [len(starts) - sum(held_out), *held_out]))
        split = np.concatenate(splits)
        train, val, test = (np.flatnonzero(split == number) for number in range(3))
        return texts, places, Split(train, val, test)

    def _clean(self, text: str) -> str:
        kept = cleaned(text, self.normalize, self._split_punctuation())
        if self.normalize == "ascii":
            self._loss.add(text, kept)
        return kept

    def _split_punctuation(self) -> bool:
        return self.tokens == "words" if self.pretrained_spec is None else self.pretrained_spec.codec.split_punctuation

    def _fit(self, texts: list[str]) -> UnlabelledText:
        training = (texts[i] for i in self.indices["train"].tolist())
        whole = self.unit == "lines"
        limit = self.max_length if whole else 1_000_000
        codec = TextCodec.fit(training, self.normalize, self.tokens, limit, min_count=self.min_count)
        return UnlabelledText(codec, whole)

    def _report(self, files: dict[str, str], texts: list[str]) -> dict[str, Any]:
        sizes = self.split_sizes()
        where = next(iter(files)) if self.data_dir is None else str(self.data_dir)
        symbols = len(self.spec.codec.vocabulary)
        left_out = "repeated lines" if self.unit == "lines" else f"{self.tokens} at the ends of files"
        lines = [
            f"data: {where}: {len(texts):,} {self.unit} of {self.tokens}, {symbols:,} symbols;"
            f" {self._left_out:,} {left_out} left out; {format_sizes(sizes)}"
        ]
        if self._loss.texts:
            num_read = (
                sum(content.count("\n") + 1 for content in files.values()) if self.unit == "lines" else len(files)
            )
            lines.append(f"data: {self._loss.describe(num_read)}")
        unknown = unknown_shares(
            self.source.tokens, self.source.lengths, self.indices, self.spec.codec.vocabulary.unknown
        )
        described = describe_unknown(unknown, self.tokens)
        if described:
            lines.append(f"data: {described}")
        return {
            "source": where,
            "texts": len(texts),
            "left_out": self._left_out,
            "characters_dropped": dict(self._loss.characters),
            "marks_dropped": self._loss.marks,
            "splits": sizes,
            "vocabulary": symbols,
            "unknown": unknown,
            "lines": lines,
        }
