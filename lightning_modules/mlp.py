"""A residual multilayer perceptron over a whole window.

python scripts/train.py datamodule=energy module=mlp
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from lightning_modules.base import SequenceModule
from lightning_modules.layers.encoding import Encoding
from lightning_modules.tasks.base import Task


class MLP(SequenceModule):
    """h = W x + b, then blocks h + W2 gelu(W1 norm(h)), then a norm (pre-norm residuals, He et al. 2016).

    Every value of the window has separate weights, so all windows have one length.

    Args:
        task: what it is trained for.
        hidden_size: features of h.
        num_layers: blocks.
        expansion: how many times wider a block is inside.
        dropout: inside the blocks.
        input_dropout: of the window.
    """

    input_kind = "window"

    def __init__(
        self,
        task: Task,
        hidden_size: Annotated[int, Gt(0)] = 256,
        num_layers: Annotated[int, Gt(0)] = 2,
        expansion: Annotated[int, Gt(0)] = 2,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        input_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        super().__init__(task, encoding_size=hidden_size)
        window_size: int = task.window_size  # type: ignore[assignment]
        self.input = nn.Sequential(nn.Dropout(input_dropout), nn.Linear(window_size, hidden_size))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(hidden_size),
                nn.Linear(hidden_size, hidden_size * expansion),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.Linear(hidden_size * expansion, hidden_size),
            )
            for _ in range(num_layers)
        )

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:  # x: (B, W)
        hidden = self.input(x)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return Encoding(hidden.unsqueeze(1), None, hidden)  # (B, 1, H)
