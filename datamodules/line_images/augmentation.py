"""Making training lines differ from epoch to epoch, a whole batch at a time, on its device.

Random numbers come from torch's own generators, which checkpoints keep: a resumed run sees the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor
from torch.nn import functional

from datamodules.batching.batches import LineBatch
from datamodules.line_images.source import padded_width

Probability = Annotated[float, Ge(0), Le(1)]

#: Of binarisation: its thresholds (ink is 1), the deviation of the grain, and how steep the edges are.
THRESHOLDS, ROUGHNESS, EDGE = (0.35, 0.65), 0.4, 12.0


@dataclass
class Augmentation:
    """Each change befalls a line with its own probability, by a random amount up to the one given.

    Args:
        geometry: probability of slant, stretch, shift and waves, all in one resampling.
        slant: largest shift of the top row against the bottom row, as a share of the height.
        stretch: largest change of width, as a share; one draw for a batch, so that nothing more is padded.
        shift: largest vertical move and change of height, as a share of the height.
        wave: largest vertical move of a slow wave along the line, as a share of the height.
        blur: probability of a blur.
        thickness: probability of strokes that are one pixel thicker or thinner.
        noise: probability of noise on ink and paper.
        noise_level: largest standard deviation of the noise; ink is 1.
        contrast: probability of paler ink or darker paper.
        contrast_level: largest share of contrast that is lost.
        binarization: probability of black and white with a random threshold and uneven ink, so that strokes break or
            run together (H. Baird, Document Image Defect Models, 1990).
    """

    geometry: Probability = 0.5
    slant: Annotated[float, Ge(0), Lt(2)] = 0.3
    stretch: Annotated[float, Ge(0), Lt(1)] = 0.1
    shift: Annotated[float, Ge(0), Lt(1)] = 0.06
    wave: Annotated[float, Ge(0), Lt(1)] = 0.03
    blur: Probability = 0.2
    thickness: Probability = 0.2
    noise: Probability = 0.2
    noise_level: Annotated[float, Ge(0), Lt(1)] = 0.15
    contrast: Probability = 0.2
    contrast_level: Annotated[float, Gt(0), Lt(1)] = 0.5
    binarization: Probability = 0.0

    def __call__(self, batch: LineBatch) -> LineBatch:
        """The same lines, changed; padding stays paper."""
        images, lengths, host_lengths = self._resampled(batch.images, batch.lengths, batch.host_lengths)
        images = self._of_other_thickness(images)
        images = self._blurred(images)
        images = self._of_other_contrast(images)
        images = self._noisy(images)
        images = self._binarized(images)
        inside = torch.arange(images.shape[3], device=images.device) < lengths.view(-1, 1, 1, 1)
        return replace(batch, images=images.clamp(0, 1) * inside, lengths=lengths, host_lengths=host_lengths)

    def _resampled(
        self, images: Tensor, lengths: Tensor, host_lengths: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Affine changes and a wave; the stretch is the whole batch's."""
        if not self.geometry:
            return images, lengths, host_lengths
        size, _, height, width = images.shape
        factor = 1 + self.stretch * (2 * torch.rand(()).item() - 1)  # on the CPU: it decides about a shape
        new_width = padded_width(max(1, round(width * factor)), images.device)
        lengths = (lengths * factor).long().clamp(1, new_width)
        if host_lengths is not None:
            host_lengths = (host_lengths * factor).long().clamp(1, new_width)
        chosen = self._chosen(images, self.geometry)
        slant = self._signed(images) * self.slant * chosen
        squeeze = 1 + self._signed(images) * self.shift * chosen
        shift = self._signed(images) * self.shift * chosen
        wave = self._signed(images) * self.wave * chosen
        phase = self._signed(images) * torch.pi
        period = 2 + 6 * torch.rand(size, 1, 1, device=images.device)  # heights
        rows = torch.linspace(-0.5, 0.5, height, device=images.device).view(1, height, 1)  # heights from the middle
        columns = (torch.arange(new_width, device=images.device) + 0.5).view(1, 1, new_width)  # pixels
        x = columns / factor + slant * rows * height
        y = rows * squeeze + shift + wave * torch.sin(2 * torch.pi * columns / (height * period) + phase)
        grid = torch.stack([2 * x / width - 1, (2 * y * (height - 1) / height).expand_as(x)], dim=3)
        return functional.grid_sample(images, grid, align_corners=False), lengths, host_lengths

    def _of_other_thickness(self, images: Tensor) -> Tensor:
        if not self.thickness:
            return images
        thicker = functional.max_pool2d(images, (2, 2), stride=1, padding=1)[:, :, 1:, 1:]
        thinner = -functional.max_pool2d(-images, (1, 2), stride=1, padding=(0, 1))[:, :, :, 1:]
        drawn = torch.rand(len(images), 1, 1, 1, device=images.device)
        images = torch.where(drawn < self.thickness / 2, thicker, images)
        return torch.where(drawn > 1 - self.thickness / 2, thinner, images)

    def _blurred(self, images: Tensor) -> Tensor:
        if not self.blur:
            return images
        smooth = functional.avg_pool2d(images, 3, stride=1, padding=1)
        amount = self._chosen(images, self.blur).unsqueeze(3) * torch.rand(len(images), 1, 1, 1, device=images.device)
        return torch.lerp(images, smooth, amount)

    def _of_other_contrast(self, images: Tensor) -> Tensor:
        if not self.contrast:
            return images
        chosen = self._chosen(images, self.contrast).unsqueeze(3)
        lost = self.contrast_level * torch.rand(len(images), 1, 1, 1, device=images.device) * chosen
        paper = lost * torch.rand(len(images), 1, 1, 1, device=images.device)
        return images * (1 - lost) + paper

    def _noisy(self, images: Tensor) -> Tensor:
        if not self.noise:
            return images
        chosen = self._chosen(images, self.noise).unsqueeze(3)
        level = self.noise_level * torch.rand(len(images), 1, 1, 1, device=images.device) * chosen
        return images + level * torch.randn_like(images)

    def _binarized(self, images: Tensor) -> Tensor:
        if not self.binarization:
            return images
        chosen = self._chosen(images, self.binarization).unsqueeze(3)
        ink = functional.avg_pool2d(images, 3, stride=1, padding=1)
        ink = torch.lerp(images, ink, torch.rand(len(images), 1, 1, 1, device=images.device))
        rough = torch.rand(len(images), 1, 1, 1, device=images.device) * ROUGHNESS
        grain = functional.avg_pool2d(torch.randn_like(images), 3, stride=1, padding=1)  # ink and paper, not pixels
        threshold = THRESHOLDS[0] + (THRESHOLDS[1] - THRESHOLDS[0]) * torch.rand_like(rough)
        black = torch.sigmoid(EDGE * (ink + rough * grain - threshold))  # as soft as a scan that is made smaller
        return torch.lerp(images, black, chosen)

    @staticmethod
    def _chosen(images: Tensor, probability: float) -> Tensor:
        """(B, 1, 1) 1 for the lines that a change befalls, else 0."""
        return (torch.rand(len(images), 1, 1, device=images.device) < probability).float()

    @staticmethod
    def _signed(images: Tensor) -> Tensor:
        """(B, 1, 1) uniform between -1 and 1."""
        return 2 * torch.rand(len(images), 1, 1, device=images.device) - 1
