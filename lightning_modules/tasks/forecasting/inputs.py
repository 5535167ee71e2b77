"""What a network reads of a forecasting window: its values, calendar, covariates and series."""

from __future__ import annotations

import torch
from torch import Tensor

from datamodules.batching.batches import WindowBatch
from datamodules.errors import BadInput
from datamodules.series.spec import ForecastSeries
from lightning_modules.layers.series_embedding import SeriesEmbedding
from lightning_modules.layers.window_normalizer import Reference, WindowNormalizer
from lightning_modules.tasks.base import Task


class ForecastInputs(Task):
    """The input side of forecasting; the settings are those of `Forecasting`.

    Args:
        spec: the series, their scaling and the shape of a window.
        output_steps: rows that one pass through the network forecasts.
        relative_to, context_length, patch_length, past_calendar, target_calendar, series_embedding_size: see there.

    Raises:
        BadInput: `patch_length` does not divide the rows that the network sees.
    """

    batch_type = WindowBatch
    input_kinds = frozenset({"steps", "window"})
    spec_classes = (ForecastSeries,)

    def __init__(
        self,
        spec: ForecastSeries,
        output_steps: int,
        relative_to: Reference,
        context_length: int | None,
        patch_length: int,
        past_calendar: bool,
        target_calendar: bool,
        series_embedding_size: int,
    ) -> None:
        super().__init__(spec)
        self.lookback, self.horizon = spec.lookback, spec.horizon
        self.num_columns = len(spec.columns)
        self.num_covariates, self.num_future_covariates = len(spec.covariates), len(spec.future_covariates)
        self.context_length = min(context_length or self.lookback, self.lookback)
        if self.context_length % patch_length:
            raise BadInput(
                f"task.patch_length={patch_length}: has to divide the {self.context_length} rows that the network sees"
            )
        self.output_steps = output_steps
        self.normalizer = WindowNormalizer(relative_to)
        self.patch_length = patch_length
        self.past_calendar = past_calendar and spec.calendar_size > 0
        self.target_calendar = target_calendar and spec.calendar_size > 0
        self.series_embedding_size = series_embedding_size

    @property
    def input_size(self) -> int:
        return (
            self.patch_length * (self.num_columns + self.num_covariates) + self.past_calendar * self.spec.calendar_size
        )

    @property
    def window_size(self) -> int:
        """Features of a whole window as one vector, for an architecture that reads that."""
        return self.context_length * (self.num_columns + self.num_covariates) + self.context_size

    @property
    def context_size(self) -> int:
        """Features of the series, of the calendar of the rows to forecast and of their covariates known ahead."""
        ends = 1 if self.output_steps == 1 else 2
        calendar = self.target_calendar * ends * self.spec.calendar_size
        return self.series_embedding_size + calendar + self.output_steps * self.num_future_covariates

    @property
    def future_size(self) -> int:
        """Features of a row to forecast that are known ahead: its calendar and covariates."""
        return self.target_calendar * self.spec.calendar_size + self.num_future_covariates

    @property
    def decoder_input_size(self) -> int:
        return self.num_columns + self.future_size + self.series_embedding_size

    def _build_input(self, input_kind: str) -> None:
        self.input_kind = input_kind
        sizes = len(self.spec.names), self.series_embedding_size
        self.series_embedding = SeriesEmbedding(*sizes) if self.series_embedding_size else None

    @property
    def covariate_values(self) -> int:
        """Covariates of a window: all of the look-back, and those known ahead of the rows that a pass forecasts."""
        return self.lookback * self.num_covariates + self.output_steps * self.num_future_covariates

    def covariates_of(self, batch: WindowBatch) -> Tensor:
        """(B, covariate_values) of each window as one vector."""
        past = batch.past_covariates(self.lookback).flatten(1)
        ahead = batch.future_covariates(self.num_future_covariates, self.output_steps).flatten(1)
        return torch.cat([past, ahead], dim=1)

    def embed(self, batch: WindowBatch) -> Tensor:
        """(B, T, D) steps of `patch_length` rows, or (B, W) the window as one vector."""
        length, patch = self.context_length, self.patch_length
        context = self.normalize(batch.past, batch)[:, -length:]  # (B, S, K)
        if self.num_covariates:
            context = torch.cat([context, batch.past_covariates(length)], dim=2)  # (B, S, K + C)
        if self.input_kind == "window":
            return torch.cat([context.flatten(1), *self._context(batch)], dim=1)
        if self.past_calendar and patch == 1 and not self.num_covariates:  # both from one gather
            steps = batch.past_with_calendar(length)
            if not self.normalizer.is_identity:
                steps[:, :, : self.num_columns] = context
            return steps
        steps = context.reshape(context.shape[0], length // patch, -1)
        if self.past_calendar:
            steps = torch.cat([steps, batch.past_calendar(length)[:, patch - 1 :: patch]], dim=2)
        return steps

    def normalize(self, values: Tensor, batch: WindowBatch) -> Tensor:
        """(B, T, K) scaled values as the network sees them."""
        return self.normalizer.normalize(values, batch.past)

    def _context(self, batch: WindowBatch) -> list[Tensor]:
        features = []
        if self.series_embedding is not None:
            features.append(self.series_embedding(batch.series))
        if self.target_calendar:
            features.append(batch.calendar[batch.first])
            if self.output_steps > 1:
                features.append(batch.calendar[batch.first + self.output_steps - 1])
        if self.num_future_covariates:
            features.append(batch.future_covariates(self.num_future_covariates, self.output_steps).flatten(1))
        return features

    def _future_features(self, batch: WindowBatch) -> Tensor:
        """(B, H, F) features of the rows to forecast: calendar and covariates known ahead."""
        features = batch.future_calendar()[..., : self.target_calendar * self.spec.calendar_size]
        if self.num_future_covariates:
            features = torch.cat([features, batch.future_covariates(self.num_future_covariates)], dim=2)
        return features
