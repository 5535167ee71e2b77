"""AttentionLSTM: an LSTM with attention over all of its states.

python scripts/train.py datamodule=names module=attention_lstm module.bidirectional=true
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from lightning_modules.layers.encoding import Encoding, valid_steps
from lightning_modules.layers.sequence_attention import AttentionKind, SequenceAttention
from lightning_modules.lstm import LSTM
from lightning_modules.tasks.base import Task


class AttentionLSTM(LSTM):
    """Attention over the states, each of which becomes tanh(W [context, state]) (Luong et al. 2015, eq. 5).

    The weights of the steps stay in the encoding, for figures.

    Args:
        task: what it is trained for.
        attention: `additive` or `dot`; see `SequenceAttention`.
        attention_size: features inside the additive score.
        attention_dropout: of the weights.
        settings: see `LSTM` and `RNNBase`.
    """

    can_be_causal = False  # every state has read the last one

    def __init__(
        self,
        task: Task,
        attention: AttentionKind = "additive",
        attention_size: Annotated[int, Gt(0)] = 128,
        attention_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__(task, **settings)
        size = self.encoding_size
        self.attention = SequenceAttention(size, size, attention, attention_size, attention_dropout)
        self.combine = nn.Linear(2 * size, size)

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        states, last = self.layers(x, lengths)  # (B, T, H), (B, H)
        context, weights = self.attention(last, states, valid_steps(lengths, states))
        every = torch.cat([context.unsqueeze(1).expand_as(states), states], dim=2)
        summary = torch.tanh(self.combine(torch.cat([context, last], dim=1)))
        return Encoding(torch.tanh(self.combine(every)), lengths, summary, weights)
