"""What comes next in a regular series?"""

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
from lightning_modules.layers.linear_skip import LinearSkip
from lightning_modules.layers.pooling import Pooling, PoolingKind
from lightning_modules.layers.quantiles import median_of, pinball
from lightning_modules.layers.series_embedding import SeriesEmbedding
from lightning_modules.layers.window_normalizer import Reference, WindowNormalizer
from lightning_modules.tasks.base import Task


class Forecasting(Task):
    """The next H rows of K columns; the output is (B, H, K), or (B, H, K, Q) quantiles, float32, in scaled units.

    The forecast is what the network says, as a deviation from `relative_to`, plus the linear skip where there is one.

    Args:
        spec: the series, their scaling and the shape of a window.
        loss: `mse`, `mae`, `huber` or `quantile` (the pinball loss; the output then has `quantiles`).
        huber_delta: where the Huber loss turns from square to linear, scaled units.
        quantiles: rising, 0.5 among them.
        relative_to: `last`: inputs and outputs are differences from the last known value; `window`: from the mean
            of the look-back, in its standard deviations; `none`.
        linear_skip: a linear map of the whole look-back is added to the output (zero at first).
        steps: the last rows that the network itself sees; all of the look-back where absent.
        segment: rows that make up one step of a network that reads steps.
        past_calendar: the network sees the calendar of each step (its last row).
        target_calendar: it sees the calendar of the first and the last row asked for.
        series_embedding_size: features of a learned vector for each series; 0 for none.
        pooling: how the states become one vector; see `Pooling`.
        head: between that vector and the output: `linear`, `relu` (a ReLU first, as the source article has it) or
            `mlp` (one hidden layer).
        decoder: several steps ahead: `direct` (all at once), `recursive` (trained one step ahead, its forecasts fed
            back) or `recurrent` (a GRU that decodes step by step, taught with the true values).
        output_dropout: of the pooled vector.
        units: of the metrics: `original`, or `scaled` as the literature on ETT has it.
    """

    batch_type = WindowBatch
    input_kinds = frozenset({"steps", "window"})
    spec_classes = (ForecastSeries,)
    predictor = "scripts.predict.forecasting"
    exporter = "scripts.export.forecasting"
    autoregressive = "possible"
    monitor = "smape"
    mode = "min"
    levels: Tensor

    def __init__(
        self,
        spec: ForecastSeries,
        loss: Literal["mse", "mae", "huber", "quantile"] = "huber",
        huber_delta: Annotated[float, Gt(0)] = 0.1,
        quantiles: tuple[Annotated[float, Gt(0), Lt(1)], ...] = (0.1, 0.5, 0.9),
        relative_to: Reference = "last",
        linear_skip: bool = True,
        steps: Annotated[int, Gt(0)] | None = None,
        segment: Annotated[int, Gt(0)] = 1,
        past_calendar: bool = False,
        target_calendar: bool = True,
        series_embedding_size: Annotated[int, Ge(0)] = 16,
        pooling: PoolingKind = "auto",
        head: Literal["linear", "relu", "mlp"] = "mlp",
        decoder: Literal["direct", "recursive", "recurrent"] = "direct",
        output_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        units: Literal["original", "scaled"] = "original",
    ) -> None:
        super().__init__(spec)
        self.lookback, self.horizon = spec.lookback, spec.horizon
        self.num_columns = len(spec.columns)
        self.seen = min(steps or self.lookback, self.lookback)
        if self.seen % segment:
            raise BadInput(f"task.segment={segment}: has to divide the {self.seen} rows that the network sees")
        quantiles = tuple(quantiles)
        if loss == "quantile" and (0.5 not in quantiles or list(quantiles) != sorted(set(quantiles))):
            raise BadInput(f"task.quantiles={list(quantiles)}: rising numbers, 0.5 among them")
        self.loss_kind, self.huber_delta = loss, huber_delta
        self.quantiles = quantiles if loss == "quantile" else ()
        self.frame, self.linear_skip = WindowNormalizer(relative_to), linear_skip
        self.segment = segment
        self.past_calendar = past_calendar and spec.calendar_size > 0
        self.target_calendar = target_calendar and spec.calendar_size > 0
        self.series_embedding_size = series_embedding_size
        self.pooling_kind, self.head_kind, self.decoder_kind = pooling, head, decoder
        self.output_dropout = output_dropout
        self.units: Literal["original", "scaled"] = units
        #: Rows that one pass through the network answers.
        self.answered = 1 if decoder == "recursive" else self.horizon
        self.register_buffer("levels", torch.tensor(self.quantiles), persistent=False)

    # ------------------------------------------------------------------ what a network reads

    @property
    def input_size(self) -> int:
        return self.segment * self.num_columns + self.past_calendar * self.spec.calendar_size

    @property
    def window_size(self) -> int:
        """Features of a whole window as one vector, for an architecture that reads that."""
        return self.seen * self.num_columns + self.context_size

    @property
    def context_size(self) -> int:
        """Features of the series and of the target's calendar."""
        ends = 1 if self.answered == 1 else 2
        return self.series_embedding_size + self.target_calendar * ends * self.spec.calendar_size

    @property
    def known_size(self) -> int:
        """Features of what is known of a row to forecast."""
        return self.target_calendar * self.spec.calendar_size

    @property
    def decoder_input_size(self) -> int:
        return self.num_columns + self.known_size + self.series_embedding_size

    def build(self, input_kind: str, encoding_size: int) -> None:
        self._build_input(input_kind)
        context = 0 if input_kind == "window" else self.context_size  # a window has it already
        self.pooling = Pooling(self.pooling_kind, encoding_size)
        outputs = self.num_columns * self.numbers
        self.decoder: ForecastDecoder | None = None
        self.output: nn.Module
        if self.decoder_kind == "recurrent":
            row_size = self.num_columns + self.known_size
            self.decoder = ForecastDecoder(encoding_size + context, encoding_size, row_size)
            self.output = nn.Linear(encoding_size, outputs)
        else:
            self.output = self._head(encoding_size, context, self.answered * outputs)
        self._build_skip()

    def build_decoder(self, input_kind: str, encoding_size: int) -> None:
        if self.decoder_kind != "direct":
            raise BadInput(
                f"task.decoder={self.decoder_kind}: this architecture has a decoder of its own; direct is accepted"
            )
        self._build_input(input_kind)
        self.decoder = None
        layers = [nn.Dropout(self.output_dropout), nn.Linear(encoding_size, self.num_columns * self.numbers)]
        self.output = nn.Sequential(*layers)
        self._build_skip()

    @property
    def numbers(self) -> int:
        """Numbers that answer for a value."""
        return max(1, len(self.quantiles))

    def _build_input(self, input_kind: str) -> None:
        self.input_kind = input_kind
        sizes = len(self.spec.names), self.series_embedding_size
        self.series_embedding = SeriesEmbedding(*sizes) if self.series_embedding_size else None

    def _build_skip(self) -> None:
        """The linear skip, and zeros where the first forecast is to be the last value."""
        if not self.frame.is_plain or self.linear_skip:
            final: Any = self.output[-1] if isinstance(self.output, nn.Sequential) else self.output
            nn.init.zeros_(final.weight)
            nn.init.zeros_(final.bias)
        self.skip = LinearSkip(self.lookback, self.answered, self.numbers) if self.linear_skip else None

    def embed(self, batch: WindowBatch) -> Tensor:
        """(B, T, D) steps of `segment` rows, or (B, W) the window as one vector."""
        seen = self.relative(batch.past, batch)[:, -self.seen :]  # (B, S, K)
        if self.input_kind == "window":
            return torch.cat([seen.flatten(1), *self._context(batch)], dim=1)
        if self.past_calendar and self.segment == 1:  # both from one gather
            steps = batch.past_with_calendar(self.seen)
            if not self.frame.is_plain:
                steps[:, :, : self.num_columns] = seen
            return steps
        steps = seen.reshape(seen.shape[0], self.seen // self.segment, -1)
        if self.past_calendar:
            calendar = batch.past_calendar(self.seen)[:, self.segment - 1 :: self.segment]
            steps = torch.cat([steps, calendar], dim=2)
        return steps

    def relative(self, values: Tensor, batch: WindowBatch) -> Tensor:
        """(B, T, K) scaled values as the network sees them."""
        return self.frame.relative(values, batch.past)

    def _context(self, batch: WindowBatch) -> list[Tensor]:
        parts = []
        if self.series_embedding is not None:
            parts.append(self.series_embedding(batch.series))
        if self.target_calendar:
            parts.append(batch.calendar[batch.first])
            if self.answered > 1:
                parts.append(batch.calendar[batch.first + self.answered - 1])
        return parts

    # ------------------------------------------------------------------ what it answers

    def head(self, encoding: Encoding, batch: WindowBatch) -> Tensor:
        pooled = self.pool(encoding)
        if self.input_kind != "window":
            pooled = torch.cat([pooled, *self._context(batch)], dim=1)
        if self.decoder is not None:
            return self._row_by_row(self.decoder, self.decoder.init_decoder_state(pooled), self._known(batch), batch)
        return self.finished(self.output(pooled), batch)

    def decode(self, decoder: Any, encoding: Encoding, batch: WindowBatch) -> Tensor:
        known = self._known(batch)
        if self.series_embedding is not None:
            series = self.series_embedding(batch.series).unsqueeze(1).expand(-1, self.horizon, -1)
            known = torch.cat([known, series], dim=2)
        return self._row_by_row(decoder, decoder.init_decoder_state(encoding), known, batch)

    def _known(self, batch: WindowBatch) -> Tensor:
        """(B, H, F) of the rows to forecast."""
        return batch.future_calendar()[..., : self.known_size]

    def _row_by_row(self, decoder: Any, state: Any, known: Tensor, batch: WindowBatch) -> Tensor:
        """The output, each row from the one before it: the true one while it learns, then its own."""
        before = self.relative(batch.past[:, -1:], batch)  # (B, 1, K)
        if self.training and batch.future is not None:
            before = torch.cat([before, self.relative(batch.future, batch)[:, :-1]], dim=1)
            states, _, _ = decoder.decode_step(torch.cat([before, known], dim=2), state)
            return self.finished(self.output(states), batch)
        skipped, answers = self._skipped(batch), []
        for row, step in enumerate(known.split(1, dim=1)):
            states, state, _ = decoder.decode_step(torch.cat([before, step], dim=2), state)
            answers.append(self.output(states))  # (B, 1, K Q)
            numbers = answers[-1].unflatten(2, (self.num_columns, -1))
            numbers = numbers if skipped is None else numbers + skipped[:, row : row + 1]
            before = self.median(numbers if self.quantiles else numbers.squeeze(3)).to(step.dtype)
        return self.finished(torch.cat(answers, dim=1), batch)

    def finished(self, answer: Tensor, batch: WindowBatch) -> Tensor:
        """The output, from a network's numbers for the rows asked for: the skip added, in scaled units, float32."""
        # not len(batch), which would be a constant of an exported network
        answer = answer.float().view(answer.shape[0], self.answered, self.num_columns, -1)
        skipped = self._skipped(batch)
        answer = answer if skipped is None else answer + skipped
        return self.frame.absolute(answer if self.quantiles else answer.squeeze(3), batch.past)

    def _skipped(self, batch: WindowBatch) -> Tensor | None:
        """(B, H, K, Q) the linear map of the look-back."""
        return None if self.skip is None else self.skip(self.relative(batch.past, batch))

    def predict(self, forward_once: Callable[[Any], Any], batch: WindowBatch) -> Tensor:
        if self.decoder_kind != "recursive" or self.training:
            return forward_once(batch)
        forecasts, first, past = [], batch.first, batch.past
        for _ in range(batch.horizon):
            window = replace(batch, past=past, first=first, horizon=1, future=None, joined=None)
            forecasts.append(forward_once(window))  # (B, 1, K[, Q])
            past = torch.cat([past[:, 1:], self.median(forecasts[-1])], dim=1)
            first = first + 1
        return torch.cat(forecasts, dim=1)

    def as_output(self, forecast: Tensor) -> Tensor:
        """A plain forecast (B, H, K) as an output: the same number for every quantile."""
        return forecast.unsqueeze(3).expand(-1, -1, -1, len(self.quantiles)) if self.quantiles else forecast

    def median(self, output: Tensor) -> Tensor:
        """(B, H, K) the one forecast of an output."""
        return median_of(output, self.quantiles)

    def pool(self, encoding: Encoding) -> Tensor:
        return self.pooling(encoding)

    def average(self, outputs: list[Tensor]) -> Tensor:
        return torch.stack(outputs).mean(dim=0)

    def remove_head(self) -> None:
        self.output = nn.Sequential()
        self.skip = self.decoder = None
        if self.input_kind != "window":
            self.series_embedding = None

    def _head(self, encoding_size: int, context: int, outputs: int) -> nn.Sequential:
        drop = nn.Dropout(self.output_dropout)
        if self.head_kind == "mlp":
            hidden = nn.Linear(encoding_size + context, encoding_size)
            return nn.Sequential(drop, hidden, nn.GELU(), nn.Linear(encoding_size, outputs))
        activation = [nn.ReLU()] if self.head_kind == "relu" else []
        return nn.Sequential(*activation, drop, nn.Linear(encoding_size + context, outputs))

    # ------------------------------------------------------------------ how good it is

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
        return self.metrics_class()(self.spec, self.units, self.quantiles)

    def columns(self, output: Tensor, batch: WindowBatch) -> dict[str, Any]:
        from lightning_modules.tasks.forecasting.metrics import smape

        assert batch.future is not None
        middle = self.median(output)
        target, answer = (batch.original(values) for values in (batch.future, middle))
        told = {"target": target, "prediction": answer}
        if self.quantiles:
            for level, values in zip(self.quantiles, output.unbind(dim=-1)):
                if level != 0.5:
                    told[f"quantile_{level:g}"] = batch.original(values)
        single = target[0].numel() == 1
        columns = {name: (values.flatten() if single else values.flatten(1)).tolist() for name, values in told.items()}
        error = answer - target if self.units == "original" else middle - batch.future
        return {
            **columns,
            "score": (-smape(answer, target).mean(dim=(1, 2))).tolist(),
            "absolute_error": error.abs().mean(dim=(1, 2)).tolist(),
            "squared_error": error.square().mean(dim=(1, 2)).tolist(),
        }
