"""Language model of names: loss and time of a step beside a bare loop over single steps.

    python benchmarks/generation.py                # about 4 minutes on one core

One list of first names (read from --data, SEQUENCE_DATA/labelled_text/first_names, ../shared/data/... or data/...),
one split for every row: 64 wide, batches of 32, 2,000 steps; the loss is of the test split, in nats a character,
the end of a name included.  The bare loop is written as introductions to language models do: cells called
once a letter, every batch padded to the longest name of all, AdamW at 0.0005.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import overhead
from benchmarks.recording import record, show
from benchmarks.trained import data_folder, train
from datamodules.names import Names
from scripts.config.composing import compose
from scripts.console import errors, logs
from scripts.console.parser import Parser

SIZE, BATCH, STEPS = 64, 32, 2000
FRACTIONS = {"val_fraction": 0.1, "test_fraction": 0.1}

#: Row -> the words that train it.
ROWS = {
    "RNN": ["module=rnn", "optimizer.lr=0.005"],
    "GRU": ["module=gru", "optimizer.lr=0.005"],
    "Transformer": ["module=transformer", "module.num_layers=4", "module.dropout=0.0", "optimizer.lr=0.002"],
}


class CellByCell(nn.Module):
    """A recurrent cell called for one letter after the other."""

    def __init__(self, cell: type[nn.Module], num_symbols: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_symbols, SIZE)
        self.cell = cell(SIZE, SIZE)
        self.output = nn.Linear(SIZE, num_symbols)

    def forward(self, ids: Tensor) -> Tensor:
        state, states = torch.zeros(len(ids), SIZE), []
        embedded = self.embedding(ids)
        for step in range(ids.shape[1]):
            state = self.cell(embedded[:, step], state)
            states.append(state)
        return self.output(torch.stack(states, dim=1))


class Decoder(nn.Module):
    """Four layers of torch's own, with a causal mask and learned positions."""

    def __init__(self, num_symbols: int, longest: int) -> None:
        super().__init__()
        self.embedding, self.positions = nn.Embedding(num_symbols, SIZE), nn.Embedding(longest, SIZE)
        layer = nn.TransformerEncoderLayer(SIZE, 4, 4 * SIZE, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 4, nn.LayerNorm(SIZE), enable_nested_tensor=False)
        self.output = nn.Linear(SIZE, num_symbols)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(longest))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids) + self.positions(torch.arange(ids.shape[1]))
        return self.output(self.layers(x, mask=self.mask, is_causal=True))


class BareLoop:
    """Robertson's training, a step at a time."""

    def __init__(self, name: str, datamodule: Names) -> None:
        source, symbols = datamodule.source, len(datamodule.spec.codec.vocabulary)
        longest = source.tokens.shape[1] + 1
        steps = torch.arange(longest)
        self.inputs = functional.pad(source.tokens.long(), (1, 0), value=symbols)
        targets = functional.pad(source.tokens.long(), (0, 1)).masked_fill(steps == source.lengths[:, None], symbols)
        self.targets = targets.masked_fill(steps > source.lengths[:, None], -1)
        self.indices = datamodule.indices
        torch.manual_seed(1)
        cells = {"RNN": nn.RNNCell, "GRU": nn.GRUCell}
        self.network = CellByCell(cells[name], symbols + 1) if name in cells else Decoder(symbols + 1, longest)
        parameters = self.network.parameters()
        self.optimizer = torch.optim.AdamW(parameters, lr=5e-4, weight_decay=0.01, betas=(0.9, 0.99))

    def train(self, steps: int) -> float:
        """Milliseconds a step."""
        rows = self.indices["train"]
        start = time.perf_counter()
        for _ in range(steps):
            loss = self.loss(rows[torch.randint(len(rows), (BATCH,))])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
        return 1000 * (time.perf_counter() - start) / steps

    def loss(self, rows: Tensor) -> Tensor:
        scores = self.network(self.inputs[rows])
        return functional.cross_entropy(scores.flatten(0, 1), self.targets[rows].flatten(), ignore_index=-1)


def overrides_of(name: str, data: Path) -> list[str]:
    parts = [f"datamodule.{key}={value}" for key, value in FRACTIONS.items()]
    length = ["trainer.max_epochs=null", f"trainer.max_steps={STEPS}", f"datamodule.batch_size={BATCH}"]
    task = ["datamodule=names", "task=generation", "task.condition=none", f"module.hidden_size={SIZE}"]
    return [*task, *ROWS[name], *length, *parts, "scheduler=one_cycle", f"datamodule.data_dir={data}"]


def measured(name: str, data: Path, repeats: int = 5) -> list[dict[str, Any]]:
    """Both ways: test losses after all steps, and the time of a step by turns."""
    datamodule = Names(data_dir=str(data), **FRACTIONS)
    datamodule.setup()
    config = compose(*overrides_of(name, data))
    step_ms, bare_ms = [], []
    for _ in range(repeats):
        bare_ms.append(BareLoop(name, datamodule).train(200))
        step_ms.append(overhead.run_step_ms(config, 200))
    loop = BareLoop(name, datamodule)
    loop.train(STEPS)
    with torch.no_grad():
        loss = loop.loss(datamodule.indices["test"]).item()
    trained = train([*overrides_of(name, data), "evaluate=[test]"])["test/loss"]
    ratio = statistics.median(bare / step for bare, step in zip(bare_ms, step_ms))
    return [
        {"row": name, "way": "bare loop", "test_loss": loss, "ms_a_step": statistics.median(bare_ms), "faster": 1.0},
        {
            "row": name,
            "way": "train.py",
            "test_loss": trained,
            "ms_a_step": statistics.median(step_ms),
            "faster": ratio,
        },
    ]


def main() -> None:
    parser = Parser(prog="generation.py", description=__doc__)
    parser.add_argument("--data", metavar="FOLDER", help="of male.txt and female.txt")
    options = parser.parse_args()
    logs.quiet_lightning()
    torch.set_num_threads(1)
    data = data_folder(options.data, "labelled_text/first_names", "--data FOLDER names a folder of <Label>.txt")
    rows = [row for name in ROWS for row in measured(name, data)]
    show(rows, "first names")
    print(record("generation", rows))


if __name__ == "__main__":
    errors.run(main)
