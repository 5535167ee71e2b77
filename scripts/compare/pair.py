"""Where the predictions of two runs differ: by how much, on which examples, classes, hours and characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars
from rapidfuzz.distance import Levenshtein

from datamodules.errors import BadInput
from scripts.compare.configurations import Configuration
from scripts.compare.leaderboard import ranking_metric, reported_metric
from scripts.compare.runs import Run, existing_run
from scripts.compare.significance import Difference, differences
from scripts.console.quantities import amount, signed

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 10  # examples a side
FEW = 100  # rows of a table by series or class


@dataclass
class Pair:
    """Two runs on one set of test examples."""

    runs: tuple[Run, Run]
    metric: str
    difference: Difference  # B less A
    counts: dict[str, int]
    examples: dict[str, list[dict[str, Any]]]  # those that only one side gets right, or that differ most
    tables: dict[str, list[dict[str, Any]]]  # classes, hours of the day, characters

    def as_json(self) -> dict[str, Any]:
        a, b = self.runs
        return {
            "a": str(a.folder.path),
            "b": str(b.folder.path),
            "metrics": {
                name: [(a.metrics or {}).get(name), (b.metrics or {}).get(name)]
                for name in a.metrics or {}
                if name.startswith("test/")
            },
            "metric": self.metric,
            "difference": self.difference.value,
            "half_interval": self.difference.half_interval,
            "covers": list(self.difference.covers),
            "is_real": self.difference.is_real,
            "counts": self.counts,
            "examples": self.examples,
            **self.tables,
        }

    def show(self, console: Console) -> None:
        from scripts.console.tables import table

        a, b = self.runs
        for side, run in (("A", a), ("B", b)):
            console.print(f"{side}: {run.settings.get('module')} {run.folder.path}", highlight=False, soft_wrap=True)
        values = [{"metric": name, "A": x, "B": y} for name, (x, y) in self.as_json()["metrics"].items()]
        console.print(table(values))
        console.print(self.message(), highlight=False)
        console.print(", ".join(f"{name} {number:,}" for name, number in self.counts.items()), highlight=False)
        for name, rows in {**self.examples, **self.tables}.items():
            if rows:
                console.print(table(rows, title=name))

    def message(self) -> str:
        difference = self.difference
        if difference.value is None:
            return f"{self.metric}: a run has no finite value of it"
        if difference.half_interval is None:
            return f"{self.metric}: B − A = {signed(difference.value)}; the predictions do not tell its uncertainty"
        verdict = "a real difference" if difference.is_real else "not distinguishable"
        return (
            f"{self.metric}: B − A = {signed(difference.value)} ± {amount(difference.half_interval)}: {verdict}"
            " (paired bootstrap over test examples; one run a side, so seeds are not counted)"
        )


def pair(path_a: str, path_b: str, metric: str | None = None) -> Pair:
    """Compare two finished runs example by example.

    Args:
        path_a: a run folder.
        path_b: another one.
        metric: of the test split; that of the metric which chose the checkpoints when absent.

    Raises:
        BadInput: a run has no predictions, or the runs predicted different examples or other targets.
    """
    a, b = existing_run(path_a), existing_run(path_b)
    chosen = metric or reported_metric(ranking_metric([a, b]), [a, b])
    for run in (a, b):
        if chosen not in (run.metrics or {}):
            raise BadInput(f"--metric {chosen}: {run.folder.path} has {', '.join(run.metrics or {})}")
    table = _joined(a, b)
    score = table["score"] - table["score B"]
    all_or_nothing = all(set(table[side].unique()) <= {0, 1} for side in ("score", "score B"))
    (difference,) = differences(Configuration({}, [a]), [Configuration({}, [b])], chosen)
    labels = ("only A right", "only B right") if all_or_nothing else ("A better", "B better")
    counts = {"examples": len(table)}
    if all_or_nothing:
        counts["both right"] = int(((table["score"] == 1) & (table["score B"] == 1)).sum())
        counts["both wrong"] = int(((table["score"] == 0) & (table["score B"] == 0)).sum())
    counts |= {labels[0]: int((score > 0).sum()), labels[1]: int((score < 0).sum())}
    has_margin = {"log_prob", "log_prob B"} <= set(table.columns)
    table = table.with_columns(gain=score, margin=table["log_prob"] - table["log_prob B"] if has_margin else score)
    examples = {f"{labels[0]}, by the largest margins": _listed(table, 1), f"{labels[1]}, likewise": _listed(table, -1)}
    has_classes = any(info.reduction in ("macro_f1", "balanced_accuracy") for info in a.facts.info.values())
    tables = {name: rows for name, rows in _breakdowns(table, has_classes) if rows}
    return Pair((a, b), chosen, difference, counts, examples, tables)


def _joined(a: Run, b: Run) -> polars.DataFrame:
    """A row an example: the columns of A, and those of B's prediction with ` B` behind their name."""
    tables = []
    for run in (a, b):
        table = run.predictions()
        if table is None or not {"id", "score"} <= set(table.columns):
            raise BadInput(f"{run.folder.path}: no predictions.parquet to compare (evaluate must include test)")
        tables.append(table)
    first, second = tables
    shared = [name for name in second.columns if name == "id" or name in ("prediction", "score", "log_prob")]
    table = first.join(second.select(shared), on="id", how="inner", suffix=" B", maintain_order="left")
    if not len(table):
        raise BadInput(f"{b.folder.path}: predicted none of the test examples of {a.folder.path}")
    _check_truths(a, b)
    return table


def _check_truths(a: Run, b: Run) -> None:
    """Refuse runs whose targets differ for an example: their scores cannot be compared."""
    tables = [run.examples for run in (a, b)]
    if any(table is None or "truth" not in table.columns for table in tables):
        return
    first, second = (table.select("id", "truth") for table in tables if table is not None)
    joined = first.join(second, on="id", how="inner", suffix=" B")
    truth, truth_b = joined["truth"], joined["truth B"]
    if truth.dtype == polars.UInt64 or truth_b.dtype == polars.UInt64:
        differ = (
            int((truth.cast(polars.Float64) != truth_b.cast(polars.Float64)).sum())
            if truth.dtype != truth_b.dtype
            else int((truth != truth_b).sum())
        )
    else:  # numbers, which other devices and scalers round in other ways
        near = 1e-3 * max(float(truth.std() or 0.0), 1e-12)  # type: ignore[arg-type]
        differ = int(((truth - truth_b).abs() > near + 1e-4 * truth.abs()).sum())
    if differ:
        raise BadInput(
            f"{b.folder.path}: {differ:,} of {len(joined):,} examples have another target than in {a.folder.path}"
            " (another direction, normalisation or unit); such runs cannot be paired"
        )


def _listed(table: polars.DataFrame, sign: int) -> list[dict[str, Any]]:
    one_sided = table.filter(polars.col("gain") * sign > 0)
    kept = one_sided.sort(polars.col("margin") * sign, descending=True, maintain_order=True).head(SHOWN)
    columns = [name for name in ("id", "text", "target") if name in kept.columns]
    predictions = (
        {"prediction": "A", "prediction B": "B"} if "prediction" in kept.columns else {"score": "A", "score B": "B"}
    )
    return kept.select(*columns, *(polars.col(old).alias(new) for old, new in predictions.items())).to_dicts()


def _breakdowns(table: polars.DataFrame, has_classes: bool) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    means = [
        polars.len().alias("examples"),
        polars.col("score").mean().alias("A"),
        polars.col("score B").mean().alias("B"),
        (polars.col("score B") - polars.col("score")).mean().alias("B − A"),
    ]
    times = [name for name, kind in table.schema.items() if kind.is_temporal()]
    if times:
        hours = (
            table.with_columns(polars.col(times[0]).dt.hour().alias("hour")).group_by("hour").agg(means).sort("hour")
        )
        yield "mean score by hour of the day", hours.to_dicts()
    for column in ("series", *(["target"] if has_classes else [])):
        if column in table.columns and table[column].dtype == polars.String and table[column].n_unique() <= FEW:
            grouped = table.group_by(column).agg(means).sort("B − A", column)
            yield f"mean score by {'class' if column == 'target' else column}", grouped.to_dicts()
            return
    if not has_classes and "prediction B" in table.columns and table["target"].dtype == polars.String:
        yield "characters lost (wrong or missing)", _characters(table)


def _characters(table: polars.DataFrame) -> list[dict[str, Any]]:
    """Characters of the targets that one side loses more often than the other, the largest differences first."""
    total = Counter("".join(table["target"]))
    lost = [Counter[str](), Counter[str]()]
    for side, column in enumerate(("prediction", "prediction B")):
        for target, prediction in zip(table["target"], table[column]):
            for edit in Levenshtein.editops(target, prediction or ""):
                if edit.tag != "insert":
                    lost[side][target[edit.src_pos]] += 1
    by_difference = sorted(total, key=lambda c: (-abs(lost[0][c] - lost[1][c]), c))[:20]
    return [
        {"character": repr(c), "of": total[c], "A": lost[0][c], "B": lost[1][c], "B − A": lost[1][c] - lost[0][c]}
        for c in by_difference
        if lost[0][c] != lost[1][c]
    ]
