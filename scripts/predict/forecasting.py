"""What comes after the end of series."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.errors import BadInput
from datamodules.series.cleaning import CleanSeries, cleaned
from datamodules.series.reading import find_files, read_series
from datamodules.series.windows import times_ahead, windows_at
from scripts.predict.forecast import Forecast

if TYPE_CHECKING:
    from lightning_modules.base import SequenceModule

READING = ("time_column", "value_columns", "time_format", "series")
BATCH = 4096  # windows


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", metavar="FILE.csv", help="where the forecasts go (standard output)")
    parser.add_argument("--plot", metavar="FILE.png", help="draw the last known rows and the forecasts")
    parser.add_argument("--backtest", type=int, default=0, metavar="N", help="also forecast the last N known rows")


def answer(module: SequenceModule, options: argparse.Namespace) -> int:
    """Forecast what follows each file of `options.inputs`; 1 where one could not be used, else 0."""
    if options.backtest < 0:
        raise BadInput(f"--backtest {options.backtest}: 0 or more rows are accepted")
    if not options.inputs:
        raise BadInput("no file to forecast: give one or more, or - for standard input")
    forecasts, status = [], 0
    for name in options.inputs:
        try:
            forecasts += [forecast(module, series, options.backtest) for series in _series(module, name)]
        except BadInput as error:
            print(f"{name}: {error}" if str(name) not in str(error) else str(error), file=sys.stderr)
            status = 1
    levels = _levels(module)
    if options.json:
        for one in forecasts:
            print(json.dumps(_as_object(one, levels), ensure_ascii=False))
    elif forecasts:
        _write_table(forecasts, levels, options.output)
    if options.plot and forecasts:
        from scripts.predict.forecast_plot import plot

        plot(forecasts, levels, module.task.spec.synthetic, Path(options.plot))
        print(f"picture: {options.plot}", file=sys.stderr)
    return status


def forecast(module: SequenceModule, series: CleanSeries, backtest: int) -> Forecast:
    """The horizon after the last row, and before it the last `backtest` rows as if they were not known yet.

    Raises:
        BadInput: too few rows, or a gap among those that the run looks back on.
    """
    import torch

    horizon = module.task.spec.horizon
    end = len(series)
    first = [end]
    while end - first[0] < backtest:
        first.insert(0, first[0] - horizon)
    outputs = []
    with torch.inference_mode():
        for start in range(0, len(first), BATCH):
            batch = windows_at(series, first[start : start + BATCH], module.task.spec)
            output = batch.original(module(batch))  # (B, H, K) or (B, H, K, Q)
            outputs.append(output.unsqueeze(3) if output.ndim == 3 else output)
    values = torch.cat(outputs).flatten(0, 1).numpy()
    times = times_ahead(series, first[0], len(values))
    return Forecast(series, times, values, known=end - first[0])


def _series(module: SequenceModule, name: str) -> Iterator[CleanSeries]:
    """The clean series of an input, read as the run reads its own data."""
    settings = module.task.spec.reading
    reading = {key: settings[key] for key in READING}
    cleaning = {key: value for key, value in settings.items() if key not in READING}
    if name == "-":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "standard input.csv"
            path.write_bytes(sys.stdin.buffer.read())
            found = read_series([path], **reading)
    else:
        if not Path(name).exists():
            raise BadInput("there is no such file")
        found = read_series(find_files(name), **reading)
    columns = len(module.task.spec.columns)
    for raw in found:
        if len(raw.columns) != columns:
            raise BadInput(
                f"{len(raw.columns)} value columns ({', '.join(raw.columns)}); the run forecasts {columns}"
                f" ({', '.join(module.task.spec.columns)})"
            )
        if module.task.spec.row_of(raw.name) < 0:
            print(f"{raw.name}: not a series of the run; scaled by its own rows", file=sys.stderr)
        yield cleaned(raw, **cleaning)


def _levels(module: SequenceModule) -> list[float]:
    quantiles: tuple[float, ...] = module.task.quantiles  # type: ignore[assignment]
    return list(quantiles)


def _rows(one: Forecast, levels: list[float]) -> Iterator[dict[str, Any]]:
    """A row for each stamp and column: forecast (the median), quantiles, and the actual value where it is known."""
    middle = levels.index(0.5) if levels else 0
    start = len(one.series) - one.known
    for i, stamp in enumerate(one.times):
        for k, column in enumerate(one.series.columns):
            row: dict[str, Any] = {"series": one.series.name, "time": str(stamp).replace("T", " "), "column": column}
            row["forecast"] = round(float(one.values[i, k, middle]), 6)
            row |= {f"quantile_{q:g}": round(float(one.values[i, k, j]), 6) for j, q in enumerate(levels)}
            row["actual"] = float(one.series.values[start + i, k]) if i < one.known else None
            yield row


def _as_object(one: Forecast, levels: list[float]) -> dict[str, Any]:
    return {"series": one.series.name, "rows": list(_rows(one, levels))}


def _write_table(forecasts: list[Forecast], levels: list[float], output: str | None) -> None:
    import polars

    table = polars.DataFrame([row for one in forecasts for row in _rows(one, levels)])
    if not any(one.known for one in forecasts):
        table = table.drop("actual")
    if output is None:
        print(table.write_csv(), end="")
        return
    try:
        table.write_csv(output)
    except OSError as error:
        raise BadInput(f"--output {output}: cannot be written ({error.strerror})") from None
    print(output)
