"""CRNN: convolutions, recurrence and CTC (Shi, Bai, Yao 2015, https://arxiv.org/abs/1507.05717), for images of lines.

python scripts/train.py datamodule=text_lines module=crnn                    # small: for 2 cores
python scripts/train.py datamodule=text_lines module=crnn module.size=base   # as published
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from datamodules.errors import BadInput
from lightning_modules.base import SequenceModule
from lightning_modules.layers.convolutions import Convolution, LineConvolutions, Pool
from lightning_modules.layers.encoding import Encoding
from lightning_modules.layers.recurrent import RecurrentLayers
from lightning_modules.tasks.base import Task

Size = Literal["small", "base"]
Pooling = Literal["shi2015", "narrow", "wide"]
BatchNorm = Literal["shi2015", "all", "none"]

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
HALF = Pool((2, 2), partial=True)  # of height and width

#: How the third and fourth pooling halve the height, and what the second does; an image 32 x 200 becomes 51, 11 and
#: 101 steps.
POOLINGS: dict[Pooling, tuple[Pool, Pool]] = {
    "shi2015": (HALF, Pool((2, 2), stride=(2, 1), padding=(0, 1))),
    "narrow": (HALF, Pool((1, 2), stride=(2, 2))),
    "wide": (Pool((2, 1)), Pool((2, 2), stride=(2, 1), padding=(0, 1))),
}


class CRNN(SequenceModule):
    """Columns of convolutional features, read in both directions; every two recurrent layers have a map between them.

    Args:
        task: what it is trained for.
        size: `base`, the published seven convolutions and two layers of 256, or `small`, four and one of 128.
        pooling: of `base`: `shi2015` (a step for 4 pixels), `narrow` (for 16) or `wide` (for 2, for narrow letters).
        batch_norm: after the 5th and 6th convolution (`shi2015`, of `base`), after `all`, or `none`.
        cell: of the recurrent layers.
        hidden_size, num_layers: of the recurrent layers, each direction; those of `size` when absent.
        dropout: of what the recurrent layers read.
    """

    input_kind = "image"

    def __init__(
        self,
        task: Task,
        size: Size = "small",
        pooling: Pooling = "shi2015",
        batch_norm: BatchNorm | None = None,
        cell: Literal["lstm", "gru", "rnn"] = "lstm",
        hidden_size: Annotated[int, Gt(0)] | None = None,
        num_layers: Annotated[int, Gt(0)] | None = None,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        if size == "small" and pooling != "shi2015":
            raise BadInput(f"module.pooling={pooling}: module.size=base has a choice of poolings, small has not")
        hidden_size = hidden_size or (128 if size == "small" else 256)
        num_layers = num_layers or (1 if size == "small" else 2)
        super().__init__(task, encoding_size=2 * hidden_size)
        stack = small_stack(batch_norm or "all") if size == "small" else base_stack(pooling, batch_norm or "shi2015")
        self.convolutions = LineConvolutions(stack, task.spec.height)
        self.dropout = nn.Dropout(dropout)
        sizes = [self.convolutions.output_size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(
            RecurrentLayers(lambda i, h: CELLS[cell](i, h, batch_first=True), inputs, hidden_size, 1, True)
            for inputs in sizes
        )
        self.maps = nn.ModuleList(nn.Linear(2 * hidden_size, hidden_size) for _ in sizes[1:])

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        """x (B, 1, height, W) images -> states (B, T, 2H)."""
        if lengths is None:
            lengths = x.new_full((len(x),), x.shape[3]).long()
        steps = self.steps(lengths)
        states = self.convolutions(x, lengths)  # (B, T, D)
        for number, layer in enumerate(self.layers):
            if number:
                states = self.maps[number - 1](states)
            states, summary = layer(self.dropout(states), steps)
        return Encoding(states, steps, summary)

    def steps(self, lengths: Tensor) -> Tensor:
        return self.convolutions.steps(lengths)


def base_stack(pooling: Pooling, batch_norm: BatchNorm) -> list[Convolution]:
    """The convolutions of Shi, Bai and Yao (their table 1)."""
    second, later = POOLINGS[pooling]
    norms = {"shi2015": (4, 5), "all": range(7), "none": ()}[batch_norm]
    pools = {0: HALF, 1: second, 3: later, 5: later}
    channels = (64, 128, 256, 256, 512, 512, 512)
    return [
        Convolution(
            size,
            kernel=2 if number == 6 else 3,
            padding=0 if number == 6 else 1,
            norm=number in norms,
            pool=pools.get(number),
        )
        for number, size in enumerate(channels)
    ]


def small_stack(batch_norm: BatchNorm) -> list[Convolution]:
    """Four convolutions, a step for 4 pixels, two rows left; most work is done at a quarter of the image's size."""
    norm = batch_norm != "none"
    return [
        Convolution(32, kernel=5, stride=2, padding=2, norm=norm),
        Convolution(64, norm=norm, pool=HALF),
        Convolution(96, norm=norm, pool=Pool((2, 1))),
        Convolution(128, norm=norm, pool=Pool((2, 1))),
    ]
