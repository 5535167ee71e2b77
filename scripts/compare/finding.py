"""Find run folders at and below the paths of a command line; nothing but file names is read."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from datamodules.errors import BadInput
from scripts.runs.folder import RunFolder

#: Files that only run folders have; the second is all that a run leaves which failed before its settings were kept.
MARKS = ("config.yaml", "status.json")


def run_folders(paths: Collection[str], evaluations: bool = False) -> list[RunFolder]:
    """Every run folder at or below the paths, each once, in order of name.

    Args:
        paths: run folders, sweep folders, folders of them, and patterns such as `runs/*/2026-01-*`.
        evaluations: find the folders in which scripts/evaluate.py kept evaluations of these runs instead.

    Raises:
        BadInput: a path does not exist, or has no run in it.
    """
    found: dict[str, RunFolder] = {}
    for path in paths:
        places = places_of(path)
        if not places or not os.path.exists(places[0]):
            raise BadInput(f"{path}: there is no such folder; run folders, sweep folders and patterns are accepted")
        runs = [run for place in places for run in _below(place)]
        if evaluations:
            runs = [found for run in runs for found in _below(os.path.join(run, "evaluations"))]
            if not runs:
                raise BadInput(
                    f"{path}: no run in it was evaluated on other data (evaluate.py RUN datamodule.data_dir=)"
                )
        if not runs:
            raise BadInput(f"{path}: no run folder in it (a run folder holds config.yaml)")
        for run in runs:
            found.setdefault(os.path.realpath(run), RunFolder(Path(run)))
    return list(found.values())


def places_of(path: str) -> list[str]:
    """What a path names: itself where it exists, whatever letters are in it, or else what matches it as a pattern."""
    expanded = os.path.expanduser(path)
    if os.path.exists(expanded) or not glob.has_magic(path):
        return [expanded]
    return sorted(glob.glob(expanded))


def _below(place: str) -> Iterator[str]:
    for folder, inside, files in os.walk(place):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        if any(mark in files for mark in MARKS):
            inside.clear()
            yield folder
