"""Forecasting: the next rows of regular series, as points or quantiles; what a network reads is in `inputs`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn
from torch.nn import functional

from datamodules.batching.batches import WindowBatch
from datamodules.errors import BadInput
from datamodules.series.spec import ForecastSeries
from lightning_modules.layers.encoding import Encoding
from lightning_modules.layers.forecast_decoder import ForecastDecoder
from lightning_modules.layers.forecast_head import HeadKind, forecast_head
from lightning_modules.layers.linear_skip import CovariateSkip, LinearSkip
from lightning_modules.layers.pooling import Pooling, PoolingKind
from lightning_modules.layers.quantiles import median_of, monotone, pinball
from lightning_modules.layers.window_normalizer import Reference
from lightning_modules.tasks.forecasting.calibration import ConformalCalibration
from lightning_modules.tasks.forecasting.inputs import ForecastInputs


class Forecasting(ForecastInputs):
    """The next H rows of K columns; the output is (B, H, K), or (B, H, K, Q) quantiles, float32, in scaled units.

    The forecast is the network's output, denormalised, plus the linear skip where there is one.  Quantiles never cross.
    Covariates of the look-back enter with its values, those known ahead with the calendar of the rows to forecast.

    Args:
        spec: the series, their scaling and the shape of a window.
        loss: `mse`, `mae`, `huber` or `quantile` (the pinball loss; the output then has `quantiles`).
        huber_delta: where the Huber loss turns from square to linear, scaled units.
        quantiles: rising, 0.5 among them.
        calibrate: `conformal`: quantiles are shifted so that the validation split is covered as their levels say.
        relative_to: `last`: inputs and outputs are differences from the last known value; `window`: from the mean
            of the look-back, in its standard deviations; `none`.
        linear_skip: a linear map of the whole look-back, and of the covariates, is added to the output (zero at first).
        context_length: the last rows that the network itself sees; all of the look-back where absent.
        patch_length: rows that make up one step of a network that reads steps.
        past_calendar: the network sees the calendar of each step (its last row).
        target_calendar: it sees the calendar of the first and the last row asked for.
        series_embedding_size: features of a learned vector for each series; 0 for none.
        pooling: how the states become one vector; see `Pooling`.
        head: between that vector and the output: `linear`, `relu` (a ReLU first, as Loye has it) or
            `mlp` (one hidden layer).
        decoder: several steps ahead: `direct` (all at once), `recursive` (trained one step ahead, its forecasts fed
            back) or `recurrent` (a GRU that decodes step by step, taught with the true values).
        output_dropout: of the pooled vector.
        units: of the metrics: `original`, or `scaled` as the literature on ETT has it.
    """

    predictor = "scripts.predict.forecasting"
    exporter = "scripts.export.forecasting"
    autoregressive = "possible"
    monitor = "mase"
    mode = "min"
    levels: Tensor

    def __init__(
        self,
        spec: ForecastSeries,
        loss: Literal["mse", "mae", "huber", "quantile"] = "huber",
        huber_delta: Annotated[float, Gt(0)] = 0.1,
        quantiles: tuple[Annotated[float, Gt(0), Lt(1)], ...] = (0.1, 0.5, 0.9),
        calibrate: Literal["none", "conformal"] = "none",
        relative_to: Reference = "last",
        linear_skip: bool = True,
        context_length: Annotated[int, Gt(0)] | None = None,
        patch_length: Annotated[int, Gt(0)] = 1,
        past_calendar: bool = False,
        target_calendar: bool = True,
        series_embedding_size: Annotated[int, Ge(0)] = 16,
        pooling: PoolingKind = "auto",
        head: HeadKind = "mlp",
        decoder: Literal["direct", "recursive", "recurrent"] = "direct",
        output_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        units: Literal["original", "scaled"] = "original",
    ) -> None:
        super().__init__(
            spec,
            output_steps=1 if decoder == "recursive" else spec.horizon,
            relative_to=relative_to,
            context_length=context_length,
            patch_length=patch_length,
            past_calendar=past_calendar,
            target_calendar=target_calendar,
            series_embedding_size=series_embedding_size,
        )
        quantiles = tuple(quantiles)
        if loss == "quantile" and (0.5 not in quantiles or list(quantiles) != sorted(set(quantiles))):
            raise BadInput(f"task.quantiles={list(quantiles)}: rising numbers, 0.5 among them")
        if calibrate != "none" and loss != "quantile":
            raise BadInput(f"task.calibrate={calibrate}: quantiles are calibrated; task.loss=quantile has some")
        if decoder == "recursive" and spec.past_covariates:
            raise BadInput(
                f"task.decoder=recursive: past covariates ({', '.join(spec.past_covariates)}) are not known ahead;"
                " direct and recurrent are accepted"
            )
        self.loss_kind, self.huber_delta = loss, huber_delta
        self.quantiles = quantiles if loss == "quantile" else ()
        self.linear_skip = linear_skip
        self.pooling_kind, self.head_kind, self.decoder_kind = pooling, head, decoder
        self.output_dropout = output_dropout
        self.units: Literal["original", "scaled"] = units
        self.register_buffer("levels", torch.tensor(self.quantiles), persistent=False)
        sizes = len(spec.names), self.horizon, self.num_columns, self.quantiles, spec.season
        self.calibration = ConformalCalibration(*sizes) if calibrate == "conformal" else None

    # ------------------------------------------------------------------ layers

    def build(self, input_kind: str, encoding_size: int) -> None:
        self._build_input(input_kind)
        context = 0 if input_kind == "window" else self.context_size  # a window has it already
        self.pooling = Pooling(self.pooling_kind, encoding_size)
        outputs = self.num_columns * self.num_quantiles
        self.decoder: ForecastDecoder | None = None
        self.output: nn.Module
        if self.decoder_kind == "recurrent":
            row_size = self.num_columns + self.future_size
            self.decoder = ForecastDecoder(encoding_size + context, encoding_size, row_size)
            self.output = nn.Linear(encoding_size, outputs)
        else:
            sizes = encoding_size, context, self.output_steps * outputs
            self.output = forecast_head(self.head_kind, *sizes, dropout=self.output_dropout)
        self._build_skip()

    def build_decoder(self, input_kind: str, encoding_size: int) -> None:
        if self.decoder_kind != "direct":
            raise BadInput(
                f"task.decoder={self.decoder_kind}: this architecture has a decoder already; direct is accepted"
            )
        self._build_input(input_kind)
        self.decoder = None
        layers = [nn.Dropout(self.output_dropout), nn.Linear(encoding_size, self.num_columns * self.num_quantiles)]
        self.output = nn.Sequential(*layers)
        self._build_skip()

    @property
    def num_quantiles(self) -> int:
        """Outputs for each value: quantiles, or 1."""
        return max(1, len(self.quantiles))

    def _build_skip(self) -> None:
        """The linear skip, and zeros where the first forecast is to be the last value."""
        if not self.normalizer.is_identity or self.linear_skip:
            final: Any = self.output[-1] if isinstance(self.output, nn.Sequential) else self.output
            nn.init.zeros_(final.weight)
            nn.init.zeros_(final.bias)
        self.skip = LinearSkip(self.lookback, self.output_steps, self.num_quantiles) if self.linear_skip else None
        sizes = self.covariate_values, self.output_steps, self.num_columns, self.num_quantiles
        self.covariate_skip = CovariateSkip(*sizes) if self.linear_skip and self.num_covariates else None

    # ------------------------------------------------------------------ output

    def head(self, encoding: Encoding, batch: WindowBatch) -> Tensor:
        pooled = self.pool(encoding)
        if self.input_kind != "window":
            pooled = torch.cat([pooled, *self._context(batch)], dim=1)
        if self.decoder is not None:
            return self._decode_rows(
                self.decoder, self.decoder.init_decoder_state(pooled), self._future_features(batch), batch
            )
        return self.finish(self.output(pooled), batch)

    def decode(self, decoder: Any, encoding: Encoding, batch: WindowBatch) -> Tensor:
        future_features = self._future_features(batch)
        if self.series_embedding is not None:
            series = self.series_embedding(batch.series).unsqueeze(1).expand(-1, self.horizon, -1)
            future_features = torch.cat([future_features, series], dim=2)
        return self._decode_rows(decoder, decoder.init_decoder_state(encoding), future_features, batch)

    def _decode_rows(self, decoder: Any, state: Any, future_features: Tensor, batch: WindowBatch) -> Tensor:
        """Decode row by row: teacher forcing in training, autoregressive (from the median) in evaluation."""
        before = self.normalize(batch.past[:, -1:], batch)  # (B, 1, K)
        if self.training and batch.future is not None:
            before = torch.cat([before, self.normalize(batch.future, batch)[:, :-1]], dim=1)
            states, _, _ = decoder.decode_step(torch.cat([before, future_features], dim=2), state)
            return self.finish(self.output(states), batch)
        skipped, outputs = self._skipped(batch), []
        for row, step in enumerate(future_features.split(1, dim=1)):
            states, state, _ = decoder.decode_step(torch.cat([before, step], dim=2), state)
            outputs.append(self.output(states))  # (B, 1, K Q)
            values = outputs[-1].unflatten(2, (self.num_columns, -1))
            values = values if skipped is None else values + skipped[:, row : row + 1]
            before = self.median(values if self.quantiles else values.squeeze(3)).to(step.dtype)
        return self.finish(torch.cat(outputs, dim=1), batch)

    def finish(self, output: Tensor, batch: WindowBatch) -> Tensor:
        """The output from that of a network: skips added, in scaled units, float32, quantiles in order."""
        # not len(batch), which would be a constant of an exported network
        output = output.float().view(output.shape[0], self.output_steps, self.num_columns, -1)
        skipped = self._skipped(batch)
        output = output if skipped is None else output + skipped
        if self.quantiles:
            return self.normalizer.denormalize(monotone(output), batch.past)
        return self.normalizer.denormalize(output.squeeze(3), batch.past)

    def _skipped(self, batch: WindowBatch) -> Tensor | None:
        """(B, H, K, Q) the linear maps of the look-back and of the covariates."""
        skipped = None if self.skip is None else self.skip(self.normalize(batch.past, batch))
        if self.covariate_skip is None:
            return skipped
        return self.covariate_skip(self.covariates_of(batch)) + skipped

    def predict(self, forward_once: Callable[[Any], Any], batch: WindowBatch) -> Tensor:
        if self.training:
            return forward_once(batch)
        output = self._recursive(forward_once, batch) if self.decoder_kind == "recursive" else forward_once(batch)
        return output if self.calibration is None else monotone(self.calibration(output, batch.series, batch.past))

    def _recursive(self, forward_once: Callable[[Any], Any], batch: WindowBatch) -> Tensor:
        """Forecasts one row at a time, each fed back as the last known value."""
        forecasts, first, row, past = [], batch.first, batch.row, batch.past
        for _ in range(batch.horizon):
            window = replace(batch, past=past, first=first, row=row, horizon=1, future=None, joined=None)
            forecasts.append(forward_once(window))  # (B, 1, K[, Q])
            past = torch.cat([past[:, 1:], self.median(forecasts[-1])], dim=1)
            first, row = first + 1, None if row is None else row + 1
        return torch.cat(forecasts, dim=1)

    def on_fit_validation_start(self) -> None:
        if self.calibration is not None:
            self.calibration.start()

    def on_fit_validation_end(self) -> None:
        if self.calibration is not None:
            self.calibration.finish()

    def as_output(self, forecast: Tensor) -> Tensor:
        """A plain forecast (B, H, K) as an output: repeated for every quantile."""
        return forecast.unsqueeze(3).expand(-1, -1, -1, len(self.quantiles)) if self.quantiles else forecast

    def median(self, output: Tensor) -> Tensor:
        """(B, H, K) point forecast of an output: the median."""
        return median_of(output, self.quantiles)

    def pool(self, encoding: Encoding) -> Tensor:
        return self.pooling(encoding)

    def embedding_of(self, encoding: Encoding) -> Tensor:
        return self.pool(encoding)

    def average(self, outputs: list[Tensor]) -> Tensor:
        return torch.stack(outputs).mean(dim=0)

    def remove_head(self) -> None:
        self.output = nn.Sequential()
        self.skip = self.covariate_skip = self.decoder = None
        if self.input_kind != "window":
            self.series_embedding = None

    # ------------------------------------------------------------------ loss and metrics

    def loss(self, output: Tensor, batch: WindowBatch) -> Tensor:
        assert batch.future is not None
        target = batch.future[:, : output.shape[1]]
        if self.loss_kind == "mse":
            return functional.mse_loss(output, target)
        if self.loss_kind == "mae":
            return functional.l1_loss(output, target)
        if self.loss_kind == "huber":
            return functional.huber_loss(output, target, delta=self.huber_delta)
        return pinball(output, target, self.levels).mean()

    @classmethod
    def metrics_class(cls) -> type[nn.Module]:
        from lightning_modules.tasks.forecasting.metrics import ForecastMetrics  # torchmetrics is not needed to predict

        return ForecastMetrics

    def metrics(self) -> nn.Module:
        return self.metrics_class()(self.spec, self.units, self.quantiles, self.calibration)

    def columns(self, output: Tensor, batch: WindowBatch) -> dict[str, Any]:
        from lightning_modules.tasks.forecasting.example_columns import example_columns  # needs torchmetrics

        return example_columns(output, batch, self.spec, self.quantiles, self.units)
