"""TensorFloat-32: products of float32 numbers by the tensor cores of a GPU."""

from __future__ import annotations

import torch


def allow_tf32(allowed: bool) -> None:
    """Whether matrix products, convolutions and cuDNN's recurrences may round their factors to 10 bits.

    Sums stay float32.  torch by itself allows it to cuDNN and not to matrix products; here it is one answer for both,
    for the whole process.  Processors without tensor cores do not know the difference.
    """
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed
