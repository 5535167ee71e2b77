"""A start does not import scipy.signal, and whoever asks for it has it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.commands import PROJECT

PROGRAM = """
import importlib.util
import sys
import scripts.runs.training
assert "torchmetrics" in sys.modules
assert "scipy.signal._signal_api" not in sys.modules
assert importlib.util.find_spec("scipy.signal") is not None
import scipy.signal as early
import scipy.signal.windows
assert scipy.signal.get_window("hann", 4).tolist() == early.get_window("hann", 4).tolist() == [0.0, 0.5, 1.0, 0.5]
from scipy.signal import windows
assert windows.hann(3).tolist() == [0.0, 1.0, 0.0]
"""


def test_scipy_is_imported_when_it_is_used() -> None:
    pytest.importorskip("scipy", reason="scipy is not installed")
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
