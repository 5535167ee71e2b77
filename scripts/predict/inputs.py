"""Inputs of predict.py: texts, lines of standard input, or a file's lines or column."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datamodules.errors import BadInput
from datamodules.files.encoding import read_text, without_compression
from datamodules.files.records import TABLE_SUFFIXES, TableFormat, read_table
from datamodules.text.codec import TextCodec, tokenize
from datamodules.text.labelled_tables import TEXT_NAMES
from datamodules.text.normalization import Loss

LINES_SUFFIX = ".txt"


def add_file_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", metavar="FILE", help="texts from a file: a column of a table, or the lines of a .txt")
    parser.add_argument("--column", metavar="NAME", help="of --file, by name or number (from 1)")
    parser.add_argument("--encoding", metavar="NAME", help="of --file; found when absent")


def texts_of(options: argparse.Namespace) -> Iterator[str]:
    """The inputs as they stand; for `-`, the lines of standard input; then the texts of `--file`.

    Raises:
        BadInput: an input is the name of a file, or `--file` cannot be read.
    """
    for text in options.inputs:
        if text != "-":
            _refuse_file(text)
            yield text
            continue
        for raw in sys.stdin.buffer:
            yield raw.decode("utf-8", "replace").rstrip("\r\n")
    if options.file is not None:
        try:
            yield from _texts_of_file(Path(options.file), options.column, options.encoding)
        except BadInput as error:  # the readers name the keys of training
            raise BadInput(re.sub(r"datamodule\.(\w+)=", r"--\1 ", str(error))) from None
    elif options.column is not None:
        raise BadInput(f"--column {options.column}: --file names the table that it is a column of")


def attempted(change: Callable[[Any], Any], value: Any) -> Any:
    """The result of `change(value)`, or the BadInput that it raised."""
    try:
        return change(value)
    except BadInput as error:
        return error


def by_size(
    items: Sequence[Any], size_of: Callable[[Any], int], batch_size: int, predict: Callable[[tuple], Iterable[Any]]
) -> list[Any]:
    """A prediction for each item in turn; a BadInput stays in the place of an item that cannot be read.

    Things of like size share a batch: little padding.
    """
    results = list(items)
    readable = [position for position, item in enumerate(items) if not isinstance(item, BadInput)]
    readable.sort(key=lambda position: size_of(items[position]))
    for start in range(0, len(readable), batch_size):
        positions = readable[start : start + batch_size]
        for position, result in zip(positions, predict(tuple(items[i] for i in positions))):
            results[position] = result
    return results


@dataclass
class TextReport:
    """Counts of what normalisation changed: dropped characters, cut texts, unknown tokens."""

    codec: TextCodec
    texts: int = 0
    tokens: int = 0
    unknown: int = 0
    cut: int = 0
    loss: Loss = field(default_factory=Loss)

    def normalized(self, text: str) -> str:
        """The text as the network sees it, counted.

        Raises:
            BadInput: nothing is left of it, or it is too long.
        """
        kept = self.codec.normalized(text)
        self.texts += 1
        if self.codec.normalize == "ascii":
            self.loss.add(text, kept)
        if self.codec.too_long == "cut" and len(tokenize(self.codec.clean(text), self.codec.tokens)) > len(
            tokenize(kept, self.codec.tokens)
        ):
            self.cut += 1
        return kept

    def count_tokens(self, batch: Any) -> Any:
        """The batch itself, after its unknown tokens were counted."""
        self.tokens += int(batch.lengths.sum())
        self.unknown += int((batch.tokens == self.codec.vocabulary.unknown).sum())
        return batch

    def lines(self) -> list[str]:
        """The counts as messages, a line each."""
        lines = []
        if self.loss.texts:
            lost = self.loss.describe(self.texts).rpartition(";")[0]
            lines.append(f"{lost}, as when the run was trained")
        if self.cut:
            lines.append(f"{self.cut:,} texts of more than {self.codec.max_length:,} {self.codec.tokens} are cut")
        if self.unknown:
            lines.append(f"{self.unknown:,} of {self.tokens:,} {self.codec.tokens} are unknown to the run")
        return lines


def _refuse_file(text: str) -> None:
    """A name such as reviews.csv is no text to predict."""
    suffix = Path(without_compression(text)).suffix.lower()
    if "\n" in text or len(text) > 1000 or suffix not in (*TABLE_SUFFIXES, LINES_SUFFIX):
        return
    path = Path(text)
    if not path.is_file():
        if " " not in text:
            raise BadInput(f"{text}: there is no such file (a text of this kind is read from standard input, by -)")
        return
    if suffix == LINES_SUFFIX:
        raise BadInput(f"{text} is a file: --file {text} reads its lines")
    raise BadInput(f"{text} is a file: --file {text} --column {_likely_column(path)} reads the texts of a column")


def _likely_column(path: Path) -> str:
    table = read_table(path, TableFormat(), TEXT_NAMES)
    return next((name for name in TEXT_NAMES if name in (table.columns or ())), "1")


def _texts_of_file(path: Path, column: str | None, encoding: str | None) -> Iterator[str]:
    if not path.is_file():
        raise BadInput(f"--file {path}: there is no such file")
    if column is None and Path(without_compression(path.name)).suffix.lower() not in TABLE_SUFFIXES:
        yield from read_text(path, encoding).removesuffix("\n").split("\n")
        return
    table = read_table(path, TableFormat(encoding), TEXT_NAMES if column is None else (column,))
    if column is None:
        column = next((name for name in TEXT_NAMES if name in (table.columns or ())), None)
        column = "1" if column is None and table.width == 1 else column
    if column is None:
        columns = ", ".join(table.columns) if table.columns is not None else f"{table.width} columns without names"
        raise BadInput(f"--file {path}: --column is needed; it has {columns}{table.preview()}")
    yield from table.cells(table.position(column, "column"))
