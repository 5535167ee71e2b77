"""Texts as a network sees them: normalised, checked, each once; and what was left out on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from datamodules.errors import BadInput
from datamodules.text.codec import Tokens, cleaned, cut, nothing_left, tokenize
from datamodules.text.labelled_texts import LabelledTexts
from datamodules.text.normalization import Loss, Normalization, loses_little

#: What happens to a text of more than `max_length` tokens.
TooLongText = Literal["refuse", "cut", "leave_out"]


def chosen_normalization(setting: Normalization | None, texts: Sequence[str], labels: Sequence[str]) -> Normalization:
    """The normalisation that was given; when None, `ascii` where it changes almost no text, else `nfc`."""
    return setting or ("ascii" if loses_little(texts, labels) else "nfc")


@dataclass
class CleanTexts:
    """Columns of equal length: normalised texts, labels, places and official splits; and counts of the rest."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    emptied: Counter[str] = field(default_factory=Counter)  # label -> texts of which normalisation left nothing
    repeated: int = 0  # texts that stood before under their label
    too_long: int = 0  # texts that were cut or left out
    loss: Loss = field(default_factory=Loss)


def clean_labelled(
    read: LabelledTexts,
    normalize: Normalization,
    tokens: Tokens,
    punctuation: bool,
    max_length: int,
    too_long: TooLongText,
    unique: bool,
) -> CleanTexts:
    """Normalise labelled texts.

    Args:
        read: the texts as they stand in their files.
        normalize, tokens: see `TextCodec`.
        punctuation: whether punctuation marks are tokens.
        max_length, too_long: what happens to a text of more tokens.
        once: keep each text once under its label (and in its official split).

    Raises:
        BadInput: a text that is too long, or a label of whose texts nothing is left.
    """
    clean = CleanTexts()
    seen: set[tuple[str, str, str]] = set()
    for text, label, place, split in zip(read.texts, read.labels, read.places, read.splits):
        kept = cleaned(text, normalize, punctuation)
        if normalize == "ascii":
            clean.loss.add(text, kept)
        if not kept:
            clean.emptied[label] += 1
            continue
        length = len(tokenize(kept, tokens))
        if length > max_length:
            if too_long == "refuse":
                raise BadInput(
                    f"{place}: {length:,} {tokens}; at most datamodule.max_length={max_length} are accepted"
                    " (datamodule.too_long=cut or leave_out takes the others)"
                )
            clean.too_long += 1
            if too_long == "leave_out":
                continue
            kept = cut(kept, tokens, max_length)
        if unique:
            if (kept, label, split) in seen:
                clean.repeated += 1
                continue
            seen.add((kept, label, split))
        clean.texts.append(kept)
        clean.labels.append(label)
        clean.places.append(place)
        clean.splits.append(split)
    _check_labels(read, clean, normalize)
    return clean


def notes_of(clean: CleanTexts, num_read: int, normalize: Normalization, max_length: int, too_long: str) -> list[str]:
    """Notes about what was left out or changed, a line each."""
    notes = []
    if clean.loss.texts:
        notes.append(clean.loss.describe(num_read))
    if clean.emptied:
        emptied = ", ".join(f"{label} {count:,}" for label, count in sorted(clean.emptied.items()))
        notes.append(f"nothing left of some texts under normalize={normalize}: {emptied}")
    if clean.too_long:
        done = "cut" if too_long == "cut" else "left out"
        notes.append(f"{clean.too_long:,} texts of more than max_length={max_length} tokens are {done}")
    return notes


def _check_labels(read: LabelledTexts, clean: CleanTexts, normalize: Normalization) -> None:
    missing = sorted(set(read.labels) - set(clean.labels))
    if missing and clean.emptied[missing[0]]:
        example = read.texts[read.labels.index(missing[0])]
        raise BadInput(f"label {missing[0]}: {nothing_left(example, normalize)} (datamodule.normalize=nfc)")
    if not clean.texts:
        raise BadInput(f"no text of at most datamodule.max_length tokens is left of {len(read):,}")
