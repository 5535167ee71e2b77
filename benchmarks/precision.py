"""What a precision saves and what it costs: the time of a step, memory and the final metric of each workload.

    python benchmarks/precision.py                                       # everything this machine can do
    python benchmarks/precision.py --workload names_gru_64 --seeds 5

On a GPU float32, float32 by tensor cores (tf32=true), bfloat16 and float16; on a processor float32 and bfloat16.  Steps
are timed in turn, as scripts/train.py does them.  Every seed is trained in each precision; `worse_by` is how much worse
than float32 a precision ends, over the same seeds: its interval tells whether that is more than chance.
Written to benchmarks/results/precision_cpu.json or precision_gpu.json.
"""

from __future__ import annotations

import statistics
from functools import partial
from typing import Any

import torch

from benchmarks.overhead import interleaved, quiet, run_step_ms
from benchmarks.recording import among_recorded, of_this_device, record, show
from benchmarks.trained import train
from benchmarks.workloads import TIMED, WORKLOADS
from scripts.compare.intervals import mean_interval
from scripts.config.composing import compose
from scripts.console import errors, logs
from scripts.console.parser import Parser

#: Name -> settings; the first is what the others are compared with.
PRECISIONS = {
    "float32": ("trainer.precision=32-true", "tf32=false"),
    "TF32": ("trainer.precision=32-true", "tf32=true"),
    "bfloat16": ("trainer.precision=bf16-mixed", "tf32=null"),
    "float16": ("trainer.precision=16-mixed", "tf32=null"),
}
NEED_A_GPU = ("TF32", "float16")
HIGHER_IS_BETTER = ("test/accuracy",)


def precisions() -> list[str]:
    return [name for name in PRECISIONS if torch.cuda.is_available() or name not in NEED_A_GPU]


def measure(
    name: str, seeds: int, repeats: int, epochs: int | None, steps: int | None = None, extra: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """A row a precision.

    Args:
        seeds: of whole runs, which last `epochs`, or as long as the workload says.
        repeats: of `steps` that are timed, or as many as the workload says.
        extra: settings beside those of the workload.
    """
    workload, kinds = WORKLOADS[name], precisions()
    steps = steps or workload.steps_here()
    configs = {kind: compose(*TIMED, *workload.overrides, *PRECISIONS[kind], *extra) for kind in kinds}
    times = interleaved(repeats, {kind: partial(run_step_ms, configs[kind], steps) for kind in kinds})
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    settings = [*workload.overrides, *workload.trained, *([f"trainer.max_epochs={epochs}"] if epochs else []), *extra]
    for seed in range(1, seeds + 1):
        for kind in kinds:
            runs[kind].append(train([*settings, *PRECISIONS[kind], f"seed={seed}", "evaluate=[test]"]))
    sign = -1 if workload.metric in HIGHER_IS_BETTER else 1
    base = [run[workload.metric] for run in runs["float32"]]
    rows = []
    for kind in kinds:
        values = [run[workload.metric] for run in runs[kind]]
        worse = [sign * (value - before) for value, before in zip(values, base)]
        rows.append(
            {
                "workload": name,
                "precision": kind,
                "step_ms": statistics.median(times[kind]),
                "ratio": statistics.median(a / b for a, b in zip(times[kind], times["float32"])),
                "peak_memory_mb": statistics.median(run["peak_memory_mb"] for run in runs[kind]),
                "metric": workload.metric,
                "value": statistics.mean(values),
                "value ± 95 %": mean_interval(values),
                "worse_by": statistics.mean(worse),
                "worse_by ± 95 %": mean_interval(worse),
                "seeds": seeds,
                "epochs": runs[kind][0]["epochs"],
            }
        )
    return rows


def main() -> None:
    parser = Parser(prog="precision.py", description=__doc__)
    parser.add_argument("--workload", choices=[*WORKLOADS], action="append", help="may be given more than once (all)")
    parser.add_argument("--seeds", type=int, default=3, help="trained in each precision (3)")
    parser.add_argument("--repeats", type=int, default=5, help="of timed steps in each precision (5)")
    parser.add_argument("--epochs", type=int, help="of every training run (those of the workload)")
    options = parser.parse_args()
    quiet()
    result = of_this_device("precision")
    for name in options.workload or WORKLOADS:
        rows = measure(name, options.seeds, options.repeats, options.epochs)
        show(rows, name)
        print(record(result, among_recorded(result, rows, "workload", WORKLOADS)))


if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main)
