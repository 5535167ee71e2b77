"""Hourly load: accuracy beside baselines, and the data path beside Loye's.

    python benchmarks/energy.py                        # everything, about an hour on 2 cores
    python benchmarks/energy.py --part next_hour       # next_hour, day_ahead, ett, tutorial or data

The 12 PJM files and ETTh1.csv are read from --data, SEQUENCE_DATA, ../shared/data or data.  Every row of a table is
evaluated on the last tenth of each series, which nothing was fitted or chosen on.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.recording import record, show
from benchmarks.trained import PROJECT, data_folder, row_of, train
from datamodules.errors import BadInput
from scripts.console import errors, logs
from scripts.console.parser import Parser

#: Part -> row -> the words that train it.
ROWS = {
    "next_hour": {
        "persistence": ["datamodule=energy", "module=baseline/persistence"],
        "seasonal naive, 24": ["datamodule=energy", "module=baseline/seasonal_naive"],
        "linear, per series (NLinear)": ["datamodule=energy", "module=linear", "trainer.max_epochs=10"],
        "LightGBM on lags and calendar": [
            "datamodule=energy", "module=baseline/lightgbm", "module.max_windows=300000", "module.num_rounds=400",
        ],
        "experiment=energy_next_hour": ["experiment=energy_next_hour"],
    },
    "day_ahead": {
        "persistence": ["datamodule=energy", "datamodule.horizon=24", "module=baseline/persistence"],
        "seasonal naive, 24": ["datamodule=energy", "datamodule.horizon=24", "module=baseline/seasonal_naive"],
        "seasonal naive, 168": [
            "datamodule=energy", "datamodule.horizon=24", "module=baseline/seasonal_naive", "module.season=168",
        ],
        "linear, per series (NLinear)": [
            "datamodule=energy", "datamodule.horizon=24", "module=linear", "trainer.max_epochs=10",
        ],
        "LightGBM on lags and calendar, one model an hour": [
            "datamodule=energy", "datamodule.horizon=24", "module=baseline/lightgbm", "module.max_windows=100000",
            "module.num_rounds=200",
        ],
        "experiment=energy_day_ahead": ["experiment=energy_day_ahead"],
    },
    "ett": {
        "persistence": ["experiment=ett", "module=baseline/persistence", "~module.hidden_size"],
        "seasonal naive, 24": ["experiment=ett", "module=baseline/seasonal_naive", "~module.hidden_size"],
        "linear map": [
            "experiment=ett", "module=linear", "~module.hidden_size", "module.per_series=false",
            "datamodule.lookback=336", "task.loss=mse", "task.patch_length=1", "task.output_dropout=0",
            "trainer.max_epochs=10",
        ],
        "experiment=ett": ["experiment=ett"],
    },
    "tutorial": {
        "GRU": ["experiment=energy_loye", "module=gru"],
        "LSTM": ["experiment=energy_loye", "module=lstm"],
    },
}  # fmt: skip

#: Part -> the metrics of its table.
METRICS = {
    "next_hour": ("test/smape", "test/mae", "test/mase"),
    "day_ahead": ("test/smape", "test/mae", "test/mase"),
    "ett": ("test/mse", "test/mae"),
    "tutorial": ("test/smape", "test/smape_quarter"),
}
#: Rows that draw nothing from the seed are run once.
FIXED = ("persistence", "seasonal naive", "LightGBM")


def accuracy(part: str, data: Path, seeds: int) -> list[dict[str, Any]]:
    rows = []
    for name, overrides in ROWS[part].items():
        runs = [
            train([*overrides, f"datamodule.data_dir={data}", "evaluate=[test]", f"seed={seed}"])
            for seed in range(1, 1 + (1 if name.startswith(FIXED) else seeds))
        ]
        rows.append(row_of(name, runs, METRICS[part]))
    return rows


def data_path(data: Path, repeats: int = 3) -> list[dict[str, Any]]:
    """Seconds and memory to prepare Loye's windows, and milliseconds a batch: each way in its own process."""
    measured: dict[str, list[dict[str, float]]] = {"loye": [], "this_project": []}
    for _ in range(repeats):
        for way, results in measured.items():
            command = [sys.executable, "-m", "benchmarks.energy_data_path", way, str(data)]
            done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
            if done.returncode:
                raise BadInput(done.stderr.strip())
            results.append(json.loads(done.stdout))
    rows = []
    for way, results in measured.items():
        row: dict[str, Any] = {"way": way, "windows": results[0]["windows"]}
        for key in ("prepare_seconds", "prepare_mb", "batch_ms"):
            row[key] = statistics.median(result[key] for result in results)
        rows.append(row)
    ratios = {
        key: statistics.median(a[key] / o[key] for a, o in zip(measured["loye"], measured["this_project"]))
        for key in ("prepare_seconds", "prepare_mb", "batch_ms")
    }
    return [*rows, {"way": "loye / this_project", **ratios}]


def main() -> None:
    parser = Parser(prog="energy.py", description=__doc__)
    parser.add_argument("--part", choices=[*(p for p in ROWS if p != "tutorial"), "tutorial", "data"], help="one (all)")
    parser.add_argument("--data", metavar="FOLDER", help="with energy/ and ett/ in it")
    parser.add_argument("--seeds", type=int, default=3, help="of each row that draws any (3)")
    options = parser.parse_args()
    logs.quiet_lightning()
    folder = data_folder(options.data, "", "python scripts/prepare.py energy; python scripts/prepare.py ett")
    for part in [options.part] if options.part else ["data", "ett", "next_hour", "day_ahead"]:
        files = folder / ("ett/ETTh1.csv" if part == "ett" else "energy")
        rows = data_path(files) if part == "data" else accuracy(part, files, options.seeds)
        show(rows, part)
        print(record(f"energy_{part}", rows))


if __name__ == "__main__":
    errors.run(main)
