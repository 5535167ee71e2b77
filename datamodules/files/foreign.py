"""Kinds of files that are neither text nor a table that can be read, known by their first bytes."""

from __future__ import annotations

from pathlib import Path

from datamodules.errors import BadInput

HEAD = 2048  # bytes that tell

_UNPACK = "unpack it and give the file or folder in it"
_SAVE = "saved as CSV (UTF-8) it is read"
#: First bytes -> what the file is, and what makes it readable.
_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", f"a zip archive; {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7z archive; {_UNPACK}"),
    (b"Rar!\x1a\x07", f"a RAR archive; {_UNPACK}"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"a file of Excel or Word; {_SAVE}"),
    (b"SQLite format 3\0", "an SQLite database; export its table as CSV"),
    (b"%PDF-", "a PDF; its text has to be taken out first"),
    (b"\x1f\x8b", "compressed with gzip; its name has to end in .gz"),
    (b"BZh91AY&SY", "compressed with bzip2; its name has to end in .bz2"),
    (b"\xfd7zXZ\0", "compressed with xz; its name has to end in .xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; decompress it (zstd -d FILE)"),
    (b"PAR1", "a Parquet file; its name has to end in .parquet"),
    (b"ARROW1", "an Arrow file; its name has to end in .arrow"),
    (b"version https://git-lfs", "a pointer of Git LFS and not the file itself, which 'git lfs pull' fetches"),
)
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))


def refuse_foreign(head: bytes, path: Path) -> None:
    """Raises: BadInput: the file is of another kind; the sentence says which, and what can be given instead."""
    kind = next((kind for mark, kind in _KINDS if head.startswith(mark)), None)
    if head.startswith(b"PK\x03\x04") and (path.suffix.lower() in (".xlsx", ".xlsm", ".ods") or b"xl/" in head):
        kind = f"a spreadsheet; {_SAVE}"
    if head[257:262] == b"ustar":
        kind = f"a tar archive; {_UNPACK}"
    if head.startswith(_PICKLES):
        kind = "a pickle, which is never read, as it could execute anything; pandas' to_csv or to_parquet write tables"
    if kind is not None:
        raise BadInput(f"{path}: {kind}")


def refuse_foreign_file(path: Path) -> None:
    """`refuse_foreign` of the first bytes of a file."""
    with path.open("rb") as file:
        refuse_foreign(file.read(HEAD), path)


def refuse_markup(text: str, path: Path) -> None:
    """Raises: BadInput: a web page or XML stands where rows of a table belong."""
    start = text[:200].lstrip().lower()
    if start.startswith(("<!doctype html", "<html")):
        raise BadInput(f"{path}: a web page and not a table; such a page comes where a download asks for a login")
    if start.startswith(("<?xml", "<tmx")):
        raise BadInput(f"{path}: XML; a table is accepted (.csv, .tsv, .jsonl, .parquet)")
