"""TensorFloat-32: products of float32 numbers by the tensor cores of a GPU."""

from __future__ import annotations

import torch


def allow_tf32(allowed: bool | None, precision: str | int | None = None) -> None:
    """Whether matrix products, convolutions and cuDNN's recurrences may round their factors to 10 bits.

    Sums stay float32.  torch by itself allows it to cuDNN and not to matrix products; here it is one answer for both,
    for the whole process.  Processors without tensor cores do not know the difference.

    Args:
        allowed: None for where the precision is mixed: who accepts products of 8 or 11 bits accepts these, and what
            leaves autocast there, as recurrences do (`layers.autocast`), would alone be slow.
        precision: the Trainer's.
    """
    if allowed is None:
        allowed = str(precision).endswith("-mixed")
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed
