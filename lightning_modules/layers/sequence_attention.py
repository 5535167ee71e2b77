"""Attention of queries over the states of a sequence."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

AttentionKind = Literal["additive", "dot"]


class SequenceAttention(nn.Module):
    """Weights of the steps and the weighted sum of their states; padding has no weight.

    additive: v^T tanh(W_k k + W_q q) (Bahdanau et al. 2015); dot: (W_q q)^T k / sqrt(H) (Luong et al. 2015, scaled).

    Args:
        query_size, state_size: features of the query and of a state.
        kind: `additive` or `dot`.
        attention_size: features inside the additive score.
        dropout: of the weights.
    """

    def __init__(
        self, query_size: int, state_size: int, kind: AttentionKind, attention_size: int = 128, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.kind = kind
        if kind == "additive":
            self.of_query = nn.Linear(query_size, attention_size)
            self.of_state = nn.Linear(state_size, attention_size, bias=False)
            self.score = nn.Linear(attention_size, 1, bias=False)
        else:
            self.of_query = nn.Linear(query_size, state_size)
        self.dropout = nn.Dropout(dropout)

    def keys(self, states: Tensor) -> Tensor:
        """(B, T, A) keys of the attention, shared by all queries."""
        return self.of_state(states) if self.kind == "additive" else states

    def forward(
        self, query: Tensor, states: Tensor, valid: Tensor | None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The context of each query (B, U, H) and the weights (B, U, T) float32; of a query (B, Q), without U.

        Args:
            query: (B, U, Q) or (B, Q).
            states: (B, T, H).
            valid: (B, T) True where a step is no padding; None where all are.
            keys: of `keys(states)`, where they are at hand.
        """
        if query.ndim == 2:
            context, weights = self(query.unsqueeze(1), states, valid)
            return context.squeeze(1), weights.squeeze(1)
        keys = self.keys(states) if keys is None else keys
        asked = self.of_query(query)  # (B, U, A)
        if self.kind == "additive":
            scores = self.score(torch.tanh(keys.unsqueeze(1) + asked.unsqueeze(2))).squeeze(3)
        else:
            scores = asked @ keys.transpose(1, 2) * states.shape[2] ** -0.5
        scores = scores.float()  # (B, U, T)
        if valid is not None:
            scores = scores.masked_fill(~valid.unsqueeze(1), -torch.inf)
        weights = scores.softmax(dim=2)
        return self.dropout(weights).to(states.dtype) @ states, weights
