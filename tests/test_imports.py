"""Imports run one way: between the rooms downwards, and inside a room without a circle.

Every import counts: those inside functions, and those for type checkers only.
"""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]

#: Rooms, the lowest first: a file imports from its own room and from rooms that stand before it.
ROOMS = ("datamodules", "lightning_modules", "scripts")

#: The rooms of a folder, the lowest first; what stands in one line may not import from one another.
FLOORS = {
    "datamodules": (
        ("errors",),
        ("files",),
        ("batching",),
        ("text",),
        ("series", "line_images"),
        ("base",),
    ),
    "lightning_modules": (("layers",), ("tasks",), ("training",), ("base",)),
    "scripts": (
        ("console",),
        ("config",),
        ("runs",),
        ("compare", "export", "predict"),
        ("sweeps",),
        ("hydra_plugins", "train", "evaluate", "prepare"),
    ),
}


def modules() -> dict[str, Path]:
    """Dotted name of every module of the project -> its file; a program beside a package of its name is `name.py`."""
    found = {}
    for room in ROOMS:
        for path in sorted((PROJECT / room).rglob("*.py")):
            parts = path.relative_to(PROJECT).with_suffix("").parts
            if path.with_suffix("").is_dir():
                parts = (*parts[:-1], f"{parts[-1]}.py")
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports_of(path: Path, known: dict[str, Path]) -> list[tuple[int, str]]:
    """(line, module) of everything in the project that a file imports, anywhere in it."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.append((node.lineno, name if name in known else node.module))
        elif isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
    return [(line, name) for line, name in found if name in known]


KNOWN = modules()


@functools.cache
def edges() -> dict[str, list[tuple[int, str]]]:
    """Module -> what it imports, and where."""
    return {name: imports_of(path, KNOWN) for name, path in KNOWN.items()}


def test_rooms_import_downwards_only() -> None:
    wrong = [
        f"{KNOWN[name].relative_to(PROJECT)}:{line} imports {imported}"
        for name, imports in edges().items()
        for line, imported in imports
        if ROOMS.index(imported.partition(".")[0]) > ROOMS.index(name.partition(".")[0])
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", FLOORS)
def test_the_floors_of_a_room_import_downwards_only(room: str) -> None:
    floor_of = {name: number for number, names in enumerate(FLOORS[room]) for name in names}
    wrong = []
    for name, imports in edges().items():
        parts = name.split(".")
        if parts[0] != room or len(parts) < 2 or parts[1] not in floor_of:
            continue
        for line, imported in imports:
            other = imported.split(".")
            if other[0] != room or len(other) < 2 or other[1] == parts[1]:
                continue
            above = len(FLOORS[room])  # a data set's or architecture's own file stands above all named rooms
            if floor_of.get(other[1], above) >= floor_of[parts[1]]:
                wrong.append(f"{KNOWN[name].relative_to(PROJECT)}:{line} imports {imported}")
    assert not wrong, "\n".join(wrong)


def test_no_files_import_one_another() -> None:
    circles = circles_of({name: {other for _, other in imports if other != name} for name, imports in edges().items()})
    assert not circles, "\n".join(" -> ".join(circle) for circle in circles)


def circles_of(edges: dict[str, set[str]]) -> list[list[str]]:
    """The sets of modules that reach one another (Tarjan 1972: strongly connected components of more than one)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(edges[name]):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            at = stack.index(name)
            component = stack[at:]
            del stack[at:]
            if len(component) > 1:
                found.append(sorted(component))

    for name in sorted(edges):
        if name not in index:
            visit(name)
    return found


def test_the_search_for_circles_finds_one() -> None:
    edges: dict[str, set[str]] = defaultdict(set, {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert circles_of(dict(edges)) == [["a", "b", "c"]]


def test_the_first_floor_of_lightning_modules_shows_architectures_and_the_base_class_only() -> None:
    """`ls lightning_modules/*.py`: every file but base.py is an architecture that conf/module names."""
    chosen = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "conf" / "module").rglob("*.yaml"))
    files = {path.stem for path in (PROJECT / "lightning_modules").glob("*.py")} - {"__init__", "base"}
    assert not [name for name in sorted(files) if f"lightning_modules.{name}." not in chosen]
