"""Answer with a finished run; its folder is all that is needed.

python scripts/predict.py RUN Satoshi Jackson --top-k 3
cut -f1 people.tsv | python scripts/predict.py RUN - --json
python scripts/predict.py RUN load.csv --output forecast.csv --plot forecast.png --backtest 72
python scripts/predict.py RUN line.png scans/ --json            # lines of text: images, and folders of them
python scripts/predict.py RUN --label Russian --count 10 --temperature 0.8 --seed 1     # write new texts
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import lightning_modules
from scripts.console.loading import loading
from scripts.console.parser import Parser
from scripts.runs.folder import RunFolder

#: Task -> the module that answers for it.
ANSWERING = {
    "lightning_modules.tasks.classification.task.Classification": "scripts.predict.classification",
    "lightning_modules.tasks.forecasting.task.Forecasting": "scripts.predict.forecasting",
    "lightning_modules.tasks.generation.task.Generation": "scripts.predict.generation",
    "lightning_modules.tasks.transcription.task.Transcription": "scripts.predict.transcription",
    "lightning_modules.tasks.transduction.task.Transduction": "scripts.predict.transduction",
}


def main() -> int:
    first = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    answering = _answering(RunFolder.existing(first)) if first else None

    parser = Parser(prog="predict.py", description=__doc__)
    parser.add_argument("run", metavar="RUN", help="the folder of a finished run; its task decides about more options")
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="what to answer; - for the lines of standard input")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    parser.add_allow()
    if answering is None:
        parser.parse_args()
        return 2
    answering.add_options(parser)
    options = parser.parse_args()

    lightning_modules.ANSWERS_ONLY = True  # before an architecture is imported
    with loading():
        from scripts.runs.loading import load_module

        module = load_module(RunFolder.existing(options.run), options.allow)
    return answering.answer(module, options)


def _answering(run: RunFolder) -> ModuleType:
    target = run.config()["task"]["_target_"]
    return importlib.import_module(ANSWERING[target])
