"""How two runs differ in settings, environment, data and metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.compare.runs import Run, read_run
from scripts.console.quantities import amount, signed
from scripts.runs.folder import RunFolder

if TYPE_CHECKING:
    from rich.console import Console

#: What differs between any two runs and says nothing.
ALWAYS_DIFFERENT = ("started", "data.lines")


@dataclass
class Diff:
    """Section -> key -> (value of A, value of B); only what differs."""

    runs: tuple[Run, Run]
    sections: dict[str, dict[str, tuple[Any, Any]]]

    def as_json(self) -> dict[str, Any]:
        a, b = self.runs
        return {"a": str(a.folder.path), "b": str(b.folder.path), **self.sections}

    def show(self, console: Console) -> None:
        from scripts.console.tables import table

        for side, run in zip("AB", self.runs):
            console.print(f"{side}: {run.folder.path} ({run.status})", highlight=False, soft_wrap=True)
        for name, rows in self.sections.items():
            if not rows:
                console.print(f"{name}: no difference", highlight=False)
                continue
            cells = []
            for key, (a, b) in rows.items():
                row = {"key": key, "A": _shown(a), "B": _shown(b)}
                if name == "metrics":
                    row["B − A"] = signed(b - a) if _is_number(a) and _is_number(b) else ""
                cells.append(row)
            console.print(table(cells, title=name))


def diff(path_a: str, path_b: str) -> Diff:
    """Differences between two runs.

    Raises:
        BadInput: a path is no run folder.
    """
    a, b = (read_run(RunFolder.existing(path)) for path in (path_a, path_b))
    environments, data = [], []
    for run in (a, b):
        facts = dict(_flat(run.environment))
        environments.append({k: v for k, v in facts.items() if not k.startswith("data.") and k != "fingerprint"})
        data.append({k: v for k, v in facts.items() if k.startswith("data.") or k == "fingerprint"})
    sections = {
        "settings": _different(a.settings, b.settings),
        "environment": _different(*environments),
        "data": _different(*data),
        "metrics": _different(a.metrics or {}, b.metrics or {}),
    }
    return Diff((a, b), sections)


def _different(a: dict[str, Any], b: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    keys = [*a, *(key for key in b if key not in a)]
    return {
        key: (a.get(key), b.get(key))
        for key in keys
        if (key in a, a.get(key)) != (key in b, b.get(key)) and key not in ALWAYS_DIFFERENT and key != "overrides"
        if not key.endswith("._target_")
    }


def _flat(values: dict[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{at}{key}.")
        else:
            yield f"{at}{key}", value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return "" if value is None else amount(value) if isinstance(value, float) else str(value)
