"""Report of series: columns and their roles, what was detected, what was cleaned."""

from __future__ import annotations

import numpy as np

from datamodules.series.cleaning import CleanSeries, report_line
from datamodules.series.config import ReadingConfig
from datamodules.series.reading import FileReport

MOST_LINES = 40  # of a kind
SHOWN = 8  # names in a line


def role_line(series: list[CleanSeries], config: ReadingConfig) -> str:
    """Targets and covariates by name."""
    names = list(dict.fromkeys(name for ts in series for name in ts.columns))
    more = f" ... ({len(names):,})" if len(names) > SHOWN else ""
    roles = [f"targets: {', '.join(names[:SHOWN])}{more}"]
    for role in ("past_covariates", "future_covariates"):
        held = getattr(config, role)
        roles += [f"{role.replace('_', ' ')}: {', '.join(held)}"] if held else []
    return "; ".join(roles)


def series_lines(series: list[CleanSeries], ends_of_training: list[int]) -> list[str]:
    """Constant columns, and what was found and done in each series; of many series, only where there is something."""
    lines = []
    for ts, end in zip(series, ends_of_training):
        constant = np.ptp(ts.values[:end], axis=0) == 0 if end else np.zeros(len(ts.columns), bool)
        if constant.any():
            names = ", ".join(name for name, is_constant in zip(ts.columns, constant) if is_constant)
            lines.append(f"{ts.name}: {names} constant in the training split; its scale is 1")
    cleaned = [report_line(ts.report, always=len(series) <= MOST_LINES) for ts in series]
    return [*lines[:MOST_LINES], *[line for line in cleaned if line][:MOST_LINES]]


def found_lines(reports: list[FileReport]) -> list[str]:
    """What was detected in the files; files that agree share a line."""
    by_text: dict[str, list[str]] = {}
    for report in reports:
        if report.lines:
            by_text.setdefault("; ".join(report.lines), []).append(report.path.name)
    lines = []
    for text, names in by_text.items():
        where = names[0] if len(names) == 1 else f"{len(names)} files, {names[0]} among them"
        lines.append(f"found in {where}: {text}")
    return lines[:MOST_LINES]
