"""Compare runs: a leaderboard of configurations, with intervals over seeds.

python scripts/compare.py runs/names                                    # every run below a folder
python scripts/compare.py runs/demo/2026-01-31_12-00-00 --metric test/macro_f1
"""

from __future__ import annotations

import json

from datamodules.errors import BadInput
from scripts.commands import logs, sentences
from scripts.commands.parser import Parser


def main() -> None:
    parser = Parser(prog="compare.py", description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUNS", help="run folders, sweep folders, or folders of them")
    parser.add_argument("--metric", help="what decides, such as test/macro_f1 (the task's own)")
    parser.add_argument("--json", action="store_true", help="the rows as JSON on standard output")
    options = parser.parse_args()

    from scripts.comparison.leaderboard import headline_metric, leaderboard
    from scripts.comparison.runs import read_runs

    runs = read_runs(options.runs)
    finished = [run for run in runs if run.metrics]
    if not finished:
        raise BadInput(f"{options.runs[0]}: none of its {len(runs)} runs has finished")
    metric = options.metric or headline_metric(finished)
    known = sorted({name for run in finished for name in run.metrics or ()})
    if metric not in known:
        raise BadInput(f"--metric {metric}: no run has it; there are {', '.join(known)}")
    rows = leaderboard(finished, metric)
    if options.json:
        print(json.dumps(rows))
        return
    from rich.console import Console

    from scripts.commands.tables import table

    console = Console()
    console.print(table(rows))
    if len(finished) < len(runs):
        console.print(f"{len(runs) - len(finished)} of {len(runs)} runs have not finished")


if __name__ == "__main__":
    logs.plain_logs()
    sentences.run(main)
