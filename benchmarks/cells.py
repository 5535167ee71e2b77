"""What each recurrent cell costs beside torch's fused LSTM of the same size: one layer, forward and backward.

    python benchmarks/cells.py                        # on the CPU, and on a GPU where there is one
    python benchmarks/cells.py --device cuda --json   # rows on standard output, nothing written

The cells take turns, several times over, in one process; medians are printed.  Ratios are to nn.LSTM in the same turn.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.recording import circumstances, record, show
from datamodules.errors import BadInput
from lightning_modules.attention_lstm import AttentionLSTM
from lightning_modules.gru import GRU
from lightning_modules.lstm import LSTM
from lightning_modules.peephole_lstm import PeepholeLSTM
from lightning_modules.rnn import RNN
from lightning_modules.tasks.base import Task
from scripts.console import errors, logs
from scripts.console.parser import Parser

FUSED = "nn.LSTM"
CELLS: dict[str, Callable[..., nn.Module]] = {
    "rnn tanh": RNN,
    "rnn concat": lambda *args, **size: RNN(*args, cell="concat", **size),
    "gru": GRU,
    "lstm": LSTM,
    "peephole_lstm diagonal": PeepholeLSTM,
    "peephole_lstm full": lambda *args, **size: PeepholeLSTM(*args, peephole="full", **size),
    "lstm layer_norm": lambda *args, **size: LSTM(*args, layer_norm=True, **size),
    "gru layer_norm": lambda *args, **size: GRU(*args, layer_norm=True, **size),
    "attention_lstm": AttentionLSTM,
}


@dataclass(frozen=True)
class Shape:
    """Of what the cells read: as many features as their states have."""

    batch: int
    steps: int
    size: int


#: Texts as of `names`; windows as of `energy`; something in between.
SHAPES = (Shape(64, 20, 128), Shape(128, 50, 128), Shape(256, 90, 256))


class States(Task):
    """Nothing is asked of the states."""

    def __init__(self, size: int) -> None:
        super().__init__(spec=None)
        self.size = size

    @property
    def input_size(self) -> int:
        return self.size

    def build(self, input_kind: str, encoding_size: int) -> None:
        pass


def reading(name: str, shape: Shape, device: str) -> Callable[[Tensor], Tensor]:
    """x (B, T, D) -> what is read off the states of a new cell of this name."""
    if name == FUSED:
        fused = nn.LSTM(shape.size, shape.size, batch_first=True).to(device)
        return lambda x: fused(x)[0]
    module = CELLS[name](States(shape.size), hidden_size=shape.size).to(device)
    return lambda x: module.encode(x, None).states


def clock(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def time_once(read: Callable[[Tensor], Tensor], x: Tensor, device: str) -> tuple[float, float]:
    """Seconds forward and backward."""
    start = clock(device)
    states = read(x)
    middle = clock(device)
    states.backward(torch.ones_like(states))
    return middle - start, clock(device) - middle


def measure(shape: Shape, device: str, repeats: int) -> list[dict[str, Any]]:
    """A row a cell."""
    torch.manual_seed(0)
    x = torch.randn(shape.batch, shape.steps, shape.size, device=device, requires_grad=True)
    readers = {name: reading(name, shape, device) for name in (FUSED, *CELLS)}
    for read in readers.values():
        time_once(read, x, device)
    turns = [{name: time_once(read, x, device) for name, read in readers.items()} for _ in range(repeats)]
    return [row(name, shape, device, turns) for name in readers]


def row(name: str, shape: Shape, device: str, turns: list[dict[str, tuple[float, float]]]) -> dict[str, Any]:
    result: dict[str, Any] = {"device": device, "threads": torch.get_num_threads(), "cell": name, **vars(shape)}
    for part, way in enumerate(("forward", "backward")):
        result[f"{way}_ms"] = 1000 * statistics.median(turn[name][part] for turn in turns)
    for part, way in enumerate(("forward", "backward")):
        result[f"{way}_ratio"] = statistics.median(turn[name][part] / turn[FUSED][part] for turn in turns)
    result["ratio"] = statistics.median(sum(turn[name]) / sum(turn[FUSED]) for turn in turns)
    return result


def main() -> None:
    parser = Parser(prog="cells.py", description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], help="one of them (both, where there is a GPU)")
    parser.add_argument("--repeats", type=int, default=11, help="turns of each cell (11)")
    parser.add_argument("--json", action="store_true", help="rows on standard output, nothing written")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise BadInput("--device cuda: there is no GPU here; cpu is accepted")
    devices = [options.device] if options.device else ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    rows = [row for device in devices for shape in SHAPES for row in measure(shape, device, options.repeats)]
    if options.json:
        print(json.dumps({**circumstances(), "rows": rows}))
        return
    show(rows, "milliseconds, and times torch's fused LSTM")
    print(record("cells", rows))


if __name__ == "__main__":
    logs.plain_logs()
    errors.run(main)
