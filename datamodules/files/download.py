"""Fetching public data sets: every file verified, a broken transfer resumed, never half a file left.

`sources.tsv` beside this file says where each file is, at a fixed commit, and its size and sha256.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from datamodules.errors import BadInput, did_you_mean

SOURCES = Path(__file__).with_name("sources.tsv")
CHUNK = 1 << 16  # bytes
TIMEOUT = 30.0  # seconds without an answer
ATTEMPTS = 4

#: Called with the number of bytes that arrived.
Progress = Callable[[int], None]


@dataclass(frozen=True)
class RemoteFile:
    """A file of a public data set, and what it has to be."""

    name: str
    num_bytes: int
    sha256: str
    url: str


def datasets() -> dict[str, list[RemoteFile]]:
    """Data set -> its files."""
    sets: dict[str, list[RemoteFile]] = {}
    with SOURCES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            remote = RemoteFile(row["file"], int(row["bytes"]), row["sha256"], row["url"])
            sets.setdefault(row["set"], []).append(remote)
    return sets


def files_of(dataset: str) -> list[RemoteFile]:
    known = datasets()
    if dataset not in known:
        raise BadInput(f"{dataset}: no such data set{did_you_mean(dataset, known)}; there are {', '.join(known)}")
    return known[dataset]


def fetch(remote: RemoteFile, folder: Path, base: str | None = None, progress: Progress = lambda n: None) -> bool:
    """Put a file into a folder, unless it is there already; whether it had to be fetched.

    What has arrived waits in `.<name>.part` and is gone on with; the file appears under its name only once it is whole
    and verified.

    Args:
        remote: the file.
        folder: where it belongs; made if it does not exist.
        base: an address to take the file's name from instead of `remote.url`.
        progress: told of every chunk of bytes.

    Raises:
        BadInput: it cannot be had, or what came is not what it has to be.
    """
    target = folder / remote.name
    if target.exists():
        if _sha256(target) == remote.sha256:
            progress(remote.num_bytes)
            return False
        raise BadInput(f"{target}: differs from the published file; move it away to fetch that one")
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < remote.num_bytes:
        raise BadInput(f"{folder}: too little space on the disk for {remote.name} ({remote.num_bytes:,} bytes)")
    url = remote.url if base is None else f"{base.rstrip('/')}/{urllib.parse.quote(remote.name)}"
    partial = folder / f".{remote.name}.part"
    progress(partial.stat().st_size if partial.exists() else 0)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _continue(url, partial, remote, progress)
            break
        except (OSError, urllib.error.URLError) as error:
            if attempt == ATTEMPTS or (isinstance(error, urllib.error.HTTPError) and error.code < 500):
                reason = getattr(error, "reason", None) or error
                raise BadInput(
                    f"{url}: cannot be fetched ({reason}); what arrived is kept, and the next try resumes it"
                ) from None
    if partial.stat().st_size != remote.num_bytes or _sha256(partial) != remote.sha256:
        size = partial.stat().st_size
        partial.unlink()
        raise BadInput(
            f"{url}: not the published file ({size:,} bytes, {remote.num_bytes:,} expected, or another sha256);"
            " nothing was kept"
        )
    partial.replace(target)
    return True


def _continue(url: str, partial: Path, remote: RemoteFile, progress: Progress) -> None:
    """Resume a transfer: append what is missing to the partial file; start over where the server takes no range."""
    have = partial.stat().st_size if partial.exists() else 0
    if have >= remote.num_bytes:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        resumed = have > 0 and response.status == 206
        if have and not resumed:
            progress(-have)
        with partial.open("ab" if resumed else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                progress(len(chunk))
                if file.tell() > remote.num_bytes:
                    return  # longer than it may be: the check of its size says so
    if partial.stat().st_size < remote.num_bytes:
        raise OSError(f"ended after {partial.stat().st_size:,} of {remote.num_bytes:,} bytes")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
