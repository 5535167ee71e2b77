"""Forecasts of what follows the rows of files, and backtests."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.errors import BadInput, did_you_mean
from datamodules.series.cleaning import CleanSeries, clean, report_line
from datamodules.series.frequency import Frequency, duration_rows
from datamodules.series.reading import find_files, read_series
from datamodules.series.report import found_lines
from datamodules.series.spec import ForecastSeries, config_of_run
from datamodules.series.windows import cutoffs_of, windows_after
from scripts.predict.embeddings import Embedded
from scripts.predict.forecast import Forecast, errors_by_step, forecast_series, rows_of

if TYPE_CHECKING:
    from lightning_modules.base import SequenceModule

SHOWN = 5  # names of series in a sentence


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", metavar="FILE.csv", help="where the forecasts go (standard output)")
    parser.add_argument("--plot", metavar="FILE.png", help="draw the last known rows and the forecasts")
    parser.add_argument(
        "--backtest", default="0", metavar="N", help="also forecast the last N known rows, or a duration such as 30d"
    )
    parser.add_argument("--refit", choices=["none"], default="none", help="of a backtest: the network stays as it is")
    parser.add_argument("--series", metavar="NAME", help="which series of the run a file continues (its own name)")


def predict(module: SequenceModule, options: argparse.Namespace) -> int:
    """Forecast what follows each file of `options.inputs`; 1 where one could not be used, else 0."""
    spec: ForecastSeries = module.task.spec
    backtest = _backtest_rows(options.backtest, spec.frequency)
    forecasts: list[Forecast] = []
    status = 0
    for name, series, continued in _series_of_inputs(spec, options.inputs, options.series):
        try:
            if isinstance(series, BadInput):
                raise series
            forecasts.append(forecast_series(module, series, continued, backtest))
        except BadInput as error:
            print(f"{name}: {error}" if str(name) not in str(error) else str(error), file=sys.stderr)
            status = 1
    for forecast in forecasts:
        for note in forecast.notes:
            print(f"{forecast.series.name}: {note}", file=sys.stderr)
    quantiles: tuple[float, ...] = module.task.quantiles  # type: ignore[assignment]
    levels = list(quantiles)
    if options.json:
        for forecast in forecasts:
            print(
                json.dumps(
                    {"series": forecast.series.name, "rows": list(rows_of(forecast, levels))}, ensure_ascii=False
                )
            )
    elif forecasts:
        _write_table(forecasts, levels, options.output)
    if backtest and forecasts:
        _print_errors(errors_by_step(forecasts, levels, spec))
    if options.plot and forecasts:
        from scripts.predict.forecast_plot import plot

        plot(forecasts, levels, spec.synthetic, Path(options.plot))
        print(f"figure: {options.plot}", file=sys.stderr)
    return status


def predict_inputs(
    module: SequenceModule, inputs: list[Any], backtest: int | str = 0, series: str | None = None
) -> list[Any]:
    """For each input a table of forecasts (polars), as the command prints it, or the BadInput that says why not.

    Args:
        inputs: names of files or folders, or tables of polars or pandas with stamps and values.
        backtest, series: as those of the command.
    """
    import polars

    spec: ForecastSeries = module.task.spec
    rows = _backtest_rows(str(backtest), spec.frequency)
    levels = list(module.task.quantiles)  # type: ignore[arg-type]
    tables: list[Any] = []
    for table_or_name in inputs:
        try:
            found = []
            with as_file(table_or_name) as file:
                for _, clean, continued in _series_of_inputs(spec, [file], series):
                    if isinstance(clean, BadInput):
                        raise clean
                    found.append(forecast_series(module, clean, continued, rows))
            table = polars.DataFrame([row for forecast in found for row in rows_of(forecast, levels)])
            tables.append(
                table if any(forecast.backtested for forecast in found) else table.drop("actual", "trained_on")
            )
        except BadInput as error:
            tables.append(error)
    return tables


def embed(
    module: SequenceModule, inputs: Iterable[Any], backtest: int | str = 0, series: str | None = None
) -> Iterator[Embedded]:
    """The vector of the last window of each series, and of those that `backtest` asks for (see `predict_inputs`)."""
    spec: ForecastSeries = module.task.spec
    rows = _backtest_rows(str(backtest), spec.frequency)
    for table_or_name in inputs:
        with as_file(table_or_name) as file:
            for name, clean, continued in _series_of_inputs(spec, [file], series):
                try:
                    if isinstance(clean, BadInput):
                        raise clean
                    yield from embed_series(module, clean, continued, rows)
                except BadInput as error:
                    yield {"series": name, "cutoff": ""}, error


def embeddings(module: SequenceModule, options: argparse.Namespace) -> Iterator[Embedded]:
    """`embed` for the inputs of a command line."""
    return embed(module, options.inputs, options.backtest, options.series)


def embed_series(module: SequenceModule, series: CleanSeries, continued: str, backtest: int) -> Iterator[Embedded]:
    """The vectors of the windows that `forecast_series` would forecast from."""
    import torch

    spec: ForecastSeries = module.task.spec
    rows, _ = cutoffs_of(series, backtest, spec)
    with torch.inference_mode():
        vectors = module.embeddings(windows_after(series, rows, spec, continued))
    for cutoff, vector in zip(series.style.write(series.times[rows]), vectors):
        yield {"series": series.name, "cutoff": cutoff}, vector


def _check_series(spec: ForecastSeries, name: str | None) -> None:
    if name is not None and spec.row_of(name) < 0:
        known = ", ".join(spec.names[:SHOWN])
        raise BadInput(
            f"--series {name}: no series of the run{did_you_mean(name, spec.names)}; it has {known}"
            f"{' ...' if len(spec.names) > SHOWN else ''}"
        )


def _series_of_inputs(
    spec: ForecastSeries, inputs: list[str], series_name: str | None
) -> Iterator[tuple[str, CleanSeries | BadInput, str]]:
    """Each series of the inputs, the name of the input before it and that of the series of the run after it.

    Raises:
        BadInput: there is no input, or the series of that name is none of the run.
    """
    if not inputs:
        raise BadInput("no file to forecast: give one or more, or - for standard input")
    _check_series(spec, series_name)
    for name in inputs:
        try:
            for series, continued in _continued(list(_series(spec, name)), spec, series_name):
                yield name, series, continued
        except BadInput as error:
            yield name, error, ""


def _continued(found: list[CleanSeries], spec: ForecastSeries, series: str | None) -> list[tuple[CleanSeries, str]]:
    """The series of an input, each with the one of the run that it continues."""
    if series is not None and len(found) > 1:
        raise BadInput(f"--series {series}: the file holds {len(found)} series; one is accepted")
    return [(clean, series or _series_of_run(clean, spec)) for clean in found]


@contextmanager
def as_file(table_or_name: Any) -> Iterator[str]:
    """The name of a file that holds a table of polars or pandas; a name as it is."""
    if isinstance(table_or_name, (str, Path)):
        yield str(table_or_name)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write = getattr(table_or_name, "write_csv", None) or getattr(table_or_name, "to_csv", None)
        if write is None:
            raise BadInput(
                f"the name of a file or a table of polars or pandas is accepted, not {type(table_or_name).__name__}"
            )
        write(path)
        yield str(path)


def _backtest_rows(text: str, frequency: Frequency) -> int:
    try:
        rows = int(text)
    except ValueError:
        return duration_rows(text, frequency, "--backtest")
    if rows < 0:
        raise BadInput(f"--backtest {rows}: 0 or more rows, or a duration such as 30d, are accepted")
    return rows


def _series(spec: ForecastSeries, name: str) -> Iterator[CleanSeries]:
    """The clean series of an input, read as the run reads its own data.

    Raises:
        BadInput: the file cannot be read, lacks columns of the run, or has another step.
    """
    config = config_of_run(spec.reading_config, spec)
    if name == "-":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "standard input.csv"
            path.write_bytes(sys.stdin.buffer.read())
            found, reports = read_series([path], config)
            found = [replace(raw, values=_read(raw.values())) for raw in found]
    else:
        if not Path(name).exists():
            raise BadInput("there is no such file")
        found, reports = read_series(find_files(name), config)
    for line in found_lines(reports):
        print(line, file=sys.stderr)
    for raw in found:
        series = clean(raw, raw.values(), spec.cleaning_config)
        if series.frequency != spec.frequency and len(series) > 1:
            raise BadInput(
                f"{raw.path}: rows are {series.frequency} apart; the run was trained on steps of {spec.step}"
            )
        line = report_line(series.report, always=False)
        if line:
            print(line, file=sys.stderr)
        yield series


def _read(values: Any) -> Any:
    return lambda: values


def _series_of_run(series: CleanSeries, spec: ForecastSeries) -> str:
    """The series of the run that a file continues: of its name, or, where columns are series, of its column."""
    if spec.row_of(series.name) >= 0:
        return series.name
    alike = [name for name in spec.names if name.endswith(f" {series.columns[0]}")]
    if spec.reading.get("series") == "columns" and len(alike) == 1:
        print(f"{series.name}: taken for '{alike[0]}' of the run, by its column", file=sys.stderr)
        return alike[0]
    names = ", ".join(spec.names[:SHOWN]) + (" ..." if len(spec.names) > SHOWN else "")
    print(
        f"{series.name}: not a series of the run; scaled by its own rows (--series NAME says which it continues:"
        f" {names})",
        file=sys.stderr,
    )
    return series.name


def _write_table(forecasts: list[Forecast], levels: list[float], output: str | None) -> None:
    import polars

    table = polars.DataFrame(
        [row for forecast in forecasts for row in rows_of(forecast, levels)], infer_schema_length=None
    )
    if not any(forecast.backtested for forecast in forecasts):
        table = table.drop("actual", "trained_on")
    if output is None:
        print(table.write_csv(), end="")
        return
    try:
        table.write_csv(output)
    except OSError as error:
        raise BadInput(f"--output {output}: cannot be written ({error.strerror})") from None
    print(output)


def _print_errors(table: list[dict[str, Any]]) -> None:
    """Errors of the backtest for people, on standard error."""
    if not table:
        return
    names = list(table[0])
    print("backtest: " + "  ".join(f"{name:>9}" for name in names), file=sys.stderr)
    for row in table:
        cells = [f"{value:>9.4g}" if isinstance(value, float) else f"{value:>9}" for value in row.values()]
        print("          " + "  ".join(cells), file=sys.stderr)
