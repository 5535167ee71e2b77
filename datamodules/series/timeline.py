"""The rows of a file on an even time line: order, step, jitter, repeated stamps.  Computed once for columns that share
their stamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datamodules.errors import BadInput
from datamodules.series.frequency import Frequency, detect_frequency
from datamodules.series.reading import RawSeries
from datamodules.series.stamps import JITTER

MIXED_RUN = 12  # so many equal steps in a row that are not the usual one are no gaps


@dataclass(frozen=True)
class Timeline:
    """Stamps in order of time, one a row of the file.

    Args:
        order: (N,) which row of the file each is; None: the file is in order.
        times: (N,) datetime64[s], on the step.
        frequency: the step.
        reordered: how often the file goes back in time.
        jittered: stamps that were put onto the step.
        repeated: (R,) rows whose stamp is that of the row before.
    """

    order: np.ndarray | None
    times: np.ndarray
    frequency: Frequency
    reordered: int
    jittered: int
    repeated: np.ndarray

    def row(self, position: int) -> int:
        """Row of the file."""
        return position if self.order is None else int(self.order[position])


def build_timeline(raw: RawSeries) -> Timeline:
    """The time line of a series.

    Raises:
        BadInput: fewer than two stamps, or several steps are mixed.
    """
    differences = np.diff(raw.times)
    back = int((differences < np.timedelta64(0, "s")).sum())
    order = np.argsort(raw.times, kind="stable") if back else None
    times = raw.times if order is None else raw.times[order]
    frequency = detect_frequency(times)
    if frequency is None:
        raise BadInput(f"{raw.path or raw.name}: fewer than two time stamps")
    times, frequency, jittered = _on_step(times, frequency)
    _refuse_mixed(raw, order, times, frequency)
    repeated = np.flatnonzero(np.diff(times) == np.timedelta64(0, "s")) + 1
    return Timeline(order, times, frequency, back, jittered, repeated)


def _on_step(times: np.ndarray, frequency: Frequency) -> tuple[np.ndarray, Frequency, int]:
    """Stamps a second or two beside their step are put onto it."""
    if frequency.unit != "second":
        return times, frequency, 0
    seconds = times.astype(np.int64)
    step = frequency.count
    if step < 30:
        return times, frequency, 0
    minutes = round(step / 60) * 60
    if step != minutes and abs(step - minutes) <= 2 * JITTER and minutes:
        step = minutes
    remainder = seconds % step
    if (remainder == remainder[0]).all():
        return times, frequency, 0
    remainders, counts = np.unique(remainder, return_counts=True)
    phase = int(remainders[counts.argmax()])
    if min(abs(phase), step - phase) <= JITTER and 0 in remainders:
        phase = 0
    beside = (seconds - phase + step // 2) % step - step // 2
    if np.abs(beside).max() > JITTER:
        return times, frequency, 0
    return (seconds - beside).astype("datetime64[s]"), Frequency("second", step), int((beside != 0).sum())


def _refuse_mixed(raw: RawSeries, order: np.ndarray | None, times: np.ndarray, frequency: Frequency) -> None:
    def place(position: int) -> str:
        return raw.place(position if order is None else int(order[position]))

    if frequency.unit != "second":
        off = np.flatnonzero(frequency.off_step(times, times[0]))
        if len(off):
            raise BadInput(f"{place(int(off[0]))}: {times[off[0]]} is off the step of {frequency} that the others have")
        return
    step = frequency.count
    differences = np.diff(times).astype(np.int64)
    odd = np.flatnonzero(differences % step != 0)
    if len(odd):
        at = int(odd[0]) + 1
        raise BadInput(
            f"{place(at)}: {times[at]} is {differences[at - 1]:,} seconds after the row before it, the others are"
            f" {step:,} apart; datamodule.resample={{1h: mean}} puts rows onto one step"
        )
    unusual = (differences != step) & (differences > 0)
    run = 0
    for at in np.flatnonzero(unusual).tolist():
        run = run + 1 if at and unusual[at - 1] and differences[at] == differences[at - 1] else 1
        if run >= MIXED_RUN:
            raise BadInput(
                f"{place(at + 1)}: {run} rows in a row are {differences[at]:,} seconds apart, the others {step:,}; one"
                " step a file is accepted, or datamodule.resample"
            )
