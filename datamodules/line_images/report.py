"""Report of a collection of lines: counts, characters, warnings."""

from __future__ import annotations

from collections import Counter
from typing import Any

from torch import Tensor

from datamodules.batching.splits import format_sizes
from datamodules.line_images.collection import Collection
from datamodules.line_images.normalization import visible
from datamodules.line_images.spec import LineImageSpec

RARE = 5  # a character with fewer examples in the training split is named
NAMED = 8  # lines or characters named on the terminal; environment.json names all


def report(
    read: Collection,
    indices: dict[str, Tensor],
    spec: LineImageSpec,
    notes: list[str],
    starting_from: LineImageSpec | None,
) -> dict[str, Any]:
    """Counts, rare and unseen characters, and every line left out, as JSON holds it; `lines` are the words for it."""
    codec = spec.codec
    counts = {split: Counter("".join(read.texts[i] for i in positions)) for split, positions in indices.items()}
    rare = {c: n for c, n in sorted(counts["train"].items()) if n < RARE}
    unseen = Counter({c: n for c, n in (counts["val"] + counts["test"]).items() if c not in counts["train"]})
    sizes = {split: len(positions) for split, positions in indices.items()}
    lines = [
        f"data: {read.name}: {len(read.texts):,} lines, {sum(map(len, read.texts)):,} characters,"
        f" alphabet of {len(codec.characters)}; {format_sizes(sizes)}"
    ]
    if rare:
        lines.append(f"data: rare in training (fewer than {RARE} times): {_counted(rare)}")
    if unseen:
        lines.append(f"data: never seen in training, but in val or test: {_counted(dict(sorted(unseen.items())))}")
    changed: dict[str, list[str]] = {"added": [], "dropped": []}
    if starting_from is not None:
        before = set(starting_from.codec.characters)
        changed["added"] = [c for c in codec.characters if c not in before]
        changed["dropped"] = sorted(before - set(codec.characters))
        for word, characters in changed.items():
            shown = named(list(map(visible, characters)), " ")
            lines.append(f"data: characters {word}: {len(characters)} {shown}".rstrip())
    for reason, names in grouped(read.left_out).items():
        lines.append(f"data: left out {len(names):,}, {reason}: {named(names)}")
    if read.several:
        lines.append(f"data: {len(read.several):,} images look like several lines of text: {named(read.several)}")
    ambiguous = [id_ for id_, text in zip(read.ids, read.texts) if spec.reading(spec.display(text)) != text]
    if ambiguous:
        lines.append(
            f"data: {len(ambiguous):,} lines whose display order stands for another reading order, too, in which they"
            f" will be answered: {named(ambiguous)}"
        )
    lines += [f"data: {note}" for note in [*read.notes, *notes]]
    return {
        "source": read.name,
        "splits": sizes,
        "alphabet": "".join(codec.characters),
        "rare": rare,
        "unseen": dict(unseen),
        "characters_added": changed["added"],
        "characters_dropped": changed["dropped"],
        "left_out": read.left_out,
        "several_lines": read.several,
        "ambiguous_order": ambiguous,
        "lines": lines,
    }


def grouped(left_out: dict[str, str]) -> dict[str, list[str]]:
    """Reason -> names."""
    groups: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        groups.setdefault(reason, []).append(name)
    return groups


def named(names: list[str], separator: str = ", ") -> str:
    """The first names, and how many follow."""
    more = f" and {len(names) - NAMED:,} more (environment.json)" if len(names) > NAMED else ""
    return separator.join(names[:NAMED]) + more


def _counted(counts: dict[str, int]) -> str:
    return named([f"{visible(character)} {count}" for character, count in counts.items()])
