"""The transformer encoder (Vaswani et al. 2017).

python scripts/train.py datamodule=names module=transformer module.num_layers=4
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from datamodules.errors import BadInput
from lightning_modules.base import SequenceModule
from lightning_modules.encoding import Encoding, valid_steps
from lightning_modules.layers.attention import NormPlace, TransformerLayer
from lightning_modules.layers.positions import PositionalEncoding, Positions
from lightning_modules.tasks.base import Task


class Transformer(SequenceModule):
    """Steps that read one another, whatever their distance; padding is never read.

    Where a task asks for what comes next, a step reads itself and those before it.

    Args:
        task: what it is trained for.
        hidden_size: features of a step's state.
        num_layers: attention and feed-forward layers.
        num_heads: attention heads; they share `hidden_size` between them.
        feed_forward_size: width of the feed-forward networks; 4 times `hidden_size` when absent.
        dropout: of the input, of attention weights and of each residual branch.
        positions: `sinusoidal` or `learned`.
        max_length: steps that learned positions are made for.
        norm: layer norm before (`pre`) or after (`post`, the paper's) each residual branch.
    """

    can_be_causal = True

    def __init__(
        self,
        task: Task,
        hidden_size: Annotated[int, Gt(0)] = 128,
        num_layers: Annotated[int, Gt(0)] = 2,
        num_heads: Annotated[int, Gt(0)] = 4,
        feed_forward_size: Annotated[int, Gt(0)] | None = None,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.1,
        positions: Positions = "sinusoidal",
        max_length: Annotated[int, Gt(0)] = 1024,
        norm: NormPlace = "pre",
    ) -> None:
        if hidden_size % num_heads:
            raise BadInput(f"module.num_heads={num_heads}: does not divide module.hidden_size={hidden_size}")
        super().__init__(task, encoding_size=hidden_size)
        same = task.input_size == hidden_size
        self.project = nn.Identity() if same else nn.Linear(task.input_size, hidden_size)
        self.positions = PositionalEncoding(positions, hidden_size, max_length)
        self.dropout = nn.Dropout(dropout)
        wide = feed_forward_size or 4 * hidden_size
        self.layers = nn.ModuleList(
            TransformerLayer(hidden_size, num_heads, wide, dropout, norm) for _ in range(num_layers)
        )
        self.causal = task.causal
        self.final_norm = nn.LayerNorm(hidden_size) if norm == "pre" else nn.Identity()

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        valid = None if self.causal else valid_steps(lengths, x)  # (B, T); padding comes after all that is valid
        mask = None if valid is None else valid[:, None, None, :]  # (B, 1, 1, T)
        x = self.dropout(self.positions(self.project(x)))
        for layer in self.layers:
            x = layer(x, mask, self.causal)
        return Encoding(self.final_norm(x), lengths)
