"""Compare runs: which configuration is best, by how much, and is it real?

python scripts/compare.py runs/names                                      # every run below a folder
python scripts/compare.py --evaluations runs/names                        # as evaluate.py found them on other data
python scripts/compare.py 'runs/*/2026-01-*' --metric val/macro_f1 --group-by module
python scripts/compare.py runs/demo --report report.html                  # one page with curves and pictures
python scripts/compare.py --pair RUN RUN                                  # where two runs differ, example by example
python scripts/compare.py --diff RUN RUN                                  # in settings, environment, data, metrics

Runs on the same data make a table: a row for each configuration, its mean over seeds with a 95 % interval.  A metric of
validation ranks them; the test split reports beside it, and says whether the best one is really better.  Only files
that runs leave are read.
"""

from __future__ import annotations

import argparse
import json
import sys

from datamodules.errors import BadInput
from scripts.console.parser import Parser


def main() -> None:
    options = _options()
    from scripts.console.wide import wide_console

    if options.pair:
        from scripts.compare.pair import pair

        run_a, run_b = options.pair
        report = pair(run_a, run_b, options.metric)
        print(json.dumps(report.as_json())) if options.json else report.show(wide_console())
    elif options.diff:
        from scripts.compare.diff import diff

        difference = diff(*options.diff)
        print(json.dumps(difference.as_json())) if options.json else difference.show(wide_console())
    else:
        _compare(options)


def _options() -> argparse.Namespace:
    parser = Parser(prog="compare.py", description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUNS", help="run folders, sweep folders, folders of them, patterns")
    parser.add_argument("--metric", help="what ranks, such as val/macro_f1 (that by which checkpoints were chosen)")
    parser.add_argument("--evaluations", action="store_true", help="what evaluate.py kept of the runs on other data")
    parser.add_argument(
        "--group-by", action="append", default=[], metavar="KEY[,KEY]", help="rows are the values of these settings"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="everything as one JSON object on standard output")
    form.add_argument("--csv", action="store_true", help="the rows as CSV on standard output")
    form.add_argument("--markdown", action="store_true", help="the tables as Markdown on standard output")
    parser.add_argument("--report", metavar="FILE.html", help="also write one self-contained page")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--pair", nargs=2, metavar="RUN", help="where the predictions of two runs differ")
    what.add_argument("--diff", nargs=2, metavar="RUN", help="how two runs differ in all else")
    options = parser.parse_args()
    alone = "--pair" if options.pair else "--diff" if options.diff else ""
    if bool(options.runs) == bool(alone):
        parser.error(f"{alone} takes its two runs and no others" if alone else "RUNS: one folder or more is needed")
    for given, name in ((options.csv, "--csv"), (options.markdown, "--markdown"), (options.report, "--report")):
        if alone and given:
            parser.error(f"{name}: {alone} prints for people, or --json")
    if options.report and not options.report.endswith((".html", ".htm")):
        parser.error(f"--report {options.report}: the name of an HTML file is accepted, such as report.html")
    return options


def _compare(options: argparse.Namespace) -> None:
    from scripts.compare import output
    from scripts.compare.leaderboard import compare
    from scripts.compare.runs import read_runs
    from scripts.console.wide import wide_console

    comparison = compare(
        read_runs(options.runs, options.evaluations),
        options.metric,
        [key for keys in options.group_by for key in keys.split(",") if key],
    )
    if not comparison.leaderboards:
        lines = [output.endings(comparison), *output.reasons(comparison)]
        raise BadInput(f"{' '.join(options.runs)}: nothing to compare: " + "\n".join(lines))
    if options.report:
        from scripts.compare.report.page import write_report

        write_report(comparison, options.report)
        print(f"report: {options.report}", file=sys.stderr)
    if options.json:
        print(json.dumps(output.as_json(comparison), ensure_ascii=False))
    elif options.csv:
        print(output.as_csv(comparison), end="")
    elif options.markdown:
        print(output.as_markdown(comparison), end="")
    else:
        output.show(comparison, wide_console())
