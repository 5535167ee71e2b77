"""Text in figures of matplotlib."""

from __future__ import annotations

import warnings


def plain(text: str) -> str:
    """Text that matplotlib does not take for a formula; of a letter that its font lacks it shows a box, silently."""
    warnings.filterwarnings("ignore", message="Glyph .* missing from font")
    return text.replace("$", r"\$")
