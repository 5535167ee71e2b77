"""Evaluate a finished run on a split of its data, or on other data.

python scripts/evaluate.py RUN                                    # its test split
python scripts/evaluate.py RUN --split val --json
python scripts/evaluate.py RUN datamodule.data_dir=other/names    # all of another data set
python scripts/evaluate.py RUN decoding.method=beam_search        # lines of text, read another way

With other settings the result is also kept, in RUN/evaluations/, where `compare.py --evaluations RUNS` reads it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from scripts.config import overrides, trust
from scripts.config.override import last_value
from scripts.config.renamed import with_new_keys
from scripts.console import errors, logs
from scripts.console.parser import Parser
from scripts.runs.folder import RunFolder

SPLITS = ("train", "val", "test", "all")


def main() -> None:
    parser = Parser(prog="evaluate.py", description=__doc__)
    parser.add_argument("run", metavar="RUN", help="the folder of a finished run")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="other settings of its data or trainer")
    parser.add_argument("--split", choices=SPLITS, help="the split to evaluate (test; all where data_dir is given)")
    parser.add_argument("--json", action="store_true", help="the metrics as one JSON object on standard output")
    parser.add_argument("--output", metavar="FOLDER", help="where to keep the evaluation (RUN/evaluations/...)")
    parser.add_allow()
    options = parser.parse_args()
    trust.allow(options.allow)
    run = RunFolder.existing(options.run)
    config = run.config()
    groups = ["datamodule", "trainer"]
    if "decoding" in config["task"]:
        config["decoding"] = config["task"]["decoding"]
        groups.append("decoding")
    config = overrides.changed(config, with_new_keys(options.settings), groups)
    elsewhere = last_value(options.settings, "datamodule.data_dir") is not None
    split = options.split or ("all" if elsewhere else "test")

    logs.quiet_lightning()
    from scripts.runs.evaluate_run import evaluate, evaluation_name, write_evaluation

    evaluation = evaluate(run, config, split)
    if options.settings or options.output:
        name = evaluation_name(evaluation.datamodule, split)
        folder = Path(options.output).expanduser() if options.output else run.path / "evaluations" / name
        try:
            write_evaluation(run, config, evaluation, split, folder)
            print(f"kept in {folder}", file=sys.stderr)
        except OSError as error:  # a folder without write permission: the result is printed all the same
            print(f"{folder}: not kept ({error.strerror})", file=sys.stderr)
    if options.json:
        print(json.dumps(evaluation.metrics))
    else:
        _print_for_people(evaluation.metrics, evaluation.evaluators[split].tables())


def _print_for_people(metrics: dict[str, float], tables: dict[str, list[dict[str, Any]]]) -> None:
    from rich.console import Console

    from scripts.console.tables import table

    console = Console()
    console.print(table([{"metric": name, "value": value} for name, value in metrics.items()]))
    for name, rows in tables.items():
        console.print(table(rows, title=name))


if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main, overrides.explain)
