"""Whether a run that was repeated (`rerun=RUN`) came to the same metrics, and what differs where it did not."""

from __future__ import annotations

from typing import Any

from scripts.compare.diff import Diff, diff
from scripts.config.keys import facts
from scripts.console.quantities import amount
from scripts.runs.folder import RunFolder


def verdict(before: RunFolder, after: RunFolder) -> str:
    """Whether the metrics are equal to the last digit, or what differs, and what else does."""
    then, now = before.metrics(), after.metrics() or {}
    if then is None:
        return f"rerun: {before.path} has no metrics to compare with"
    names = [name for name in {**then, **now} if "/" in name]
    unequal = [name for name in names if then.get(name) != now.get(name)]
    difference = diff(str(before.path), str(after.path))
    circumstances = _circumstances(difference)
    if not unequal:
        return f"rerun: all {len(names)} metrics are equal to the last digit{circumstances}"
    shown = "; ".join(f"{name} {_number(then.get(name))} then, {_number(now.get(name))} now" for name in unequal[:6])
    more = f"; and {len(unequal) - 6} more" if len(unequal) > 6 else ""
    differences = circumstances or "; nothing else differs"
    return f"rerun: {len(unequal)} of {len(names)} metrics differ: {shown}{more}{differences}"


def _circumstances(difference: Diff) -> str:
    """Settings, versions, hardware and data that differ, as the end of a message."""
    phrases = []
    for section in ("settings", "environment", "data"):
        current = {
            key: pair
            for key, pair in difference.sections[section].items()
            if section != "settings" or (facts(key).role != "place" and key != "datamodule.seed")
        }
        changes = {key: pair for key, pair in current.items() if pair[0] != pair[1]}
        if changes:
            listed = ", ".join(f"{key} {_number(a)} -> {_number(b)}" for key, (a, b) in list(changes.items())[:6])
            phrases.append(f"{section}: {listed}" + (f" and {len(changes) - 6} more" if len(changes) > 6 else ""))
    return "; different are " + "; ".join(phrases) if phrases else ""


def _number(value: Any) -> str:
    """A float with all its digits, as the last one is what counts here."""
    if value is None:
        return "none"
    text = repr(value) if isinstance(value, float) else str(value)
    return text if len(text) < 60 else amount(value) if isinstance(value, float) else text[:57] + "..."
