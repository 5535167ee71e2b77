"""The output head of forecasts, direct ones of all steps at once."""

from __future__ import annotations

from typing import Literal

from torch import nn

HeadKind = Literal["linear", "relu", "mlp"]


def forecast_head(
    kind: HeadKind, encoding_size: int, context_size: int, num_outputs: int, dropout: float
) -> nn.Sequential:
    """(B, encoding_size + context_size) -> (B, num_outputs).

    Args:
        kind: `linear`; `relu`, a ReLU of the input first; `mlp`, one hidden layer of `encoding_size` features.
        encoding_size: of the pooled states.
        context_size: of series, calendar and covariates beside them.
        num_outputs: steps x columns x quantiles.
        dropout: of the input.
    """
    drop = nn.Dropout(dropout)
    if kind == "mlp":
        hidden = nn.Linear(encoding_size + context_size, encoding_size)
        return nn.Sequential(drop, hidden, nn.GELU(), nn.Linear(encoding_size, num_outputs))
    activation = [nn.ReLU()] if kind == "relu" else []
    return nn.Sequential(*activation, drop, nn.Linear(encoding_size + context_size, num_outputs))
