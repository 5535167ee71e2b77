"""Labelled texts: a table, a `__label__` file, or a folder in one of the layouts that data sets come in."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import islice
from pathlib import Path

from datamodules.errors import BadInput
from datamodules.files.encoding import read_text, without_compression
from datamodules.files.foreign import refuse_foreign_file
from datamodules.files.listing import files_below, is_data
from datamodules.files.records import TABLE_SUFFIXES, MissingColumn
from datamodules.text.labelled_tables import LabelledFormat, read_labelled_table, with_found_columns
from datamodules.text.labelled_texts import LabelledTexts
from datamodules.text.official_splits import described, split_of_name

#: Files of a folder that are about the data, not of it (by their first word, lower case).
UNLABELLED = ("unsup", "unlabeled", "unlabelled", "unsupervised")  # folders of texts that have no label
ABOUT = (
    "readme",
    "license",
    "licence",
    "copying",
    "citation",
    "changelog",
    "dataset_info",
    "dataset_dict",
    "state.json",
)
#: What the files of texts, and of their labels line by line, are called.
SIDES = {
    "text": re.compile(r"(?<![a-z])(texts?|sentences?|seq\.in)(?![a-z])"),
    "label": re.compile(r"(?<![a-z])labels?(?![a-z])"),
}


def read_labelled(path: Path, form: LabelledFormat) -> LabelledTexts:
    """Everything that a table or folder holds, in the order of file names and lines.

    A folder is one of: official splits (`train.csv`, `val.csv`, `test.csv`, or folders of these names); a folder a
    label, a file a text; a file a label (`<Label>.txt`, or `name.<label>`), a line a text; a file of texts and one of
    labels, line by line; a single table.

    Raises:
        BadInput: the path, a file, a line or a column cannot be used; the sentence names it.
    """
    if not path.exists():
        raise BadInput(f"datamodule.data_dir={path}: there is no such file or folder")
    read = _read_folder(path, form) if path.is_dir() else read_labelled_table(path, form)
    if not len(read):
        raise BadInput(f"datamodule.data_dir={path}: no labelled text in it")
    _join_numbers(read)
    return read


def _join_numbers(read: LabelledTexts) -> None:
    """`1.0` is `1` where both are labels: pandas writes whole numbers so in a file where one is missing."""
    known = set(read.labels)
    same = {label: label[:-2] for label in known if re.fullmatch(r"-?\d+\.0", label) and label[:-2] in known}
    if same:
        read.labels = [same.get(label, label) for label in read.labels]
        read.notes.append(f"labels that are one number: {', '.join(f'{a} is {b}' for a, b in sorted(same.items()))}")


def _read_folder(folder: Path, form: LabelledFormat) -> LabelledTexts:
    files, folders, ignored = _entries(folder)
    for layout in (_split_folders, _parallel_files, _split_files):
        read = layout(folder, files, folders, form)
        if read is not None:
            return read
    needed = 2 if any(file.suffix == ".txt" for file in files) else 1  # beside `<Label>.txt` one folder is no label
    if len(list(islice((sub for sub in folders if _entries(sub)[0]), needed))) == needed:
        read = _label_folders(folders, form)
        left = [file.name for file in files]
    else:
        read, used = _label_files(folder, files, form)
        left = [file.name for file in files if file not in used] + [f"{sub.name}/" for sub in folders]
    if left or ignored:
        read.notes.append(f"left out: {_listed([*left, *ignored])}")
    return read


def _entries(folder: Path) -> tuple[list[Path], list[Path], list[str]]:
    """Files and folders of a folder that may hold data, and the names of those that are about it."""
    entries = [p for p in sorted(folder.iterdir()) if is_data(p.name) and not p.name.startswith("_")]
    about = [p for p in entries if p.is_file() and p.name.lower().startswith(ABOUT)]
    files = [p for p in entries if p.is_file() and p not in about]
    return files, [p for p in entries if p.is_dir()], [p.name for p in about]


def _split_folders(folder: Path, files: list[Path], folders: list[Path], form: LabelledFormat) -> LabelledTexts | None:
    """`train/`, `test/` ..., each in any layout."""
    split_of = {sub: split_of_name(sub.name) for sub in folders}
    if "train" not in split_of.values() or len(split_of) < 2 or None in split_of.values():
        return None
    read = LabelledTexts()
    for sub, split in split_of.items():
        read.extend(_read_folder(sub, form), split or "", sub.name)
    read.notes.append(described({f"{sub.name}/": split or "" for sub, split in split_of.items()}))
    if files:
        read.notes.append(f"left out: {_listed([file.name for file in files])}")
    return read


def _split_files(folder: Path, files: list[Path], folders: list[Path], form: LabelledFormat) -> LabelledTexts | None:
    """`train.csv`, `test.csv` ...; also `.txt` of lines with label and text."""
    split_of = {file: split for file in files if (split := split_of_name(file.name)) is not None}
    if "train" not in split_of.values() or len(split_of) < 2:
        return None
    form = with_found_columns(next(file for file, split in split_of.items() if split == "train"), form)
    read = LabelledTexts()
    for file, split in list(split_of.items()):
        try:
            read.extend(read_labelled_table(file, form), split)
        except MissingColumn as error:
            if split == "train" or error.key != "label_column":
                raise
            if form.empty_labels == "refuse":
                raise BadInput(
                    f"{error}; datamodule.empty_labels=leave_out leaves a file without labels out, and holds texts"
                    " of the training split out instead"
                ) from None
            del split_of[file]
    read.notes.append(described({file.name: split for file, split in split_of.items()}))
    left = [file.name for file in files if file not in split_of] + [f"{sub.name}/" for sub in folders]
    if left:
        read.notes.append(f"left out: {_listed(left)}")
    return read


def _parallel_files(folder: Path, files: list[Path], folders: list[Path], form: LabelledFormat) -> LabelledTexts | None:
    """Texts in one file and their labels in another: `train_text.txt`, `train_labels.txt` (TweetEval), or `seq.in`,
    `label` (ATIS and SNIPS)."""
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    for file in files:
        for side, pattern in SIDES.items():
            rest, count = pattern.subn("", file.name.lower().removesuffix(".txt"))
            if count and file.suffix.lower() not in TABLE_SUFFIXES:
                found[rest.strip("-_. ")][side] = file
    pairs = {name: pair for name, pair in found.items() if len(pair) == len(SIDES)}
    split_of = {name: split_of_name(name) if len(pairs) > 1 else "" for name in pairs}
    if not pairs or None in split_of.values():
        return None
    read = LabelledTexts()
    for name, pair in pairs.items():
        texts, labels = (
            read_text(pair[side], form.table.encoding).removesuffix("\n").split("\n") for side in ("text", "label")
        )
        if len(texts) != len(labels):
            raise BadInput(
                f"{pair['text']} has {len(texts):,} lines, {pair['label']} has {len(labels):,};"
                " a label a text is accepted"
            )
        for number, (text, label) in enumerate(zip(texts, labels), 1):
            if text.strip() and not label.strip():
                raise BadInput(f"{pair['label']}:{number}: no label; one a line is accepted")
            read.add(text, label.strip(), f"{pair['text'].name}:{number}", split_of[name] or "")
        read.notes.append(f"texts from {pair['text'].name}, labels from {pair['label'].name}")
    if len(pairs) > 1:
        read.notes.append(described({name: split or "" for name, split in split_of.items()}))
    used = [file for pair in pairs.values() for file in pair.values()]
    left = [file.name for file in files if file not in used] + [f"{sub.name}/" for sub in folders]
    if left:
        read.notes.append(f"left out: {_listed(left)}")
    return read


def _label_folders(folders: list[Path], form: LabelledFormat) -> LabelledTexts:
    """A folder a label, a file a text."""
    read = LabelledTexts()
    unlabelled = [folder for folder in folders if folder.name.lower() in UNLABELLED]
    if unlabelled and len(folders) > len(unlabelled):
        folders = [folder for folder in folders if folder not in unlabelled]
        read.notes.append(f"left out, without label: {_listed([f'{folder.name}/' for folder in unlabelled])}")
    for folder in folders:
        for file in sorted(files_below(folder)):
            text = read_text(file, form.table.encoding)
            read.add(text.strip(), folder.name, file.relative_to(folder.parent).as_posix())
    read.notes.append(f"a folder a label, a file a text: {len(folders):,} labels")
    return read


def _label_files(folder: Path, files: list[Path], form: LabelledFormat) -> tuple[LabelledTexts, list[Path]]:
    """A file a label, a line a text; or the folder's only table.  Also which files were used."""
    tables = [p for p in files if Path(without_compression(p.name)).suffix.lower() in TABLE_SUFFIXES]
    texts = [p for p in files if p.suffix == ".txt"]
    if tables and not texts:
        if len({re.sub(r"-\d{5}-of-\d{5}", "", table.name) for table in tables}) == 1:  # shards of one
            read = LabelledTexts()
            for table in tables:
                read.extend(read_labelled_table(table, form))
            return read, tables
        if len(tables) > 1:
            names = _listed([table.name for table in tables])
            raise BadInput(f"datamodule.data_dir={folder}: several tables ({names}); give the path of one of them")
    label_of = {file: file.stem for file in texts}
    if not texts:
        label_of = _labels_of_suffixes(files)
    if not label_of:
        for file in files:
            refuse_foreign_file(file)
        raise BadInput(f"datamodule.data_dir={folder}: no <Label>.txt, no table and no folders of texts in this folder")
    read = LabelledTexts()
    for file, label in label_of.items():
        before = len(read)
        content = read_text(file, form.table.encoding)
        for number, line in enumerate(content.removesuffix("\n").split("\n"), 1):
            read.add(line, label, f"{file.name}:{number}")
        if len(read) == before:
            raise BadInput(f"{file}: empty; a label's file holds one text a line")
    return read, list(label_of)


def _labels_of_suffixes(files: list[Path]) -> dict[Path, str]:
    """`polarity.neg`, `polarity.pos`: labels are the suffixes of files that share a stem."""
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        by_stem[file.stem].append(file)
    if len(by_stem) == 1 and len(files) > 1 and all(file.suffix for file in files):
        return {file: file.suffix[1:] for file in files}
    return {file: file.name for file in files if not file.suffix}


def _listed(names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
