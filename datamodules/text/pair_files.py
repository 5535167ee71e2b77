"""Pairs of texts: a table, two parallel files, or a folder of either with official splits."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from anyascii import anyascii

from datamodules.errors import BadInput
from datamodules.files.encoding import read_text, without_compression
from datamodules.files.foreign import refuse_foreign_file
from datamodules.files.listing import is_data
from datamodules.files.records import TABLE_SUFFIXES
from datamodules.text.labelled_files import ABOUT
from datamodules.text.official_splits import described, split_of_name
from datamodules.text.pair_tables import PAIR_NAMES, PairFormat, ReadPairs, read_pair_table
from datamodules.text.surnames import bundled_surnames

SIDES = {"src": "source", "source": "source", "tgt": "target", "trg": "target", "target": "target"}


def read_pairs(path: Path, form: PairFormat, target_file: Path | None = None) -> ReadPairs:
    """Every pair of a table, of two parallel files, or of a folder of `train.tsv`, `val.tsv` or `train.en`, `train.fr`.

    Args:
        path: a file or folder.
        form: what is known about it.
        target_file: the second of two parallel files; `path` is the first.

    Raises:
        BadInput: a file, line or column cannot be used; the sentence names it.
    """
    if not path.exists():
        raise BadInput(f"datamodule.data_dir={path}: there is no such file or folder")
    if target_file is not None:
        read = read_parallel(path, target_file, form.table.encoding)
    elif path.is_dir():
        read = _read_folder(path, form)
    else:
        read = read_pair_table(path, form)
    if not len(read):
        raise BadInput(f"datamodule.data_dir={path}: no pair in it")
    return read


def read_parallel(source_file: Path, target_file: Path, encoding: str | None) -> ReadPairs:
    """Line n of one file and line n of the other.

    Raises:
        BadInput: one is missing, or they have different numbers of lines.
    """
    lines = []
    for key, file in (("data_dir", source_file), ("target_file", target_file)):
        if not file.is_file():
            raise BadInput(f"datamodule.{key}={file}: there is no such file")
        lines.append(read_text(file, encoding).removesuffix("\n").split("\n"))
    if len(lines[0]) != len(lines[1]):
        raise BadInput(
            f"{source_file} has {len(lines[0]):,} lines, {target_file} has {len(lines[1]):,};"
            " parallel files have as many"
        )
    read = ReadPairs(notes=[f"parallel files: {source_file.name} is the source, {target_file.name} the target"])
    for number, (source, target) in enumerate(zip(*lines), 1):
        read.add(source, target, f"{source_file.name}:{number}")
    return read


def transliterations() -> ReadPairs:
    """Surnames in their own scripts and in Latin letters, which need no download (packages Faker and anyascii)."""
    read = ReadPairs()
    surnames = bundled_surnames("nfc")
    for text, label, place in zip(surnames.texts, surnames.labels, surnames.places):
        if label in ("Greek", "Russian", "Ukrainian", "Arabic") and not text.isascii():
            read.add(text, anyascii(text), place)
    return read


def _read_folder(folder: Path, form: PairFormat) -> ReadPairs:
    entries = sorted(p for p in folder.iterdir() if p.is_file() and is_data(p.name))
    files = [p for p in entries if not p.name.lower().startswith(ABOUT)]
    prefixed = _by_prefix(files)
    if prefixed:
        return _read_parallels(prefixed, "source", "target", form)
    by_stem: dict[str, dict[str, Path]] = defaultdict(dict)
    tables = [p for p in files if Path(without_compression(p.name)).suffix.lower() in (*TABLE_SUFFIXES, ".txt")]
    for file in files:
        name = Path(without_compression(file.name))
        if file not in tables and name.suffix:
            by_stem[name.stem][name.suffix[1:]] = file
    several = {stem: pair for stem, pair in by_stem.items() if len(pair) > 1}
    if tables and not several:
        return _read_tables(folder, tables, form)
    suffixes = sorted({suffix for pair in several.values() for suffix in pair})
    if not several:
        for file in files:
            refuse_foreign_file(file)
        names = ", ".join(file.name for file in files[:6])
        raise BadInput(
            f"datamodule.data_dir={folder}: neither tables of pairs nor parallel files such as train.en and train.fr"
            f" ({names or 'nothing in it'})"
        )
    source, target = form.source_column, form.target_column
    if source is None and target is None:
        opus = [tuple(stem.rpartition(".")[2].split("-")) for stem in several]  # Tatoeba.de-en.de, Tatoeba.de-en.en
        known = [*PAIR_NAMES, *(pair for pair in opus if len(pair) == 2)]
        source, target = next((pair for pair in known if set(pair) <= set(suffixes)), (None, None))
    if source is None or target is None or not {source, target} <= set(suffixes):
        raise BadInput(
            f"datamodule.source_column and target_column name the suffixes of parallel files: {folder} has"
            f" {', '.join(suffixes)}; for example datamodule.source_column={suffixes[0]}"
            f" datamodule.target_column={suffixes[1]}"
        )
    pairs = {stem: pair for stem, pair in by_stem.items() if {source, target} & set(pair)}
    for stem, pair in pairs.items():
        if not {source, target} <= set(pair):
            raise BadInput(
                f"{next(iter(pair.values()))}: its parallel file is missing ({stem}.{source}, {stem}.{target})"
            )
    read = _read_parallels(pairs, source, target, form)
    used = [pair[suffix] for pair in pairs.values() for suffix in (source, target)]
    left = [file.name for file in files if file not in used]
    if left:
        read.notes.append(f"left out: {', '.join(left[:5])}{' ...' if len(left) > 5 else ''}")
    return read


def _by_prefix(files: list[Path]) -> dict[str, dict[str, Path]]:
    """What follows `src-`, `tgt-` (or `source`, `target`) in the files' names -> side -> file; nothing where a file is
    called otherwise, or lacks its partner."""
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    for file in files:
        side, _, rest = file.name.replace("_", "-").partition("-")
        found[rest][SIDES.get(side.lower(), side)] = file
    return dict(found) if all(set(pair) == {"source", "target"} for pair in found.values()) else {}


def _read_parallels(pairs: dict[str, dict[str, Path]], source: str, target: str, form: PairFormat) -> ReadPairs:
    """Parallel files; several are official splits, by their names."""
    read = ReadPairs()
    for name, pair in pairs.items():
        split = split_of_name(name) if len(pairs) > 1 else ""
        if split is None:
            raise BadInput(f"{pair[source]}: '{name}' is no split; train, val and test files are accepted")
        read.extend(read_parallel(pair[source], pair[target], form.table.encoding), split)
    if len(pairs) > 1:
        read.notes.append(f"official splits: {', '.join(pairs)}")
    return read


def _read_tables(folder: Path, tables: list[Path], form: PairFormat) -> ReadPairs:
    """The only table of a folder, or `train`, `val` and `test` tables."""
    split_of = {table: split_of_name(table.name) for table in tables}
    if len(tables) == 1:
        return read_pair_table(tables[0], form)
    if "train" not in split_of.values() or None in split_of.values():
        names = ", ".join(table.name for table in tables[:6])
        raise BadInput(f"datamodule.data_dir={folder}: several tables ({names}); give the path of one of them")
    read = ReadPairs()
    for table, split in split_of.items():
        read.extend(read_pair_table(table, form), split or "")
    read.notes.append(described({table.name: split or "" for table, split in split_of.items()}))
    return read
