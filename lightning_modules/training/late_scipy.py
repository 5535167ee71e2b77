"""scipy.signal when it is first used, not when torchmetrics is imported.

torchmetrics 1.x, which pytorch_lightning imports, imports `scipy.signal` wherever scipy is installed, to see whether it
has `hamming`.  That takes a fifth of a start of this project's programs, which use nothing of it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAME = "scipy.signal"


class LateModule(ModuleType):
    """A module in the place of `scipy.signal`, which is imported when anything but `hamming` is asked for."""

    hamming = None

    def __init__(self) -> None:
        super().__init__(NAME)
        self.__spec__ = ModuleSpec(NAME, None)

    def __getattr__(self, name: str) -> Any:
        if name == "__file__":  # which `inspect` asks every module for
            raise AttributeError(name)
        if sys.modules.get(NAME) is self:
            del sys.modules[NAME]
        return getattr(importlib.import_module(NAME), name)


def install() -> None:
    """Put it there, if scipy is installed and neither it nor torchmetrics has been imported."""
    if "torchmetrics" in sys.modules or NAME in sys.modules or importlib.util.find_spec("scipy") is None:
        return
    sys.modules[NAME] = LateModule()
