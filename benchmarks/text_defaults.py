"""The default settings of classifiers of texts, chosen on validation splits; and what they reach on test splits.

    python benchmarks/text_defaults.py --part choose        # each candidate on each data set, by validation accuracy
    python benchmarks/text_defaults.py --part test          # the defaults and the classical methods on the test splits
    python benchmarks/text_defaults.py --part pronunciation # letters in, phonemes out

The data sets differ in size (4,000 to 18,000 texts), unit (characters, words) and number of classes (2 to 40); see
text_data.py.  Nothing but the validation split chooses.  A network's checkpoint is the best of 20 on that split, which
flatters it there by about a point beside the classical method, and all networks alike; the test split tells.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.recording import among_recorded, record, show
from benchmarks.text_data import classification_sets, write_pronunciations
from benchmarks.trained import data_folder, row_of, train
from datamodules.errors import BadInput
from scripts.console import errors, logs
from scripts.console.parser import Parser

#: Candidate -> overrides; the rest is the default of the configuration.
NO_DROPOUT = ["task.input_dropout=0", "task.output_dropout=0"]
CANDIDATES = {
    "no dropout": NO_DROPOUT,
    "dropout 0.4 and 0.4": ["task.input_dropout=0.4", "task.output_dropout=0.4"],
    "dropout 0.5 and 0.5": ["task.input_dropout=0.5", "task.output_dropout=0.5"],
}
#: Network -> overrides, and the data sets that it is tried on.
NETWORKS: dict[str, tuple[list[str], str]] = {
    "gru, forwards": (["module=gru", "module.bidirectional=false"], "surnames|first names|messages"),
    "gru, both ways": (["module=gru", "module.bidirectional=true"], "surnames|first names|messages"),
    "cnn": (["module=cnn"], "film reviews"),
}
CLASSICAL = {
    "n-gram logistic regression": ["module=baseline/ngram_logistic", "datamodule.min_count=1"],
    "n-gram logistic regression, NB-weighted": [
        "module=baseline/ngram_logistic", "module.naive_bayes=true", "datamodule.min_count=1",
    ],
}  # fmt: skip


def choose(sets: dict[str, list[str]], only: str | None, seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """Validation accuracy of every candidate."""
    ways = {}
    for data, overrides in sets.items():
        for network, (words, data_sets) in NETWORKS.items():
            if re.match(data_sets, data):
                for name, settings in CANDIDATES.items():
                    ways[f"{data}: {network}, {name}"] = [*overrides, *words, *settings]
        ways[f"{data}: n-gram logistic regression"] = [*overrides, *CLASSICAL["n-gram logistic regression"]]
    ways = {name: [*words, "datamodule.group_by_length=true", "evaluate=[val]"] for name, words in ways.items()}
    return measured("text_defaults", ways, only, seeds, ("val/accuracy",))


def test(sets: dict[str, list[str]], only: str | None, seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """Test accuracy of the defaults beside the classical methods."""
    named = {"defaults, gru": ["module=gru"], "defaults, cnn": ["module=cnn"], **CLASSICAL}
    ways = {
        f"{data}: {name}": [*overrides, *settings, "evaluate=[test]"]
        for data, overrides in sets.items()
        for name, settings in named.items()
    }
    return measured("text_defaults_test", ways, only, seeds, ("test/accuracy", "test/macro_f1"))


def measured(
    results: str, ways: dict[str, list[str]], only: str | None, seeds: tuple[int, ...], metrics: tuple[str, ...]
) -> list[dict[str, Any]]:
    """A row for every way, every seed with a split of its own; recorded as they come, as each takes minutes."""
    rows = []
    for name, words in ways.items():
        if not only or only in name:
            runs = [train([*words, f"seed={seed}", f"datamodule.split_seed={seed}"]) for seed in seeds]
            rows.append(row_of(name, runs, metrics))
            record(results, among_recorded(results, rows, "row", ways))
    return among_recorded(results, rows, "row", ways)


def pronunciation(seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """Phoneme error rate of words that are not in the training split."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "german.tsv"
        write_pronunciations(table)
        overrides = [
            "datamodule=text_pairs", f"datamodule.data_dir={table}", "datamodule.target_tokens=symbols",
            "scheduler=one_cycle", "optimizer.lr=0.004", "task.input_dropout=0.1", "task.output_dropout=0.1",
            "trainer.max_epochs=4", "evaluate=[test]",
        ]  # fmt: skip
        runs = [train([*overrides, f"seed={seed}"]) for seed in seeds]
    return [row_of("German words, seq2seq", runs, ("test/per", "test/exact_match"))]


def main() -> int:
    parser = Parser(prog="text_defaults.py", description=__doc__)
    parser.add_argument("--part", default="choose", choices=("choose", "test", "pronunciation"))
    parser.add_argument("--data", help="a folder with names and labelled_text")
    parser.add_argument("--only", help="rows whose name holds this")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    seeds = tuple(range(1, options.seeds + 1))
    if options.part == "pronunciation":
        rows, name = pronunciation(seeds), "text_pronunciation"
    else:
        data = data_folder(options.data, "names", "the folder of data has names and labelled_text").parent
        with tempfile.TemporaryDirectory() as folder:
            sets = classification_sets(data, Path(folder))
            if len(sets) < 4:
                raise BadInput("messages by language are those of a package: pip install Django")
            part = choose if options.part == "choose" else test
            rows = part(sets, options.only, seeds)
        name = "text_defaults" if options.part == "choose" else "text_defaults_test"
    show(rows, name)
    print(record(name, rows), file=sys.stderr)
    return 0


if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main)
