"""Running the project's commands as a person does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def run(
    script: str,
    *arguments: object,
    stdin: str = "",
    status: int = 0,
    folder: Path | None = None,
    timeout: float = 240,
    torchrun: int = 0,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """`python scripts/<script> <arguments>`; fails the test where the exit status is another than expected.

    With `torchrun`, as so many processes; `variables` are added to the environment.
    """
    python = [sys.executable, *(["-m", "torch.distributed.run", f"--nproc-per-node={torchrun}"] if torchrun else [])]
    done = subprocess.run(
        [*python, str(PROJECT / "scripts" / script), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=folder or PROJECT,
        env={**os.environ, "COLUMNS": "160", **(variables or {})},
    )
    assert done.returncode == status, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
