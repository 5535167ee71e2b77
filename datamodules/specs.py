"""Data specs as plain containers, as a checkpoint holds them, and back."""

from __future__ import annotations

from typing import Any

from datamodules.line_images.spec import LineImageSpec
from datamodules.series.spec import ForecastSeries
from datamodules.text.pairs import PairedTexts
from datamodules.text.spec import LabelledText, UnlabelledText

#: Every kind of data spec; its name is what a checkpoint says.
SPEC_TYPES: dict[str, Any] = {
    "labelled_text": LabelledText,
    "unlabelled_text": UnlabelledText,
    "text_pairs": PairedTexts,
    "forecast_series": ForecastSeries,
    "written_lines": LineImageSpec,
}


def to_dict(spec: Any) -> dict:
    """`spec` as dicts, lists, strings and numbers."""
    kind = next(name for name, cls in SPEC_TYPES.items() if isinstance(spec, cls))
    return {"kind": kind, **spec.to_dict()}


def from_dict(state: dict) -> Any:
    """The spec that `to_dict` made `state` from."""
    state = dict(state)
    return SPEC_TYPES[state.pop("kind")].from_dict(state)
