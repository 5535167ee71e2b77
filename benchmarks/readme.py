"""The tables of README.md, written anew from benchmarks/results.

    python -m benchmarks.readme

Each stands between `<!-- NAME -->` and `<!-- end -->`; the functions of `TABLES` have the names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.recording import recorded

README = Path(__file__).resolve().parents[1] / "README.md"


def architectures() -> list[str]:
    """Every architecture on names, beside what they have to beat."""
    baselines = ("majority class", "n-gram (1-5) logistic regression")
    rows = [row for row in recorded("names_accuracy") if row["row"] in baselines] + recorded("names_architectures")
    head = ("", "accuracy", "macro-F1", "parameters")
    return markdown(
        head,
        (
            (
                row["row"],
                share(row, "test/accuracy"),
                share(row, "test/macro_f1"),
                f"{row['params']:,}" if "params" in row else "",
            )
            for row in rows
        ),
    )


def overhead() -> list[str]:
    """Steps of each workload, as ratios to the bare loop."""
    head = ("", "bare loop", "this", "plain Lightning", "waits for data")
    return markdown(
        head,
        (
            (
                f"`{row['workload']}`",
                f"{row['bare_ms']:,.{0 if row['bare_ms'] >= 100 else 1}f} ms",
                f"{row['ratio']:.2f}",
                f"{row['plain_ratio']:.2f}",
                f"{100 * row['data_share']:.1f} %",
            )
            for row in recorded("overhead")
        ),
    )


TABLES: dict[str, Callable[[], list[str]]] = {"architectures": architectures, "overhead": overhead}


def share(row: dict, name: str) -> str:
    """A mean of several seeds with its 95 % interval, in percent."""
    interval = row.get(f"{name} ± 95 %")
    return f"{100 * row[name]:.1f}" + ("" if interval is None else f" ± {100 * interval:.1f}")


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    columns = list(head)
    lines = [columns, ["---"] + ["--:"] * (len(columns) - 1), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def written(text: str) -> str:
    """The text with each of its tables as the results have it."""
    for name, table in TABLES.items():
        between = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end -->)", flags=re.DOTALL)
        content = "\n".join(["", *table(), "", ""])
        text = between.sub(lambda _, content=content: content, text, count=1)
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
