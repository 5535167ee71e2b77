"""Labelled texts, not yet cleaned."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class LabelledTexts:
    """Columns of equal length: texts as read, labels, where each stands (`file:line`), and its official split."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)  # "train", "val", "test", or "" where the data has none
    blank: int = 0  # rows without text, which were left out
    unlabelled: int = 0  # rows without label, which were left out
    notes: list[str] = field(default_factory=list)  # about how they were read

    def add(self, text: str, label: str, place: str, split: str = "") -> None:
        if not text.strip():
            self.blank += 1
            return
        self.texts.append(text)
        self.labels.append(label)
        self.places.append(place)
        self.splits.append(split)

    def extend(self, other: LabelledTexts, split: str = "", folder: str = "") -> None:
        """All of `other`, in an official split and under a folder's name where these are given."""
        self.texts += other.texts
        self.labels += other.labels
        self.places += [f"{folder}/{place}" if folder else place for place in other.places]
        self.splits += [split] * len(other) if split else other.splits
        self.blank += other.blank
        self.unlabelled += other.unlabelled
        self.notes += [note for note in other.notes if note not in self.notes]

    def __len__(self) -> int:
        return len(self.texts)
