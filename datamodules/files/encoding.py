"""Encoding of text files: detected, or named; bytes that are not of it are an error with the likely encodings."""

from __future__ import annotations

import bz2
import codecs
import gzip
import logging
import lzma
import re
import zlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from datamodules.errors import BadInput
from datamodules.files.foreign import HEAD, refuse_foreign

log = logging.getLogger(__name__)

CANDIDATE_ENCODINGS = ("cp1252", "cp1250", "cp1251", "iso-8859-15", "shift_jis", "gb18030")  # shown, never taken
COMPRESSIONS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

_BYTE_ORDER_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def without_compression(name: str) -> str:
    """A file's name without `.gz`, `.bz2` or `.xz`."""
    for suffix in COMPRESSIONS:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def read_bytes(path: Path) -> bytes:
    """A file's bytes, decompressed where its suffix says so.

    Raises:
        BadInput: it cannot be read.
    """
    opener = COMPRESSIONS.get(path.suffix.lower(), open)
    try:
        with opener(path, "rb") as file:
            return file.read()
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise BadInput(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None


def read_text(path: Path, encoding: str | None = None) -> str:
    """A file's text without byte-order mark and with `\\n` line ends.

    Line ends are `\\n`, `\\r\\n`, or `\\r` where the file has no other.  Without `encoding` it is that of a
    byte-order mark, UTF-16 that has none (every second byte of it is 0), or else UTF-8.

    Raises:
        BadInput: it cannot be read, or has bytes that are not of that encoding.
    """
    return read_text_and_encoding(path, encoding)[0]


def read_text_and_encoding(path: Path, encoding: str | None = None) -> tuple[str, str]:
    """`read_text`, and the name of the encoding that it was read with."""
    text, found = decode(read_bytes(path), path, encoding)
    text = text.replace("\r\n", "\n")
    if "\n" not in text:
        return text.replace("\r", "\n"), found
    inside = text.count("\r")  # left by an editor or a scraper; as line ends they would tear rows apart
    if inside:
        log.info(f"data: {path.name}: {inside:,} carriage returns within lines are read as spaces")
    return text.replace("\r", " "), found


def decode(raw: bytes, path: Path, encoding: str | None = None) -> tuple[str, str]:
    """Text of a file's bytes, without byte-order mark, and the name of its encoding.

    Raises:
        BadInput: another kind of file; or bytes that are not of the encoding, with their line and how other encodings
            would read them.
    """
    refuse_foreign(raw[:HEAD], path)
    found = encoding or _encoding_of(raw)
    try:
        if encoding is not None:
            codecs.lookup(encoding)
        return raw.decode(found).removeprefix("\ufeff"), found
    except LookupError:
        raise BadInput(f"datamodule.encoding={encoding}: no such encoding (utf-8, latin-1, cp1252, ...)") from None
    except UnicodeDecodeError as error:
        raise BadInput(_undecodable(raw, path, found, error)) from None


def _encoding_of(raw: bytes) -> str:
    for mark, name in _BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return name
    head = raw[:4096]
    if len(head) >= 4 and b"\0" in head:  # mostly ASCII letters, two bytes each
        zeros = [head[start::2].count(0) / len(head[start::2]) for start in (0, 1)]
        if zeros[1] > 0.4 and zeros[0] < 0.1:
            return "utf-16-le"
        if zeros[0] > 0.4 and zeros[1] < 0.1:
            return "utf-16-be"
    return "utf-8"


def _undecodable(raw: bytes, path: Path, encoding: str, error: UnicodeDecodeError) -> str:
    line = raw.count(b"\n", 0, error.start) + 1
    word_starts = max(raw.rfind(mark, 0, error.start) for mark in (b" ", b",", b";", b"\t", b"\n", b'"')) + 1
    word = re.split(rb'[\s,;"]', raw[word_starts : error.start + 40], maxsplit=1)[0]
    readings: dict[str, str] = {}
    for name in CANDIDATE_ENCODINGS:
        try:
            readings.setdefault(word.decode(name), name)
        except UnicodeDecodeError:
            continue
    read_as = ", ".join(f"{name} reads '{text}'" for text, name in islice(readings.items(), 3))
    shown = f": {read_as}" if read_as else ""
    return (
        f"{path} line {line}: byte 0x{raw[error.start]:02x} is not {encoding}; name the file's encoding, for example"
        f" datamodule.encoding={next(iter(readings.values()), 'latin-1')}{shown}"
    )
