"""Pairs of one table: which column is the source, which the target."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.errors import BadInput
from datamodules.files.encoding import read_text, without_compression
from datamodules.files.records import TABLE_SUFFIXES, Table, TableFormat, read_table
from datamodules.text.official_splits import SPLIT_COLUMN, split_of_cell, split_position

#: Column names of source and target that are looked for, in this order.
PAIR_NAMES = (
    ("source", "target"), ("src", "tgt"), ("src", "trg"), ("input", "output"), ("input", "target"),
    ("word", "pronunciation"), ("word", "phonemes"), ("word", "phones"), ("word", "ipa"), ("grapheme", "phoneme"),
    ("graphemes", "phonemes"), ("question", "answer"), ("text", "summary"),
)  # fmt: skip

LEXICON_LINE = re.compile(r"[^\s;|,]+ {2,}\S{1,4}( \S{1,4})*")
ID_NAMES = ("id", "_id", "idx", "index", "guid", "attribution")


@dataclass(frozen=True)
class PairFormat:
    """Settings for reading files of pairs: columns by name or number, None: detected.

    Args:
        source_column, target_column, split_column: of a table; of parallel files, the suffixes (`en`, `fr`).
        table: of delimited files.
        at_first_space: lines without a separator are a word, then its symbols (a pronunciation lexicon).
    """

    source_column: str | None = None
    target_column: str | None = None
    split_column: str | None = None
    table: TableFormat = field(default_factory=TableFormat)
    at_first_space: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Column names that a header may hold."""
        columns = [column for column in (self.source_column, self.target_column, self.split_column) if column]
        return (*(name for name in columns if not name.isdecimal()), *PAIR_NAMES[0])


@dataclass
class ReadPairs:
    """Columns of equal length: sources and targets as read, where each stands (`file:line`), its official split."""

    sources: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)  # "train", "val", "test", or "" where the data has none
    notes: list[str] = field(default_factory=list)

    def add(self, source: str, target: str, place: str, split: str = "") -> None:
        self.sources.append(source)
        self.targets.append(target)
        self.places.append(place)
        self.splits.append(split)

    def extend(self, other: ReadPairs, split: str) -> None:
        self.sources += other.sources
        self.targets += other.targets
        self.places += other.places
        self.splits += [split] * len(other)
        self.notes += [note for note in other.notes if note not in self.notes]

    def __len__(self) -> int:
        return len(self.sources)


def read_pair_table(path: Path, form: PairFormat) -> ReadPairs:
    """The pairs of a CSV, TSV, Parquet or JSON file, of lines with a tab, or of a pronunciation lexicon.

    Raises:
        BadInput: a column cannot be found, or a split word is not known.
    """
    if _is_lexicon(path, form):
        return _read_lexicon(path, form.table.encoding)
    try:
        return _read_columns(path, form)
    except BadInput:
        if _looks_like_lexicon(path, form):
            raise BadInput(
                f"datamodule.data_dir={path}: lines of a word and, after spaces, its symbols: a pronunciation lexicon;"
                " datamodule.target_tokens=symbols reads it"
            ) from None
        raise


def _read_columns(path: Path, form: PairFormat) -> ReadPairs:
    table = read_table(path, form.table, form.names)
    if not table.rows:
        columns = f" (columns: {', '.join(table.columns)})" if table.columns else ""
        raise BadInput(f"datamodule.data_dir={path}: no pair in it{columns}")
    if table.width < 2:
        suffix = Path(without_compression(path.name)).suffix
        hint = "" if suffix in TABLE_SUFFIXES else "; datamodule.target_file=FILE names a parallel file of targets"
        raise BadInput(
            f"datamodule.data_dir={path}: one column; a source and a target are needed{hint}{table.preview()}"
        )
    source, target, notes = _source_and_target(table, form)
    table.refuse_nested(source, "source_column")
    table.refuse_nested(target, "target_column")
    split = split_position(table, form.split_column, {source, target})
    read = ReadPairs(notes=[*table.notes, *notes])
    if split is not None:
        read.notes.append(f"official splits from column {split + 1} (datamodule.split_column=none: not)")
    for row, place in zip(table.rows, table.places):
        official = "" if split is None else split_of_cell(row[split], place, form.split_column or SPLIT_COLUMN)
        read.add(row[source], row[target], place, official)
    return read


def _source_and_target(table: Table, form: PairFormat) -> tuple[int, int, list[str]]:
    """Positions of the two columns, and a note where they were found by other than their usual names."""
    source = None if form.source_column is None else table.position(form.source_column, "source_column")
    target = None if form.target_column is None else table.position(form.target_column, "target_column")
    if source is not None and target is not None:
        return source, target, []
    lower = [name.strip().lower() for name in table.columns or ()]
    for names in PAIR_NAMES if source is None and target is None else ():
        if all(name in lower for name in names):
            source, target = (lower.index(name) for name in names)
            break
    texts = [position for position in range(table.width) if position in (source, target) or _is_text(table, position)]
    if len(texts) == 2 and (source is None or target is None):
        if source is None:
            source = texts[0] if target in (None, texts[1]) else texts[1]
        target = texts[1] if source == texts[0] else texts[0]
    if source is None or target is None:
        missing = "source_column" if source is None else "target_column"
        columns = ", ".join(table.columns) if table.columns is not None else f"{table.width} columns without names"
        raise BadInput(
            f"datamodule.{missing} is needed: {table.path} has {columns}; a name or a number, for example"
            f" datamodule.{missing}={1 if source is None else 2}{table.preview()}"
        )
    shown = [f"'{table.columns[i]}'" if table.columns is not None else f"{i + 1}" for i in (source, target)]
    usual = [lower[i] if lower else "" for i in (source, target)] == list(PAIR_NAMES[0])
    return source, target, [] if usual else [f"source from column {shown[0]}, target from column {shown[1]}"]


def _is_text(table: Table, position: int) -> bool:
    """Whether a column may hold a source or target: no ids, and no attributions such as Tatoeba's."""
    if table.width == 2:
        return True
    name = table.columns[position].strip().lower() if table.columns is not None else ""
    cells = [cell for cell in table.cells(position) if cell.strip()]
    return name not in ID_NAMES and not all(cell.isdigit() or cell.startswith("CC-BY") for cell in cells)


def _is_lexicon(path: Path, form: PairFormat) -> bool:
    """Whether a file, which is no table by its suffix, separates a word from its symbols by space alone."""
    suffix = Path(without_compression(path.name)).suffix.lower()
    if not form.at_first_space or form.table.separator is not None or suffix in TABLE_SUFFIXES:
        return False
    return "\t" not in read_text(path, form.table.encoding)


def _looks_like_lexicon(path: Path, form: PairFormat) -> bool:
    """Whether most of the first lines are `WORD  W ER1 D`, with two spaces and without a tab."""
    asked = form.at_first_space or form.table.separator is not None
    if asked or Path(without_compression(path.name)).suffix.lower() in TABLE_SUFFIXES:
        return False
    lines = [line for line in read_text(path, form.table.encoding).split("\n")[:400] if line and line[0] not in ";#"]
    return bool(lines) and sum(bool(LEXICON_LINE.fullmatch(line.rstrip())) for line in lines) > len(lines) / 2


def _read_lexicon(path: Path, encoding: str | None) -> ReadPairs:
    """Lines of a word, space, and its symbols between spaces; `word(2)` is another pronunciation of `word`.

    Lines that begin with `;;;` or `#` are comments, and so is what follows ` # ` (as in cmudict.dict).
    """
    read = ReadPairs(notes=[f"{path.name}: a word, then its symbols between spaces"])
    variants = 0
    text = read_text(path, encoding)
    for number, line in enumerate(text.split("\n"), 1):
        word, *symbols = line.partition(" # ")[0].split(maxsplit=1) if line.strip() else [""]
        if not word or word.startswith((";;;", "#")):
            continue
        plain = re.sub(r"\(\d+\)$", "", word)
        variants += plain != word
        read.add(plain or word, symbols[0] if symbols else "", f"{path.name}:{number}")
    if variants:
        read.notes.append(f"{path.name}: {variants:,} lines such as word(2) are further pronunciations of their word")
    return read
