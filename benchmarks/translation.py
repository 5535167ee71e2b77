"""Sentences translated with and without attention, and by a transformer: scores by the length of the sentence.

    python benchmarks/translation.py               # about 30 minutes on 2 cores

The pairs are read from --data, SEQUENCE_DATA/seq2seq, ../shared/data/seq2seq or data/seq2seq.  Evaluated are sentences
that no row was trained on, each once, against all of its translations.  Also draws results/translation.png.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars

from benchmarks.recording import RESULTS, record, show
from benchmarks.trained import data_folder, row_of, run_of
from scripts.console import errors, logs
from scripts.console.parser import Parser
from scripts.runs.folder import RunFolder

#: Row -> the words that train it.
ROWS = {
    "seq2seq without attention": ["module.attention=none"],
    "seq2seq, additive attention": ["module.attention=additive"],
    "transformer": ["module=transformer", "module.hidden_size=128", "optimizer.lr=0.002"],
}
FIXED = ("experiment=translation", "evaluate=[test]")
METRICS = ("test/exact_match", "test/cer", "test/wer", "test/bleu")
EDGES = (0, 6, 8, 10, 12, 100)  # letters


def by_length(folders: Sequence[RunFolder]) -> dict[str, float]:
    """The mean score (1 - CER of the sentence) for sentences of each range of letters."""
    predictions = polars.concat([polars.read_parquet(folder.predictions_file) for folder in folders])
    found = {}
    for low, high in pairwise(EDGES):
        scores = predictions.filter(polars.col("source_length").is_between(low, high - 1))["score"]
        if len(scores):
            found[f"{low} to {high - 1} letters"] = float(scores.mean())  # type: ignore[arg-type]
    return found


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        lengths = row["score_by_length"]
        axes.plot(list(lengths), list(lengths.values()), marker="o", label=row["row"])
    axes.set_ylabel("1 - edits / letters of the nearest translation")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = Parser(prog="translation.py", description=__doc__)
    parser.add_argument("--data", metavar="FOLDER", help="of eng-fra.txt")
    parser.add_argument("--seeds", type=int, default=3, help="of each row (3)")
    options = parser.parse_args()
    logs.quiet_lightning()
    file = data_folder(options.data, "seq2seq", "--data FOLDER names one with eng-fra.txt") / "eng-fra.txt"
    rows = []
    with tempfile.TemporaryDirectory() as runs:
        for name, overrides in ROWS.items():
            seeds = range(1, options.seeds + 1)
            folders = [run_of([*FIXED, *overrides, f"datamodule.data_dir={file}", f"seed={s}"], runs) for s in seeds]
            row = row_of(name, [folder.metrics() or {} for folder in folders], METRICS)
            rows.append({**row, "score_by_length": by_length(folders)})
    show([{key: value for key, value in row.items() if key != "score_by_length"} for row in rows], "translation")
    draw(rows, RESULTS / "translation.png")
    print(record("translation", rows))


if __name__ == "__main__":
    errors.run(main)
