"""Which files of a folder are data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

#: What is no data though its name begins with no dot: the folder that archives made on macOS unpack beside the data,
#: with a file of attributes for each file; what Windows keeps of a folder's look.
NOT_DATA = ("__MACOSX", "Thumbs.db", "desktop.ini")


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in order of path; links are followed, each folder is read once.

    Without what other programs leave there: `.git`, `.ipynb_checkpoints` with its copies, `.DS_Store`, `NOT_DATA`.
    """
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(filter(is_data, folders))
        yield from (Path(root, name) for name in sorted(filter(is_data, names)))


def is_data(name: str) -> bool:
    """Whether a file or folder of that name is a person's and not another program's."""
    return not name.startswith(".") and name not in NOT_DATA
