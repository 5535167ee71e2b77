"""A recurrent encoder and a recurrent decoder, with or without attention (Sutskever et al. 2014; Cho et al. 2014).

python scripts/train.py datamodule=text_pairs module=seq2seq module.attention=additive
python scripts/train.py datamodule=energy datamodule.horizon=24 module=seq2seq module.cell=lstm
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from lightning_modules.base import SequenceModule
from lightning_modules.layers.autocast import call_recurrent
from lightning_modules.layers.encoding import Encoding, valid_steps
from lightning_modules.layers.recurrent import RecurrentLayers
from lightning_modules.layers.sequence_attention import SequenceAttention
from lightning_modules.tasks.base import Task

Cell = Literal["gru", "lstm", "rnn"]
CELLS = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}


class Seq2Seq(SequenceModule):
    """The decoder starts from a map of the encoder's last state, s_l = tanh(W_l h), in every layer l.

    With attention each of the decoder's states d reads the encoder's and becomes tanh(W [context, d]) (Luong et al.
    2015, eq. 5).  It reads them after the recurrence, not before it, so that a whole text is taught in one pass.

    Args:
        task: what it is trained for.
        cell: `gru`, `lstm` or `rnn`, of both.
        hidden_size: features of the decoder's states, and of each direction's of the encoder.
        num_layers: of each.
        dropout: between layers.
        bidirectional: the encoder reads each sequence backwards too.
        context: how the decoder knows what was read: `state`: from its first state; `every`: the encoder's last
            state is an input at every step, too.
        attention: `none`, `additive` or `dot`; see `SequenceAttention`.
        attention_size: features inside the additive score.
        attention_dropout: of the weights.
    """

    autoregressive = "always"

    def __init__(
        self,
        task: Task,
        cell: Cell = "gru",
        hidden_size: Annotated[int, Gt(0)] = 128,
        num_layers: Annotated[int, Gt(0)] = 2,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        bidirectional: bool = False,
        context: Literal["state", "every"] = "state",
        attention: Literal["none", "additive", "dot"] = "additive",
        attention_size: Annotated[int, Gt(0)] = 128,
        attention_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        super().__init__(task, hidden_size, has_decoder=True)
        make = CELLS[cell]
        self.encoder = RecurrentLayers(
            lambda inputs, hidden: make(inputs, hidden, batch_first=True),
            task.input_size,
            hidden_size,
            num_layers,
            bidirectional,
            dropout,
        )
        read_size = self.encoder.output_size
        states_of_layer = 2 if cell == "lstm" else 1
        self.bridge = nn.Linear(read_size, num_layers * states_of_layer * hidden_size)
        self.context = context
        first = task.decoder_input_size + (read_size if context == "every" else 0)
        self.decoder = nn.ModuleList(
            make(hidden_size if layer else first, hidden_size, batch_first=True) for layer in range(num_layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.attention = None
        if attention != "none":
            self.attention = SequenceAttention(hidden_size, read_size, attention, attention_size, attention_dropout)
            self.combine = nn.Linear(read_size + hidden_size, hidden_size)

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        states, summary = self.encoder(x, lengths)  # (B, T, H'), (B, H')
        return Encoding(states, lengths, summary)

    def init_decoder_state(self, encoding: Encoding) -> Any:
        assert encoding.summary is not None
        first = torch.tanh(self.bridge(encoding.summary)).chunk(len(self.decoder), dim=1)
        lstm = isinstance(self.decoder[0], nn.LSTM)
        layers = [tuple(both.chunk(2, dim=1)) if lstm else both for both in first]
        keys = None if self.attention is None else self.attention.keys(encoding.states)
        return encoding.states, keys, valid_steps(encoding.lengths, encoding.states), encoding.summary, layers

    def decode_step(self, steps: Tensor, state: Any) -> tuple[Tensor, Any, Tensor | None]:
        memory, keys, valid, summary, layers = state
        x, new_states = steps, []
        if self.context == "every":
            x = torch.cat([x, summary.unsqueeze(1).expand(-1, x.shape[1], -1)], dim=2)
        for number, (layer, state_of_layer) in enumerate(zip(self.decoder, layers)):
            x, state_of_layer = call_recurrent(layer, self.dropout(x) if number else x, _stacked(state_of_layer))
            new_states.append(_flat(state_of_layer))
        weights = None
        if self.attention is not None:
            context, weights = self.attention(x, memory, valid, keys)
            x = torch.tanh(self.combine(torch.cat([context, x], dim=2)))
        return x, (memory, keys, valid, summary, new_states), weights


def _stacked(state: Any) -> Any:
    """(B, H), or two of them, as torch's layers take them: (1, B, H)."""
    if isinstance(state, tuple):
        return tuple(tensor.unsqueeze(0).contiguous() for tensor in state)
    return state.unsqueeze(0).contiguous()


def _flat(state: Any) -> Any:
    return tuple(tensor.squeeze(0) for tensor in state) if isinstance(state, tuple) else state.squeeze(0)
