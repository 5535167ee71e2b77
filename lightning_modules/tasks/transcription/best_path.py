"""The most probable path of CTC: the best character at each step, repeats merged, blanks dropped (Graves 2006, 3.2).

It is not always the most probable text: with P(blank) = 0.6 and P(a) = 0.4 in two steps, "" has 0.36, but "a" 0.64.
"""

from __future__ import annotations

import torch
from torch import Tensor


def best_path(log_probs: Tensor, lengths: Tensor) -> list[list[int]]:
    """Ids of the characters of each line.

    Args:
        log_probs: (T, B, C), blank 0.
        lengths: (B,) valid steps.
    """
    best = log_probs.argmax(dim=2).t()  # (B, T)
    before = torch.nn.functional.pad(best[:, :-1], (1, 0))
    inside = torch.arange(best.shape[1], device=best.device) < lengths.unsqueeze(1)
    kept = ((best != before) & (best != 0) & inside).cpu().numpy()
    return [row[keep].tolist() for row, keep in zip(best.cpu().numpy(), kept)]
