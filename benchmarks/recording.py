"""Results with everything needed to believe them: hardware, versions, commit, date and command."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from scripts.runs.environment import environment
from scripts.runs.folder import write_whole

RESULTS = Path(__file__).parent / "results"


def circumstances() -> dict[str, Any]:
    """Where, when and how this process measures."""
    facts = environment()
    kept = ("cpu", "cpus", "gpus", "platform", "python", "packages", "git_commit", "git_dirty")
    command = shlex.join(["python", f"{Path(sys.argv[0]).parent.name}/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    date = datetime.now(UTC).date().isoformat()
    return {"date": date, "command": command, **{key: facts[key] for key in kept}}


def record(name: str, rows: list[dict[str, Any]]) -> Path:
    """Write `results/<name>.json`; the latest measurement stands."""
    path = RESULTS / f"{name}.json"
    write_whole(path, json.dumps({**circumstances(), "rows": rows}, indent=2, ensure_ascii=False) + "\n")
    return path


def recorded_rows(name: str) -> list[dict[str, Any]]:
    """The rows of `results/<name>.json`, none where it was never measured."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []


def recorded_on(name: str) -> str:
    """What `results/<name>.json` was measured with."""
    facts = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    torch_version = facts["packages"].get("torch")
    return ", ".join([*(facts["gpus"] or [facts["cpu"]]), *([f"torch {torch_version}"] if torch_version else [])])


def among_recorded(name: str, new_rows: list[dict[str, Any]], key: str, order: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of `results/<name>.json` with those measured anew in the place of theirs, in the `order` of `key`."""
    places = {value: place for place, value in enumerate(order)}
    measured = {row[key] for row in new_rows}
    kept = [row for row in recorded_rows(name) if row[key] in places and row[key] not in measured]
    return sorted([*kept, *new_rows], key=lambda row: places[row[key]])


def of_this_device(name: str) -> str:
    """The name of results that a processor and a GPU have a file each of."""
    return f"{name}_{'gpu' if torch.cuda.is_available() else 'cpu'}"


def show(rows: list[dict[str, Any]], title: str) -> None:
    """The rows as a table on standard error."""
    from rich.console import Console

    from scripts.console.tables import table

    Console(stderr=True, width=160).print(table(rows, title))
