"""Operations that would make a step wait for a GPU, seen on a processor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from datamodules.batching.loader import IndexLoader

#: Operations whose result has a size that only the data tells, or is read by Python; and those that make a tensor of
#: Python's numbers, which would be copied to the device.
WAITS = re.compile(
    r"aten\.(_local_scalar_dense|is_nonzero|nonzero|masked_select|equal|_?unique\w*|repeat_interleave\.Tensor|bincount"
    r"|_pack_padded_sequence|lift_fresh)\b"
)


class Watched(TorchDispatchMode):
    """Remembers the operations that wait."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        if WAITS.match(name):
            self.found.add(name)
        if name.startswith("aten.index") and any(
            isinstance(index, torch.Tensor) and index.dtype == torch.bool
            for index in (args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else ())
        ):
            self.found.add(f"{name} by a mask")
        return func(*args, **(kwargs or {}))


@contextmanager
def host_work_unwatched(source: Any) -> Iterator[None]:
    """What the loader does on the CPU before a step: the order of an epoch, and steps of the longest example."""
    cls: Any = type(source)
    max_length, iterate = cls.max_length, IndexLoader.__iter__

    def known_without_asking(self: Any, row: torch.Tensor) -> Any:
        assert row.device.type == "cpu"
        with _disable_current_modes():
            return max_length(self, row)

    def positions(self: IndexLoader) -> Iterator[Any]:
        batches = iterate(self)
        while True:
            with _disable_current_modes():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    with (
        mock.patch.object(cls, "max_length", known_without_asking),
        mock.patch.object(IndexLoader, "__iter__", positions),
    ):
        yield
