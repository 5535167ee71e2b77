"""Export a finished run: a folder with the model, its vocabulary or scalers as JSON and a program that predicts.

python scripts/export.py RUN --format onnx            # runs with onnxruntime and numpy alone
python scripts/export.py RUN --format torch_export    # a torch.export program, without this project
python scripts/export.py RUN --format safetensors     # the weights, for this project or another one

Before it is called done, what was written is read again and compared with the run on several batch sizes and lengths.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import lightning_modules
from datamodules.errors import BadInput, did_you_mean, option_name
from scripts.config import trust
from scripts.console.parser import Parser
from scripts.runs.folder import RunFolder

FORMATS = ("onnx", "torch_export", "safetensors")


def main() -> None:
    parser = Parser(prog="export.py", description=__doc__)
    parser.add_argument("run", metavar="RUN", help="the folder of a finished run")
    parser.add_argument("--format", default="onnx", help=f"{', '.join(FORMATS)} (onnx)")
    parser.add_argument("--output", metavar="FOLDER", help="where to write (exports/FORMAT in the run's folder)")
    parser.add_argument(
        "--length", type=int, metavar="N", help="tokens or pixels of width, where a format takes a fixed number of them"
    )
    parser.add_allow()
    options = parser.parse_args()
    if options.format not in FORMATS:
        near = did_you_mean(options.format, FORMATS)
        raise BadInput(f"--format {options.format}: no such format{near}; there are {', '.join(FORMATS)}")
    if options.length is not None and options.length < 1:
        raise BadInput(f"--length {options.length}: 1 or more is accepted")
    trust.allow(options.allow)
    run = RunFolder.existing(options.run)

    lightning_modules.INFERENCE_ONLY = True  # before an architecture is imported
    from scripts.runs.loading import load_module, task_class

    task = task_class(run.config(), str(run.config_file))
    if task.exporter is None:
        raise BadInput(f"{run.path}: runs of task={option_name(task)} cannot be exported (it names no exporter)")
    from scripts.export.folder import export

    exporter = importlib.import_module(task.exporter)
    output = Path(options.output) if options.output else run.path / "exports" / options.format
    exported = export(load_module(run), exporter, options.format, output, options.length, str(run.path))
    for (batch_size, length), difference in exported.differences.items():
        print(f"batch {batch_size:>3}, length {length:>3}: largest difference {difference:.2g}", file=sys.stderr)
    for note in exported.notes:
        print(note, file=sys.stderr)
    print(f"equal to the run within {exported.worst:.2g}; try:  {exported.example}", file=sys.stderr)
    print(output)
