"""Conformal calibration of quantiles on the validation split (Romano et al. 2019, conformalised quantiles).

A series changes: the weeks after a stretch have other errors than the stretch, so shifts that cover a stretch exactly
cover what comes after it less than they say.  How much less is seen within the validation split: each of its stretches
is judged by the others, and the levels are set so that these judgements come out as they say (cross-conformal
prediction, Vovk 2015, with blocks in time).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

LEAST_WINDOWS = 100  # of a series, to have shifts of its own; fewer take those of all series together
STRETCHES = 2  # of a series' validation split, each judged by the others; more of them lie nearer to each other
LEAST_CHANGE = 1e-3  # scaled units: a look-back may be constant
MOST_RESIDUALS = 20_000_000  # kept of a validation pass; of more windows, every second, fourth ... is taken


class ConformalCalibration(nn.Module):
    """A shift of every quantile, for each series, row ahead and column, in units of how much a window changes.

    The shift of quantile q is the empirical p-quantile, with the finite-sample rank ceil((n + 1) p), of target minus
    forecast over the windows of the validation split.  p is q where errors of other stretches are distributed alike;
    else the level by which a stretch, shifted by what the others show, has the share q of its targets below.
    Errors are divided by the mean change over a season in the window's look-back (normalised conformal scores, Lei et
    al. 2018), so that intervals are wider where the series is restless.

    Args:
        num_series: S.
        horizon: H.
        num_columns: K.
        quantiles: Q levels, rising.
        season: rows over which a look-back's change is taken.
    """

    shift: Tensor

    def __init__(
        self, num_series: int, horizon: int, num_columns: int, quantiles: tuple[float, ...], season: int
    ) -> None:
        super().__init__()
        self.quantiles, self.season = quantiles, season
        self.register_buffer("shift", torch.zeros(num_series + 1, horizon, num_columns, len(quantiles)))
        self.observing = False
        self._residuals: list[tuple[Tensor, Tensor]] = []  # (B,) series and (B, H, K, Q) target minus forecast
        self._size, self._stride = 0, 1

    def forward(self, output: Tensor, series: Tensor, past: Tensor) -> Tensor:
        """(B, H, K, Q) scaled quantiles, shifted; as they are while residuals are observed.

        Args:
            output: (B, H, K, Q) scaled quantiles.
            series: (B,).
            past: (B, L, K) the look-back, scaled.
        """
        if self.observing:
            return output
        row = torch.where(series < 0, len(self.shift) - 1, series)  # an unknown series: the shifts of all together
        return output + self.shift.index_select(0, row) * self.change_of(past)

    def change_of(self, past: Tensor) -> Tensor:
        """(B, 1, K, 1) mean |change over a season| in each look-back (from row to row where it is shorter)."""
        season = self.season if past.shape[1] > self.season else 1
        change = (past[:, season:] - past[:, :-season]).abs().mean(dim=1)
        return change.clamp(min=LEAST_CHANGE)[:, None, :, None]

    def start(self) -> None:
        """Begin to observe a pass over the validation split."""
        self.observing, self._residuals, self._size, self._stride = True, [], 0, 1

    def observe(self, output: Tensor, target: Tensor, series: Tensor, past: Tensor) -> None:
        """Args: output (B, H, K, Q), target (B, H, K) and past (B, L, K), scaled; series (B,)."""
        residual = ((target.unsqueeze(-1) - output) / self.change_of(past))[:: self._stride].float().cpu()
        self._residuals.append((series[:: self._stride].cpu(), residual))
        self._size += residual.numel()
        while self._size > MOST_RESIDUALS:
            self._stride *= 2
            self._residuals = [(s[::2], r[::2]) for s, r in self._residuals]
            self._size = sum(r.numel() for _, r in self._residuals)

    def finish(self) -> None:
        """Take the shifts from what was observed; they stay as they are where nothing was."""
        self.observing = False
        if not self._residuals:
            return
        series, residuals = (torch.cat(parts) for parts in zip(*self._residuals))
        self._residuals = []
        known = [number for number in series.unique().tolist() if number >= 0]
        of_series = {number: residuals[series == number] for number in known}  # each in the order of time
        levels = self._levels(of_series.values())
        shift = self._shifts(residuals, levels).expand(self.shift.shape).clone()
        for number, own in of_series.items():
            if len(own) >= LEAST_WINDOWS:
                shift[number] = self._shifts(own, levels)
        self.shift.copy_(shift)

    def _levels(self, of_series: Iterable[Tensor]) -> list[float]:
        """For each quantile the level whose shifts, taken from the other stretches, have its share below.

        Args:
            of_series: (N, H, K, Q) residuals of each series, in the order of time.
        """
        ranks = []
        for residuals in of_series:
            if len(residuals) < STRETCHES * LEAST_WINDOWS:
                continue
            stretches = residuals.chunk(STRETCHES)
            for at, stretch in enumerate(stretches):
                others = torch.cat([*stretches[:at], *stretches[at + 1 :]])
                ranks.append(_share_below(stretch, others).flatten(0, 2))
        if not ranks:
            return list(self.quantiles)
        pooled = torch.cat(ranks).sort(dim=0).values  # (R, Q)
        return [pooled[min(round(q * len(pooled)), len(pooled) - 1), i].item() for i, q in enumerate(self.quantiles)]

    def _shifts(self, residuals: Tensor, levels: list[float]) -> Tensor:
        """(H, K, Q) of residuals (N, H, K, Q)."""
        ordered, count = residuals.sort(dim=0).values, len(residuals)
        ranks = [min(max(math.ceil((count + 1) * level), 1), count) - 1 for level in levels]
        return torch.stack([ordered[rank, :, :, q] for q, rank in enumerate(ranks)], dim=-1)


def _share_below(values: Tensor, others: Tensor) -> Tensor:
    """For each value (N, ...) the share of the `others` (M, ...) at the same place that are smaller."""
    ordered = others.movedim(0, -1).contiguous().sort(dim=-1).values
    return (torch.searchsorted(ordered, values.movedim(0, -1).contiguous()) / len(others)).movedim(-1, 0)
