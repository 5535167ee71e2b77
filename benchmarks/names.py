"""Surnames: accuracy beside what people would use instead, and speed beside Robertson's loop.

    python benchmarks/names.py                      # everything, about 2 hours on 2 cores
    python benchmarks/names.py --part speed         # accuracy, architectures, line_split, speed, start or predict

The 18 languages are read from --data, SEQUENCE_DATA/names, ../shared/data/names or data/names.
Accuracy: each seed has a split of its own (80 % training, 20 % test), the same for every row.  `line_split` is the
naive split of lines, for comparison: it leaks.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch
from pytorch_lightning import Callback
from torch import nn

from benchmarks.recording import among_recorded, record, show
from benchmarks.trained import PROJECT, data_folder, row_of, run_of, train
from datamodules.errors import BadInput
from lightning_modules.training.instantiate import build
from scripts.config.composing import compose
from scripts.console import errors, logs
from scripts.console.parser import Parser

SEEDS = (1, 2, 3)
#: A run on all of the training 80 %: settings were chosen before, on other splits.
ALL_OF_TRAINING = ["datamodule.val_fraction=0.0", "datamodule.test_fraction=0.2", "evaluate=[test]"]

BOTH_WAYS = "module.bidirectional=true"

#: Row -> the words that train it.
ROWS = {
    "majority class": ["module=baseline/majority"],
    "Robertson's RNN": ["experiment=names_robertson"],
    "bidirectional GRU, untuned": ["module=gru", BOTH_WAYS],
    "bidirectional LSTM, untuned": ["module=lstm", BOTH_WAYS],
    "n-gram (1-5) logistic regression": ["module=baseline/ngram_logistic"],
    "experiment=names": ["experiment=names"],
    "experiment=names_ensemble": ["experiment=names_ensemble"],
}

#: The same for every architecture, with the same settings: 20 epochs, one cycle, dropout 0.3.
ARCHITECTURES = {
    "rnn, concat": ["module=rnn", "module.cell=concat", "optimizer.lr=0.001"],
    "rnn, tanh": ["module=rnn", BOTH_WAYS, "optimizer.lr=0.001"],
    "lstm": ["module=lstm", BOTH_WAYS],
    "gru": ["module=gru", BOTH_WAYS],
    "peephole_lstm": ["module=peephole_lstm", BOTH_WAYS],
    "attention_lstm": ["module=attention_lstm", BOTH_WAYS],
    "transformer": ["module=transformer", "optimizer.lr=0.001"],
    "transformer, convolution": ["module=transformer", "optimizer.lr=0.001", "module.kernel_size=3"],
    "bag, n-grams 1-5": ["module=bag"],
    "ensemble, gru and bag": ["module=ensemble", "module.members.recurrent.bidirectional=true"],
}
LIKE = [
    "trainer.max_epochs=20", "datamodule.batch_size=64", "datamodule.by_length=true", "scheduler=one_cycle",
    "task.input_dropout=0.3", "task.output_dropout=0.3", "optimizer.lr=0.003",
]  # fmt: skip


def architectures(data: Path, seeds: tuple[int, ...], only: str | None = None) -> list[dict[str, Any]]:
    """Held-out accuracy of every architecture, trained alike; of one of them, beside what is known of the others."""
    chosen = [only] if only else list(ARCHITECTURES)
    measured = accuracy(data, seeds, "name", {name: [*LIKE, *ARCHITECTURES[name]] for name in chosen})
    return among_recorded("names_architectures", measured, "row", ARCHITECTURES)


def accuracy(
    data: Path, seeds: tuple[int, ...], split_by: str, ways: dict[str, list[str]] = ROWS
) -> list[dict[str, Any]]:
    """Held-out accuracy and macro-F1 of every row."""
    rows = []
    for name, overrides in ways.items():
        fixed = [f"datamodule.split_by={split_by}", f"datamodule.data_dir={data}", *ALL_OF_TRAINING]
        runs = [train([*overrides, *fixed, f"seed={seed}", f"datamodule.split_seed={seed}"]) for seed in seeds]
        rows.append({"split": split_by, **row_of(name, runs, ("test/accuracy", "test/macro_f1"))})
    return rows


def speed(data: Path, repeats: int = 5) -> list[dict[str, Any]]:
    """Names a second in training, hidden 128: Robertson's loop (README, Sources) and this project's, in turn."""
    config = compose(
        "module=rnn", "task.embedding=onehot", "datamodule.batch_size=1024", f"datamodule.data_dir={data}",
        "datamodule.val_fraction=0.0", "optimizer=sgd", "scheduler=constant", "datamodule.by_length=true",
        "module.bidirectional=false",
    )  # fmt: skip
    datamodule = build(config["datamodule"])
    datamodule.setup()
    loop_rates, rates = [], []
    for _ in range(repeats):
        loop_rates.append(_robertson_names_a_second(datamodule, 800))
        rates.append(_our_names_a_second(config, datamodule))
    ratio = statistics.median(o / t for o, t in zip(rates, loop_rates))
    return [
        {"way": "Robertson's loop, one name a step", "names_per_second": statistics.median(loop_rates), "ratio": 1.0},
        {
            "way": "module=rnn, batches of 1,024, by length",
            "names_per_second": statistics.median(rates),
            "ratio": ratio,
        },
    ]


def _robertson_names_a_second(datamodule: Any, count: int) -> float:
    """Robertson's network as it has it: a Python loop over one-hot letters, a step of plain SGD for each name."""
    num_letters = len(datamodule.spec.codec.vocabulary)
    hidden_size, num_classes = 128, len(datamodule.spec.classes)
    i2h, i2o = nn.Linear(num_letters + hidden_size, hidden_size), nn.Linear(num_letters + hidden_size, num_classes)
    parameters = [*i2h.parameters(), *i2o.parameters()]
    criterion = nn.NLLLoss()
    train = datamodule.indices["train"]
    rows = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))][:count].tolist()
    source = datamodule.source
    start = time.perf_counter()
    for row in rows:
        line = nn.functional.one_hot(source.tokens[row, : source.lengths[row]].long(), num_letters).float().unsqueeze(1)
        hidden = torch.zeros(1, hidden_size)
        for letter in line:
            combined = torch.cat((letter, hidden), 1)
            hidden, output = i2h(combined), i2o(combined).log_softmax(dim=1)
        loss = criterion(output, source.classes[row : row + 1])
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        for parameter in parameters:
            parameter.data.add_(parameter.grad, alpha=-0.005)
    return count / (time.perf_counter() - start)


def _our_names_a_second(config: dict[str, Any], datamodule: Any) -> float:
    from benchmarks.overhead import run_step_ms

    ms = run_step_ms(config, steps=200)
    return config["datamodule"]["batch_size"] / ms * 1000


class FirstStep(Callback):
    """Says when the first step was done."""

    def on_train_batch_end(self, *args: Any) -> None:
        print("first step", time.time(), file=sys.stderr)


def start(data: Path, repeats: int = 5) -> list[dict[str, Any]]:
    """Seconds from the command to its first step, beside the imports alone; and what a further job of a sweep adds."""
    imports = [sys.executable, "-c", "import torch, pytorch_lightning, hydra"]
    with tempfile.TemporaryDirectory() as runs:
        one_step = ["trainer.max_steps=1", "evaluate=[]", f"runs_dir={runs}", f"datamodule.data_dir={data}"]
        command = [sys.executable, str(PROJECT / "scripts/train.py")]
        measures = {
            "import torch, pytorch_lightning, hydra": lambda: _seconds(imports),
            "train.py to its first step": lambda: _until_first_step([*command, *one_step]),
        }
        times: Times = {}
        for _ in range(repeats):
            on_each_disk(measures, times)
            seconds_of_one = _seconds([*command, "-m", "seed=1", *one_step])
            five = _seconds([*command, "-m", "seed=1,2,3,4,5", *one_step])
            times.setdefault("each further job of a sweep", {}).setdefault("seconds", []).append(
                (five - seconds_of_one) / 4
            )
    return medians(times)


def _until_first_step(command: list[str]) -> float:
    start_time = time.time()
    clock = "+callbacks.clock._target_=benchmarks.names.FirstStep"
    output = subprocess.run([*command, clock], check=True, capture_output=True, text=True).stderr
    return float(output.split("first step ")[1].split()[0]) - start_time


def cold() -> bool:
    """Have the system forget what it keeps of the disk in memory; False where one is not allowed to."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        return False
    return True


#: Column -> what makes the disk so.
DISKS: dict[str, Callable[[], bool]] = {"seconds": lambda: True, "seconds_cold_disk": cold}

Times = dict[str, dict[str, list[float]]]  # what was measured -> column -> seconds of each repeat


def on_each_disk(measures: dict[str, Callable[[], float]], times: Times) -> None:
    """Measure once more, with a warm disk and, where one may make it so, with a cold one."""
    for disk, forget in DISKS.items():
        for what, measure in measures.items():
            if forget():
                times.setdefault(what, {}).setdefault(disk, []).append(measure())


def medians(times: Times) -> list[dict[str, Any]]:
    return [{"what": what, **{disk: statistics.median(s) for disk, s in row.items()}} for what, row in times.items()]


def predict(data: Path, count: int = 1_000_000) -> list[dict[str, Any]]:
    """Seconds of predict.py for one name and for a million, by a GRU of hidden 128 trained for an epoch."""
    with tempfile.TemporaryDirectory() as place:
        overrides = ["module=gru", "module.hidden_size=128", "module.bidirectional=false", "trainer.max_epochs=1"]
        run = run_of([*overrides, "evaluate=[]", f"datamodule.data_dir={data}"], place)
        names = Path(place, "names.txt")
        names.write_text("\n".join(invented(data, count)) + "\n", encoding="utf-8")
        ask = [sys.executable, str(PROJECT / "scripts/predict.py"), str(run.path)]
        times: Times = {}
        for _ in range(3):
            on_each_disk({"predict.py on one name": lambda: _seconds([*ask, "Satoshi"])}, times)
        with names.open("rb") as file:
            many = _seconds([*ask, "-"], file)
    return [
        *medians(times),
        {"what": f"predict.py on {count:,} names", "seconds": many, "names_per_second": count / many},
    ]


def invented(data: Path, count: int) -> list[str]:
    """Different names, each of the beginning of one that is known and the end of another."""
    lines = [name for file in sorted(data.glob("*.txt")) for name in file.read_text(encoding="utf-8").split("\n")]
    names = [name for name in lines if name.strip()]
    draw = random.Random(1)
    new_names: dict[str, None] = {}
    while len(new_names) < count:
        first, second = draw.choice(names), draw.choice(names)
        new_names[first[: max(2, len(first) // 2)] + second[len(second) // 2 :].lower()] = None
    return list(new_names)


def _seconds(command: list[str], stdin: BinaryIO | None = None) -> float:
    start_time = time.perf_counter()
    subprocess.run(command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    return time.perf_counter() - start_time


def main() -> None:
    splits = {"accuracy": "name", "line_split": "line"}
    parts = {"speed": speed, "start": start, "predict": predict}
    parser = Parser(prog="names.py", description=__doc__)
    names = [*splits, "architectures", *parts]
    parser.add_argument("--part", choices=names, help="one of them (all)")
    parser.add_argument("--data", metavar="FOLDER", help="of the 18 languages")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="of each row of accuracy (3)")
    parser.add_argument("--row", choices=ARCHITECTURES, help="one of --part architectures, measured anew (all)")
    options = parser.parse_args()
    if options.row and options.part != "architectures":
        raise BadInput("--row: chooses of --part architectures, which is accepted beside it")
    logs.quiet_lightning()
    data = data_folder(options.data, "names", "python scripts/prepare.py names")
    seeds = tuple(range(1, options.seeds + 1))
    for name in [options.part] if options.part else names:
        if name in splits:
            rows = accuracy(data, seeds, splits[name])
        else:
            rows = architectures(data, seeds, options.row) if name == "architectures" else parts[name](data)
        show(rows, name)
        print(record(f"names_{name}", rows))


if __name__ == "__main__":
    errors.run(main)
