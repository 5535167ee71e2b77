"""An LSTM whose states are all read again at the end, by attention.

python scripts/train.py datamodule=names module=attention_lstm module.bidirectional=true
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from lightning_modules.base import SequenceModule
from lightning_modules.encoding import Encoding, valid_steps
from lightning_modules.layers.initialization import Initialization, initialize
from lightning_modules.layers.recurrent import RecurrentLayers
from lightning_modules.layers.sequence_attention import AttentionKind, SequenceAttention
from lightning_modules.tasks.base import Task


class AttentionLSTM(SequenceModule):
    """The last state asks, all states answer: each state becomes tanh(W [context, state]) (Luong et al. 2015, eq. 5).

    The weights of the steps stay in the encoding, for pictures.

    Args:
        task: what it is trained for.
        hidden_size: features of each direction's states.
        num_layers: layers, one reading the states of the other.
        dropout: between layers.
        bidirectional: read each sequence backwards too.
        attention: `additive` or `dot`; see `SequenceAttention`.
        attention_size: features inside the additive score.
        attention_dropout: of the weights.
        initialization: of the recurrent weights; see `initialize`.
        forget_bias: first bias of the forget gates; torch's own small random ones when absent.
    """

    def __init__(
        self,
        task: Task,
        hidden_size: Annotated[int, Gt(0)] = 128,
        num_layers: Annotated[int, Gt(0)] = 1,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        bidirectional: bool = False,
        attention: AttentionKind = "additive",
        attention_size: Annotated[int, Gt(0)] = 128,
        attention_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        initialization: Initialization = "default",
        forget_bias: float | None = None,
    ) -> None:
        size = hidden_size * (2 if bidirectional else 1)
        super().__init__(task, encoding_size=size)
        self.layers = RecurrentLayers(
            lambda inputs, hidden: nn.LSTM(inputs, hidden, batch_first=True),
            task.input_size,
            hidden_size,
            num_layers,
            bidirectional,
            dropout,
        )
        self.attention = SequenceAttention(size, size, attention, attention_size, attention_dropout)
        self.combine = nn.Linear(2 * size, size)
        initialize(self.layers, initialization, forget_bias)

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        states, last = self.layers(x, lengths)  # (B, T, H), (B, H)
        context, weights = self.attention(last, states, valid_steps(lengths, states))
        every = torch.cat([context.unsqueeze(1).expand_as(states), states], dim=2)
        summary = torch.tanh(self.combine(torch.cat([context, last], dim=1)))
        return Encoding(torch.tanh(self.combine(every)), lengths, summary, weights)
