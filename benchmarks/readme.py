"""The tables of README.md, written anew from benchmarks/results.

    python -m benchmarks.readme

Each stands between `<!-- NAME -->` and `<!-- end -->`; the functions of `TABLES` have the names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.recording import recorded_on, recorded_rows

README = Path(__file__).resolve().parents[1] / "README.md"


def architectures() -> list[str]:
    """Every architecture on names, beside what they have to beat."""
    baselines = ("majority class", "n-gram (1-5) logistic regression")
    rows = [row for row in recorded_rows("names_accuracy") if row["row"] in baselines] + recorded_rows(
        "names_architectures"
    )
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
    rows = recorded_rows("overhead")
    ways = {"ratio": "this", "plain_ratio": "plain Lightning"}  # as recorded before 0.2.0
    if any("fast" in row for row in rows):
        ways = {
            "fast": "this, fast loop", "lightning": "this, Lightning's loop",
            "quiet": "plain Lightning, all off", "tutorial": "plain Lightning, like tutorials",
        }  # fmt: skip
    return markdown(
        ("", "bare loop", *ways.values(), "waits for data"),
        (
            (
                f"`{row['workload']}`",
                f"{row['bare_ms']:,.{0 if row['bare_ms'] >= 100 else 1}f} ms",
                *(f"{row[way]:.2f}" if way in row else "–" for way in ways),
                f"{100 * row['data_share']:.1f} %",
            )
            for row in rows
        ),
    )


def precision() -> list[str]:
    """Each precision beside float32."""

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        return (
            f"`{row['workload']}`",
            row["precision"],
            f"{row['ratio']:.2f}",
            f"{row['peak_memory_mb']:,.0f} MB",
            f"`{row['metric']}` {figure(row, 'value')}",
            figure(row, "worse_by"),
        )

    return on_each_device("precision", ("", "", "step", "memory", "metric", "worse by"), cells)


def tutorial() -> list[str]:
    """Loye's experiment (README, Sources): an epoch, and what of it is the recurrence."""

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        return (
            row["row"],
            f"{row['batch_size']:,}",
            row["precision"],
            f"{row['epoch_seconds']:,.1f} s",
            f"{row['article_seconds']:,.0f} s" if "article_seconds" in row else "",
            f"{100 * row['share']:.0f} %",
        )

    head = ("", "batch", "precision", "an epoch", "Loye's", "recurrence alone")
    return on_each_device("energy_tutorial", head, cells)


#: The results of which `gpu` is made.
GPU_RESULTS = ("gpu_correctness", "overhead_gpu", "energy_tutorial_gpu", "gpu_phases", "gpu_packing")


def gpu() -> list[str]:
    """What `benchmarks/gpu.py` measures beside the tables above, with its targets."""
    head = ("", "", "measured", "target", "")
    rows: list[tuple[str, ...]] = []
    checks = [row for row in recorded_rows("gpu_correctness") if "met" in row]
    if checks:
        met = sum(row["met"] for row in checks)
        names = ", ".join(row["what"] for row in checks if not row["met"])
        worst = max(row["difference"] for row in checks)
        rows.append(("GPU beside CPU", f"{len(checks)} checks", f"{met} right, at most {worst:.1g} off", "all", names))
    for row in recorded_rows("overhead_gpu"):
        step = f"{row['bare_ms']:.3g} ms, train.py {row['fast']:.2f}, plain Lightning {row['tutorial']:.2f}"
        rows.append(("a step beside the bare loop", f"`{row['workload']}`", step, *_verdict(row, "{:.2f}")))
    rows += [
        ("an epoch", row["row"], f"{row['epoch_seconds']:.2f} s", *_verdict(row, "{:.1f} s"))
        for row in recorded_rows("energy_tutorial_gpu")
    ]
    for row in recorded_rows("gpu_phases"):
        parts = ", ".join(f"{key[:-3]} {value:.3g}" for key, value in row.items() if key.endswith("_ms"))
        rows.append(("parts of a step, ms", f"`{row['workload']}`", parts, "", ""))
    for row in recorded_rows("gpu_packing"):
        jobs = f"{row['jobs']} runs at once{', MPS' if row['mps'] else ''}"
        rows.append(("packing", jobs, f"{row['steps_per_second']:,.0f} steps a second", "", ""))
    if not rows:
        return markdown(head, [("GPU", "not measured", "", "", "")])
    measured = next(name for name in GPU_RESULTS if recorded_rows(name))
    return markdown((recorded_on(measured), *head[1:]), rows)


def _verdict(row: dict[str, Any], form: str) -> tuple[str, str]:
    return ("", "") if "met" not in row else (form.format(row["target"]), "met" if row["met"] else "missed")


def on_each_device(result: str, head: tuple[str, ...], cells: Callable[[dict[str, Any]], tuple[str, ...]]) -> list[str]:
    """A table of what was measured on a processor and on a GPU, in a file each; it says where nothing was."""
    rows: list[tuple[str, ...]] = []
    for device in ("cpu", "gpu"):
        found = [(device.upper(), *cells(row)) for row in recorded_rows(f"{result}_{device}")]
        rows += found or [(device.upper(), "not measured", *[""] * (len(head) - 1))]
    return markdown(("", *head), rows)


TABLES: dict[str, Callable[[], list[str]]] = {
    "architectures": architectures,
    "overhead": overhead,
    "precision": precision,
    "tutorial": tutorial,
    "gpu": gpu,
}


def figure(row: dict, name: str, scale: float = 1, digits: int = 4) -> str:
    """A mean of several seeds with its 95 % interval."""
    interval = row.get(f"{name} ± 95 %")
    return f"{scale * row[name]:.{digits}f}" + ("" if interval is None else f" ± {scale * interval:.{digits}f}")


def share(row: dict, name: str) -> str:
    """The same in percent."""
    return figure(row, name, 100, 1)


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
