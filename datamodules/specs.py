"""Data descriptions as plain containers, as a checkpoint holds them, and back."""

from __future__ import annotations

from typing import Any

from datamodules.line_images.spec import WrittenLines
from datamodules.series.spec import ForecastSeries
from datamodules.text.pairs import PairedTexts
from datamodules.text.spec import LabelledText, UnlabelledText

#: Every kind of data description; its name is what a checkpoint says.
KINDS: dict[str, Any] = {
    "labelled_text": LabelledText,
    "unlabelled_text": UnlabelledText,
    "text_pairs": PairedTexts,
    "forecast_series": ForecastSeries,
    "written_lines": WrittenLines,
}


def to_dict(description: Any) -> dict:
    """`description` as dicts, lists, strings and numbers."""
    kind = next(name for name, cls in KINDS.items() if isinstance(description, cls))
    return {"kind": kind, **description.to_dict()}


def from_dict(state: dict) -> Any:
    """The description that `to_dict` made `state` from."""
    state = dict(state)
    return KINDS[state.pop("kind")].from_dict(state)
