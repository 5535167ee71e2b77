"""Labelled texts of one table: which column holds the text, which the label, and which the official split."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from datamodules.errors import BadInput
from datamodules.files.encoding import read_text, without_compression
from datamodules.files.records import TABLE_SUFFIXES, Table, TableFormat, read_table
from datamodules.text.labelled_texts import LabelledTexts
from datamodules.text.official_splits import split_of_cell, split_position

#: Column names that are looked for, the first found wins.
TEXT_NAMES = (
    "text", "sentence", "review", "content", "message", "tweet", "comment", "utterance", "question", "query",
    "document", "headline", "title", "body", "description", "post", "name", "surname", "word", "sms",
)  # fmt: skip
LABEL_NAMES = (
    "label", "class", "category", "target", "sentiment", "language", "lang", "gender", "intent", "topic", "polarity",
    "emotion", "rating", "stars", "score", "tag", "type", "label_text", "coarse_label", "labels", "cats", "accept",
)  # fmt: skip
FASTTEXT_PREFIX = "__label__"
ANSWERS = {"accept", "reject", "ignore"}  # of annotators to the label that Prodigy shows them, in a column `answer`


@dataclass(frozen=True)
class LabelledFormat:
    """Settings for reading labelled files: columns by name or number, None: detected.

    Args:
        text_column, label_column, split_column: of a table; `split_column=none` takes no official split from one.
        table: of delimited files.
        empty_labels: `refuse` a row without label, or `leave_out` and count it.
    """

    text_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    table: TableFormat = field(default_factory=TableFormat)
    empty_labels: Literal["refuse", "leave_out"] = "refuse"

    @property
    def names(self) -> tuple[str, ...]:
        """Column names that a header may hold."""
        columns = [column for column in (self.text_column, self.label_column, self.split_column) if column]
        return (*(name for name in columns if not name.isdecimal()), *TEXT_NAMES[:1], *LABEL_NAMES[:1])


def read_labelled_table(path: Path, form: LabelledFormat) -> LabelledTexts:
    """The labelled texts of a CSV, TSV, Parquet or JSON file, or of lines that begin with `__label__`.

    Raises:
        BadInput: a column cannot be found, a label is missing, a split word is not known.
    """
    if _is_fasttext(path, form.table.encoding):
        return _read_fasttext(path, form.table.encoding)
    table = read_table(path, form.table, form.names)
    if not table.rows:
        raise BadInput(f"datamodule.data_dir={path}: no row in it; a text and its label are needed")
    if table.width < 2:
        hint = (
            "datamodule=plain_text reads texts without labels" if _is_text(path) else "two columns or more are needed"
        )
        raise BadInput(f"datamodule.data_dir={path}: one column, so no label; {hint}{table.preview()}")
    text, label, notes = _text_and_label(table, form)
    table.refuse_nested(text, "text_column")
    refused = _refused_rows(table, label)
    split = split_position(table, form.split_column, {text, label})
    read = LabelledTexts(notes=[*table.notes, *notes])
    if split is not None:
        read.notes.append(f"official splits from column '{_name(table, split)}' (datamodule.split_column=none: not)")
    label_name = _name(table, label)
    for number, (row, place) in enumerate(zip(table.rows, table.places)):
        if number in refused:
            continue
        labels = _labels_in(row[label].strip())
        if labels is None or len(labels) > 1:
            what = f"{len(labels)} labels ({', '.join(labels)})" if labels else "a list or an object, no label,"
            raise BadInput(
                f"{path.parent / place}: {what} in column '{label_name}'; one a text is accepted:"
                " keep one, or leave the row out of the file"
            )
        if not labels:
            if form.empty_labels == "refuse":
                raise BadInput(
                    f"{path.parent / place}: no label in column '{label_name}';"
                    " datamodule.empty_labels=leave_out leaves such rows out"
                )
            read.unlabelled += 1
            continue
        official = split_of_cell(row[split], place, _name(table, split)) if split is not None else ""
        read.add(row[text], labels[0], place, official)
    if refused:
        if len(set(read.labels)) == 1:
            raise BadInput(
                f"datamodule.data_dir={path}: every accepted row has the label '{read.labels[0]}';"
                " datamodule.label_column=answer takes what was answered as the labels"
            )
        read.notes.append(
            f"{len(refused):,} rows that were rejected or ignored left out"
            " (datamodule.label_column=answer takes what was answered as the labels)"
        )
    return read


@lru_cache(maxsize=4096)
def _labels_in(cell: str) -> list[str] | None:
    """Labels of a cell: the cell itself, or those of a list as annotation programs and pandas write it (`["a", "b"]`,
    `['a']`, `{"choices": ["a"]}`); None where it holds lists or objects of something else."""
    if not cell.startswith(("[", "{")):
        return [cell] if cell else []
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
            value = value[0]
        if isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), list):
            value = next(iter(value.values()))
        if not isinstance(value, list) or any(isinstance(entry, (list, dict)) for entry in value):
            return None
        return [str(entry) for entry in value]
    return [cell]


def _refused_rows(table: Table, label: int) -> set[int]:
    """Rows whose label was rejected or ignored, as a column `answer` says (Prodigy)."""
    lower = [name.strip().lower() for name in table.columns or ()]
    if "answer" not in lower or lower.index("answer") == label:
        return set()
    answers = table.cells(lower.index("answer"))
    return {i for i, answer in enumerate(answers) if answer != "accept"} if set(answers) <= ANSWERS else set()


def with_found_columns(path: Path, form: LabelledFormat) -> LabelledFormat:
    """The format with the columns of this table, so that its sibling files are read alike."""
    if _is_fasttext(path, form.table.encoding):
        return form
    table = read_table(path, form.table, form.names)
    if not table.rows or table.width < 2:
        return form
    text, label, _ = _text_and_label(table, form)
    found = (_name(table, text), _name(table, label))
    return replace(form, text_column=form.text_column or found[0], label_column=form.label_column or found[1])


def _text_and_label(table: Table, form: LabelledFormat) -> tuple[int, int, list[str]]:
    """Positions of the two columns, and a note where they were guessed."""
    text = None if form.text_column is None else table.position(form.text_column, "text_column")
    label = None if form.label_column is None else table.position(form.label_column, "label_column")
    lower = [name.strip().lower() for name in table.columns or ()]
    guessed = []
    if text is None:
        text = _named(lower, TEXT_NAMES, label)
        guessed.append("text")
    if label is None:
        label = _named(lower, LABEL_NAMES, text)
        guessed.append("label")
    if (text is None or label is None) and table.width == 2:
        if text is None and label is None:
            counts = [len(set(table.cells(position))) for position in (0, 1)]
            if 2 * min(counts) <= max(counts):
                label = counts.index(min(counts))
                text = 1 - label
        else:
            text, label = (1 - label if text is None else text), (1 - text if label is None else label)  # type: ignore[operator]
    if text is None or label is None:
        missing = "text_column" if text is None else "label_column"
        columns = ", ".join(table.columns) if table.columns is not None else f"{table.width} columns without names"
        raise BadInput(
            f"datamodule.{missing} is needed: {table.path} has {columns}; name one or give its number, for example"
            f" datamodule.{missing}={_name(table, _likely(table, text, label))}{table.preview()}"
        )
    if text == label:
        raise BadInput(f"datamodule.text_column and datamodule.label_column name the same column of {table.path}")
    for position, key in ((text, "text_column"), (label, "label_column")):
        if table.columns is not None and not str(getattr(form, key)).isdecimal():
            same = [str(i) for i, name in enumerate(table.columns, 1) if name == table.columns[position]]
            if len(same) > 1:
                raise BadInput(
                    f"datamodule.{key}: {table.path} has {len(same)} columns '{table.columns[position]}'"
                    f" ({', '.join(same)}); give the number of one, for example datamodule.{key}={same[0]}"
                )
    usual = guessed and (_name(table, text), _name(table, label)) != (TEXT_NAMES[0], LABEL_NAMES[0])
    note = f"text from column '{_name(table, text)}', label from column '{_name(table, label)}'"
    return text, label, [note] if usual else []


def _named(lower: list[str], names: tuple[str, ...], other: int | None) -> int | None:
    """Position of the column that is called so; else of the only one whose last word is one of the names
    (`question_text`, `airline_sentiment`), or the only one with such a word (`Class Index`)."""
    free = [position for position in range(len(lower)) if position != other]
    found = next((position for name in names for position in free if lower[position] == name), None)
    words = [re.findall(r"[^\W_]+", name) for name in lower]
    for fits in (
        [position for position in free if words[position][-1:] and words[position][-1] in names],
        [position for position in free if set(words[position]) & set(names)],
    ):
        if found is None and len(fits) == 1:
            found = fits[0]
    return found


def _likely(table: Table, text: int | None, label: int | None) -> int:
    """For an example: the column of the longest cells as text, that of the fewest different ones as label."""
    free = [position for position in range(table.width) if position not in (text, label)]
    free = [position for position in free if position not in table.nested] or free
    cells = {position: table.cells(position) for position in free}
    if text is None:
        return max(free, key=lambda position: sum(map(len, cells[position])))
    kinds = {position: len(set(cells[position])) for position in free}
    return min(free, key=lambda position: (kinds[position] < 2, kinds[position]))


def _name(table: Table, position: int) -> str:
    return table.columns[position] if table.columns is not None else str(position + 1)


def _is_text(path: Path) -> bool:
    return Path(without_compression(path.name)).suffix.lower() not in TABLE_SUFFIXES


def _is_fasttext(path: Path, encoding: str | None) -> bool:
    return _is_text(path) and read_text(path, encoding).lstrip().startswith(FASTTEXT_PREFIX)


def _read_fasttext(path: Path, encoding: str | None) -> LabelledTexts:
    """Lines of `__label__NAME text` (fastText, Joulin et al. 2017)."""
    read = LabelledTexts()
    text = read_text(path, encoding)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            read.blank += 1
            continue
        words = line.split()
        labels = [word for word in words if word.startswith(FASTTEXT_PREFIX)]
        if len(labels) != 1:
            raise BadInput(f"{path}:{number}: {len(labels)} labels ({FASTTEXT_PREFIX}NAME); one a text is accepted")
        rest = line.replace(labels[0], "", 1).strip()
        read.add(rest, labels[0].removeprefix(FASTTEXT_PREFIX), f"{path.name}:{number}")
    return read
