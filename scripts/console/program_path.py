"""Names of commands as they have to be typed from the working folder."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def program(name: str) -> str:
    """`name` where a shell finds this environment's own, else its path: `make` runs in one that is not activated.

    Args:
        name: `python`, or a program that was installed beside it.
    """
    here = Path(sys.executable).parent
    found = shutil.which(name)
    if (found and Path(found).parent == here) or not (here / name).exists():
        return name
    relative = os.path.relpath(here / name)
    return shlex.quote(str(here / name) if relative.startswith("..") else relative)
