"""A recurrent decoder: forecasts one row after the other, each from the one before it."""

from __future__ import annotations

from torch import Tensor, nn

from lightning_modules.layers.autocast import call_recurrent


class ForecastDecoder(nn.Module):
    """A GRU whose first state comes from the encoder; `decode_step` is that of `SequenceModule`.

    Args:
        context_size: features of what is known of the past.
        hidden_size: of its states.
        row_size: features of a step: the row before, and what is known of the row to forecast.
    """

    def __init__(self, context_size: int, hidden_size: int, row_size: int) -> None:
        super().__init__()
        self.first_state = nn.Linear(context_size, hidden_size)
        self.cell = nn.GRU(row_size, hidden_size, batch_first=True)

    def init_decoder_state(self, context: Tensor) -> Tensor:
        """(B, C) what is known of the past -> the first state (B, hidden)."""
        return self.first_state(context).tanh()

    def decode_step(self, steps: Tensor, state: Tensor) -> tuple[Tensor, Tensor, None]:
        """(B, U, row) steps -> (B, U, hidden) states, and the last of them."""
        states, last = call_recurrent(self.cell, steps, state.unsqueeze(0))
        return states, last.squeeze(0), None
