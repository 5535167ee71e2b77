"""LMDB in the layout of scene-text benchmarks: `num-samples`, `image-%09d` and `label-%09d` from 1."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from datamodules.errors import BadInput
from datamodules.line_images.records import LineRecord, LineRecords

MAP_SIZE = 1 << 36  # bytes of address space, not of disk


def is_database(path: Path) -> bool:
    return (path / "data.mdb").is_file() or path.name.endswith((".mdb", ".lmdb"))


def read_database(path: Path) -> LineRecords:
    """Every line of a database.

    Raises:
        BadInput: not an LMDB, or not of that layout.
    """
    lmdb = _lmdb()
    try:
        database = lmdb.open(str(path), subdir=path.is_dir(), readonly=True, lock=False, readahead=False)
    except lmdb.Error as error:
        raise BadInput(f"{path}: not an LMDB that can be read ({error})") from None
    _refuse_torn(database, path)
    with database.begin() as transaction:
        stated = transaction.get(b"num-samples")
        if stated is None or not stated.isdigit():
            raise BadInput(f"{path}: no num-samples in it; the layout is num-samples, image-%09d and label-%09d from 1")
        entries = transaction.stat()["entries"]
        if len(stated) > 18 or int(stated) > entries:
            raise BadInput(f"{path}: num-samples is {stated.decode()[:20]}, but only {entries:,} entries are in it")
        read = LineRecords()
        for number in range(1, int(stated) + 1):
            place = f"{path} label-{number:09d}"
            label = transaction.get(b"label-%09d" % number)
            key = b"image-%09d" % number
            if label is None or transaction.get(key) is None:
                read.left_out[key.decode()] = "no label" if label is None else "no image"
                continue
            try:
                text = label.decode("utf-8")
            except UnicodeDecodeError:
                raise BadInput(f"{place}: not UTF-8") from None
            read.add(LineRecord(key.decode(), text, partial(_value, database, key), place))
    return read.finish(path, "line in it")


def write_database(lines: Iterable[LineRecord], folder: Path) -> int:
    """Write a database into a new folder; how many lines."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with _lmdb().open(str(folder), map_size=MAP_SIZE) as database, database.begin(write=True) as transaction:
        for count, record in enumerate(lines, 1):
            transaction.put(b"image-%09d" % count, record.read())
            transaction.put(b"label-%09d" % count, record.text.encode("utf-8"))
        transaction.put(b"num-samples", str(count).encode())
    return count


def _refuse_torn(database: Any, path: Path) -> None:
    """A file that ends before its last page: reading on would end the process, not raise."""
    file = path / "data.mdb" if path.is_dir() else path
    needed = (database.info()["last_pgno"] + 1) * database.stat()["psize"]
    if file.stat().st_size < needed:
        raise BadInput(f"{path}: not an LMDB that can be read (torn: {file.stat().st_size:,} of {needed:,} bytes)")


def _value(database: Any, key: bytes) -> bytes:
    with database.begin() as transaction:
        return transaction.get(key)


def _lmdb() -> Any:
    try:
        import lmdb
    except ImportError:
        raise BadInput("reading and writing LMDB needs the package lmdb: pip install lmdb") from None
    return lmdb
