"""A recurrent decoder: forecasts one row after the other, each from the one before it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class ForecastDecoder(nn.Module):
    """A GRU whose first state comes from the encoder and whose input is the row before and the row's calendar.

    Args:
        context_size: features of what is known of the past.
        hidden_size: of its states.
        num_columns: K of a row.
        calendar_size: F of a row's calendar.
    """

    def __init__(self, context_size: int, hidden_size: int, num_columns: int, calendar_size: int) -> None:
        super().__init__()
        self.first_state = nn.Linear(context_size, hidden_size)
        self.cell = nn.GRU(num_columns + calendar_size, hidden_size, batch_first=True)

    def forward(
        self,
        context: Tensor,
        last: Tensor,
        calendar: Tensor,
        taught: Tensor | None,
        output: Callable[[Tensor], Tensor],
        value_of: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """The network's numbers for each row, (B, H, K) or (B, H, K Q).

        Args:
            context: (B, C) what is known of the past.
            last: (B, K) the last known row.
            calendar: (B, H, F) of the rows to forecast.
            taught: (B, H, K) the true rows, each of which is then given to the next step; None feeds forecasts back.
            output: states (..., hidden) -> numbers (..., K Q).
            value_of: numbers (B, 1, K, Q) or (B, 1, K) -> the row (B, 1, K) that is fed back.
        """
        state = self.first_state(context).tanh().unsqueeze(0)
        if taught is not None:
            before = torch.cat([last.unsqueeze(1), taught[:, :-1]], dim=1)
            states, _ = self.cell(torch.cat([before, calendar], dim=2), state)
            return output(states)
        answers, row = [], last.unsqueeze(1)
        for step in calendar.split(1, dim=1):
            states, state = self.cell(torch.cat([row, step], dim=2), state)
            numbers = output(states)  # (B, 1, K Q)
            answers.append(numbers)
            quantiles = numbers.shape[2] // last.shape[1]
            row = value_of(numbers.view(last.shape[0], 1, last.shape[1], -1) if quantiles > 1 else numbers)
        return torch.cat(answers, dim=1)
