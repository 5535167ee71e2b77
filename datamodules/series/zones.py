"""Time zones: instants, wall time, and how stamps are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars

from datamodules.errors import BadInput


@dataclass(frozen=True)
class Style:
    """Format of stamps.

    Args:
        zone: in which a stamp is written: an IANA name, `+01:00`, `UTC`; None where the file says none.
        separator: between date and time.
        suffix: after a stamp with a zone: `offset` or `Z`.
        local: zone of the wall time in which stamps without a zone are written, where rows are kept in UTC.
        is_wall: rows are kept in the zone's wall time, not in UTC (steps of a day or more).
    """

    zone: str | None = None
    separator: str = " "
    suffix: str = "offset"
    local: str | None = None
    is_wall: bool = False

    def write(self, times: np.ndarray) -> list[str]:
        """(N,) datetime64[s] instants formatted as in the file."""
        times = times.astype("datetime64[s]")
        if self.zone is None:
            shown = to_wall_time(times, self.local) if self.local and not self.is_wall else times
            return [text.replace("T", self.separator) for text in np.datetime_as_string(shown, unit="s").tolist()]
        zone = zone_of(self.zone)
        written = []
        for seconds in times.astype(np.int64).tolist():
            moment = datetime.fromtimestamp(seconds, UTC)
            moment = moment.replace(tzinfo=zone) if self.is_wall else moment.astimezone(zone)
            text = moment.isoformat(sep=self.separator)
            written.append(text.removesuffix("+00:00") + "Z" if self.suffix == "Z" else text)
        return written


def zone_of(name: str) -> Any:
    """A tzinfo of an IANA name, `UTC` or an offset `+01:00`.

    Raises:
        BadInput: no such zone.
    """
    if name in ("UTC", "Z"):
        return UTC
    offset = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", name)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(
            f"datamodule.timezone={name}: no such zone; an IANA name such as Europe/Madrid is accepted"
        ) from None


def to_wall_time(times: np.ndarray, zone: str) -> np.ndarray:
    """(N,) UTC instants -> wall time of a zone, both datetime64[s]."""
    if zone in ("UTC", "Z") or re.fullmatch(r"[+-]\d{2}:?\d{2}", zone):
        offset = zone_of(zone).utcoffset(None) or timedelta(0)
        return times + np.timedelta64(int(offset.total_seconds()), "s")
    zone_of(zone)
    return to_numpy(_utc(times).dt.convert_time_zone(zone).dt.replace_time_zone(None))


def to_utc(times: np.ndarray, zone: str, place: Callable[[int], str]) -> np.ndarray:
    """(N,) wall times of a zone -> UTC.  Of the hour that the clock shows twice, the earlier rows are summer time.

    Raises:
        BadInput: a time that the clock of that zone never showed.
    """
    zone_of(zone)
    local = polars.Series(times.astype("datetime64[us]"))
    early = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    if early.null_count() > int(np.isnat(times).sum()):
        row = int((early.is_null() & local.is_not_null()).arg_true()[0])
        raise BadInput(
            f"{place(row)}: {local[row]} does not exist in datamodule.timezone={zone} (the clock was put forward);"
            " without the key, stamps are taken as they are"
        )
    late = local.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null")
    first, second = to_numpy(early.dt.convert_time_zone("UTC")), to_numpy(late.dt.convert_time_zone("UTC"))
    if (first == second).all():
        return first
    _, inverse, counts = np.unique(times, return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    rank = np.arange(len(times)) - np.repeat(np.cumsum(counts) - counts, counts)
    again = np.zeros(len(times), bool)
    again[order] = rank > 0
    return np.where(again, second, first)


def _utc(times: np.ndarray) -> polars.Series:
    return polars.Series(times.astype("datetime64[us]")).dt.replace_time_zone("UTC")


def to_numpy(column: polars.Series) -> np.ndarray:
    """(N,) datetime64[s], NaT where null."""
    return column.dt.replace_time_zone(None).cast(polars.Datetime("us")).to_numpy().astype("datetime64[s]")
