"""Lines as tensors that batches are gathered from: every column of every image, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from datamodules.batching.batches import LineBatch
from datamodules.line_images.codec import codepoints
from datamodules.line_images.spec import LineImageSpec

GPU_WIDTHS = 32  # pixels that a batch's width is a multiple of on a GPU, where each new shape is planned for anew


def padded_width(width: int, device: torch.device) -> int:
    """The width that a batch of images is padded to."""
    return width if device.type == "cpu" else -(-width // GPU_WIDTHS) * GPU_WIDTHS


@dataclass(frozen=True)
class LineLengths:
    """What is known of some lines without asking the device: all on the CPU."""

    longest: int  # pixels
    widths: Tensor  # (B,) int64 pixels
    texts: Tensor  # (B,) int64 characters


class LineSource:
    """Every line of a data set.

    N lines, L characters of the longest.

    Args:
        columns: (all widths together, height) uint8, the ink of the images column by column.
        widths: (N,) int64 pixels.
        targets: (N, L) int64 ids of characters, 0 after a text's end.
        points: (N, L) int32 code points.
        target_lengths: (N,) int64.
        display_targets: (N, L) targets in display order; None where no line has another than its reading order.
    """

    def __init__(
        self,
        columns: Tensor,
        widths: Tensor,
        targets: Tensor,
        points: Tensor,
        target_lengths: Tensor,
        display_targets: Tensor | None = None,
    ) -> None:
        self.columns = columns
        self.widths = widths
        self.targets = targets
        self.points = points
        self.target_lengths = target_lengths
        self.display_targets = display_targets
        self.starts = widths.cumsum(0) - widths
        self._widths_on_cpu, self._texts_on_cpu = widths, target_lengths

    def refill(self, first: int, other: LineSource) -> None:
        """From line `first` on, hold the lines of another source."""
        kept = int(self.widths[:first].sum())
        longest = max(self.targets.shape[1], other.targets.shape[1])

        def joined(before: Tensor, after: Tensor) -> Tensor:
            return torch.cat([functional.pad(t, (0, longest - t.shape[1])) for t in (before[:first], after)])

        display = None
        if self.display_targets is not None or other.display_targets is not None:
            display = joined(self._displayed(), other._displayed())
        self.__init__(  # type: ignore[misc]
            torch.cat([self.columns[:kept], other.columns]),
            torch.cat([self.widths[:first], other.widths]),
            joined(self.targets, other.targets),
            joined(self.points, other.points),
            torch.cat([self.target_lengths[:first], other.target_lengths]),
            display,
        )

    def _displayed(self) -> Tensor:
        return self.targets if self.display_targets is None else self.display_targets

    def width_of(self, row: Tensor) -> Tensor:
        """Pixels of these lines; `row` is on the CPU."""
        return self._widths_on_cpu.index_select(0, row)

    @classmethod
    def of(cls, images: Sequence[np.ndarray], texts: Sequence[str], spec: LineImageSpec) -> LineSource:
        """Images uint8 (height, width) with their texts in reading order."""
        codec = spec.codec
        lengths = [len(text) for text in texts]
        targets = torch.zeros(len(texts), max(lengths, default=0), dtype=torch.int64)
        points = torch.zeros(targets.shape, dtype=torch.int32)
        display: Tensor | None = None
        for row, text in enumerate(texts):
            targets[row, : len(text)] = torch.from_numpy(codec.encode(text))
            points[row, : len(text)] = torch.from_numpy(codepoints(text).copy())
        for row, text in enumerate(texts):
            shown = spec.display(text)
            if shown != text:
                display = targets.clone() if display is None else display
                display[row, : len(text)] = torch.from_numpy(codec.encode(shown))
        columns = np.concatenate([np.empty((0, spec.height), np.uint8), *(image.T for image in images)])
        widths = torch.tensor([image.shape[1] for image in images], dtype=torch.int64)
        ends = torch.tensor(lengths, dtype=torch.int64)
        return cls(torch.from_numpy(columns), widths, targets, points, ends, display)

    def to(self, device: torch.device) -> LineSource:
        moved = LineSource(
            self.columns.to(device),
            self.widths.to(device),
            self.targets.to(device),
            self.points.to(device),
            self.target_lengths.to(device),
            None if self.display_targets is None else self.display_targets.to(device),
        )
        moved._widths_on_cpu, moved._texts_on_cpu = self._widths_on_cpu, self._texts_on_cpu
        return moved

    def max_length(self, row: Tensor) -> LineLengths:
        widths = self.width_of(row)
        return LineLengths(int(widths.max()), widths, self._texts_on_cpu.index_select(0, row))

    def collate(self, row: Tensor, max_length: LineLengths) -> LineBatch:
        width = padded_width(max_length.longest, row.device)
        widths = self.widths.index_select(0, row)
        steps = torch.arange(width, device=row.device)
        inside = steps < widths.unsqueeze(1)  # (B, W)
        at = (self.starts.index_select(0, row).unsqueeze(1) + steps) * inside
        ink = self.columns.index_select(0, at.flatten()).view(len(row), width, -1)  # (B, W, height)
        ink = ink * inside.unsqueeze(2)
        return LineBatch(
            (ink.transpose(1, 2).float() / 255).unsqueeze(1),
            widths,
            self.targets.index_select(0, row),
            self.target_lengths.index_select(0, row),
            self.points.index_select(0, row),
            None if self.display_targets is None else self.display_targets.index_select(0, row),
            max_length.widths,
            max_length.texts,
        )

    def image(self, index: int) -> np.ndarray:
        """The ink of one line, uint8 (height, width)."""
        start, width = int(self.starts[index]), int(self.widths[index])
        return self.columns[start : start + width].t().cpu().numpy()
