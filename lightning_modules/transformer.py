"""The transformer: encoder, causal decoder, or encoder and decoder (Vaswani et al. 2017).

python scripts/train.py datamodule=names module=transformer module.num_layers=4
python scripts/train.py datamodule=names module=transformer task=generation
python scripts/train.py datamodule=text_pairs module=transformer
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from datamodules.errors import BadInput
from lightning_modules.base import SequenceModule
from lightning_modules.layers.attention import NormPlace, TransformerDecoderLayer, TransformerLayer
from lightning_modules.layers.encoding import Encoding, valid_steps
from lightning_modules.layers.positions import PositionalEncoding, Positions
from lightning_modules.layers.step_convolution import StepConvolution
from lightning_modules.tasks.base import Task


class Transformer(SequenceModule):
    """Self-attention between all steps, whatever their distance; padding is masked.

    For a causal task a step attends to itself and those before it.  With decoder layers it
    decodes: each new step attends to those before it and to all encoder states.

    Args:
        task: what it is trained for.
        hidden_size: features of a step's state.
        num_layers: attention and feed-forward layers.
        decoder_layers: layers of the decoder; when absent, `num_layers` for a task whose output is always decoded,
            none for another.
        num_heads: attention heads; they share `hidden_size` between them.
        feed_forward_size: width of the feed-forward networks; 4 times `hidden_size` when absent.
        dropout: of the input, of attention weights and of each residual branch.
        positions: `sinusoidal` or `learned`.
        max_length: steps that learned positions are made for.
        norm: layer norm before (`pre`) or after (`post`, as Vaswani et al. 2017) each residual branch.
        kernel_size: steps that a convolution before the layers sees, of what is read; 0 for none.
    """

    autoregressive = "possible"
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
        decoder_layers: Annotated[int, Ge(0)] | None = None,
        kernel_size: Annotated[int, Ge(0)] = 0,
    ) -> None:
        if hidden_size % num_heads:
            raise BadInput(f"module.num_heads={num_heads}: does not divide module.hidden_size={hidden_size}")
        if decoder_layers is None:
            decoder_layers = num_layers if task.autoregressive == "always" else 0
        super().__init__(task, hidden_size, has_decoder=decoder_layers > 0)
        self.project = _projection(task.input_size, hidden_size)
        self.near = StepConvolution(hidden_size, kernel_size, task.causal) if kernel_size else None
        self.positions = PositionalEncoding(positions, hidden_size, max_length)
        self.dropout = nn.Dropout(dropout)
        wide = feed_forward_size or 4 * hidden_size
        self.layers = nn.ModuleList(
            TransformerLayer(hidden_size, num_heads, wide, dropout, norm) for _ in range(num_layers)
        )
        self.causal = task.causal
        self.final_norm = nn.LayerNorm(hidden_size) if norm == "pre" else nn.Identity()
        if self.has_decoder:
            self.project_targets = _projection(task.decoder_input_size, hidden_size)
            self.decoder_layers = nn.ModuleList(
                TransformerDecoderLayer(hidden_size, num_heads, wide, dropout, norm) for _ in range(decoder_layers)
            )
            self.decoder_norm = nn.LayerNorm(hidden_size) if norm == "pre" else nn.Identity()

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        valid = None if self.causal else valid_steps(lengths, x)  # (B, T); padding comes after all that is valid
        mask = None if valid is None else valid[:, None, None, :]  # (B, 1, 1, T)
        x = self.project(x)
        if self.near is not None:
            x = self.near(x, valid)
        x = self.dropout(self.positions(x))
        for layer in self.layers:
            x = layer(x, mask, self.causal)
        return Encoding(self.final_norm(x), lengths)

    def fsdp_units(self) -> Iterator[nn.Module]:
        yield from self.layers

    def init_decoder_state(self, encoding: Encoding) -> Any:
        valid = valid_steps(encoding.lengths, encoding.states)
        mask = None if valid is None else valid[:, None, None, :]
        return encoding.states, mask, 0, [None] * len(self.decoder_layers)

    def decode_step(self, steps: Tensor, state: Any) -> tuple[Tensor, Any, Tensor | None]:
        memory, mask, position, caches = state
        x = self.dropout(self.positions(self.project_targets(steps), position))
        new_caches = []
        for layer, cache in zip(self.decoder_layers, caches):
            x, cache, query = layer(x, cache, memory, mask)
            new_caches.append(cache)
        weights = None if self.training else layer.cross_attention.weights(query, memory, mask)
        return self.decoder_norm(x), (memory, mask, position + steps.shape[1], new_caches), weights


def _projection(input_size: int, hidden_size: int) -> nn.Module:
    return nn.Identity() if input_size == hidden_size else nn.Linear(input_size, hidden_size)
