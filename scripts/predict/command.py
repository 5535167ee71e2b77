"""Predict with a finished run; its folder is all that is needed.

python scripts/predict.py RUN Satoshi Jackson --top-k 3
cut -f1 people.tsv | python scripts/predict.py RUN - --json
python scripts/predict.py RUN load.csv --output forecast.csv --plot forecast.png --backtest 72
python scripts/predict.py RUN line.png scans/ --json            # lines of text: images, and folders of them
python scripts/predict.py RUN --file names.csv --column name --embeddings out.parquet   # a vector for each text
python scripts/predict.py RUN --label Russian --count 10 --temperature 0.8 --seed 1     # generate texts
"""

from __future__ import annotations

import argparse
import importlib
import sys
from types import ModuleType

import lightning_modules
from datamodules.errors import BadInput, option_name
from scripts.config import trust
from scripts.console.loading import loading
from scripts.console.parser import Parser
from scripts.runs.folder import RunFolder


def main() -> int:
    lightning_modules.INFERENCE_ONLY = True  # before an architecture is imported
    trust.allow(_allowed(sys.argv[1:]))
    found = _run_and_options(sys.argv[1:])
    if found is None:
        _parser().parse_args()
        return 2
    predictor, options = found
    with loading():
        from scripts.runs.loading import load_module

        module = load_module(RunFolder.existing(options.run))
    if options.embeddings is not None:
        from scripts.predict.embeddings import write_embeddings

        return write_embeddings(predictor, module, options)
    return predictor.predict(module, options)


def _parser() -> Parser:
    parser = Parser(prog="predict.py", description=__doc__)
    parser.add_argument("run", metavar="RUN", help="the folder of a finished run; its task decides about more options")
    parser.add_argument(
        "inputs", nargs="*", metavar="INPUT", help="what to predict for; - for the lines of standard input"
    )
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    parser.add_argument(
        "--embeddings", metavar="FILE.parquet", help="a table with one vector for each input, in place of predictions"
    )
    parser.add_allow()
    return parser


def _allowed(arguments: list[str]) -> list[str]:
    parser = Parser(prog="predict.py", add_help=False)
    parser.add_allow()
    return parser.parse_known_args(arguments)[0].allow


def _run_and_options(arguments: list[str]) -> tuple[ModuleType, argparse.Namespace] | None:
    """The predictor of the run's task, and the options that it takes; None where no run is named.

    Which options take a value is only known once the run is: each argument that is the folder of a run is tried, and
    is the run if the options of its task leave it as such (`--top-k 3 RUN` names RUN).

    Raises:
        BadInput: the first argument that is no option is no run folder.
    """
    arguments_left = [argument for argument in arguments if not argument.startswith("-")]
    for argument in arguments_left:
        if not RunFolder.is_run(argument):
            continue
        predictor = predictor_of(RunFolder.existing(argument))
        parser = _parser()
        predictor.add_options(parser)
        if parser.run_argument(arguments) == argument or argument == arguments_left[-1]:
            return predictor, parser.parse_args(arguments)
    if arguments_left:
        RunFolder.existing(arguments_left[0])
    return None


def predictor_of(run: RunFolder) -> ModuleType:
    """The module that predicts with runs of this one's task.

    Raises:
        BadInput: the task is not to be trusted, or names no predictor.
    """
    with loading():
        from scripts.runs.loading import task_class

        task = task_class(run.config(), str(run.config_file))
        if task.predictor is None:
            raise BadInput(
                f"{run.path}: task={option_name(task)} names no predictor; scripts/evaluate.py evaluates its runs"
            )
        return importlib.import_module(task.predictor)
