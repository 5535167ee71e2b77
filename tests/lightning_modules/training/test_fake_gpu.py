"""Every architecture with every task on a device that does not exist: nothing mixed, copied or waited for in a step."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.pairs import COVERING, PAIRS


@pytest.fixture(scope="module")
def failed(request: pytest.FixtureRequest, names_folder: Path, pairs_file: Path) -> dict[str, str]:
    """Pair -> what went wrong, of one process for all of them."""
    chosen = ["-".join(pair) for pair in (PAIRS if request.config.getoption("--slow") else COVERING)]
    command = [sys.executable, "-m", "tests.lightning_modules.training.fake_gpu", str(names_folder), str(pairs_file)]
    done = subprocess.run([*command, *chosen], cwd=PROJECT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "pair",
    [pair if pair in COVERING else pytest.param(pair, marks=pytest.mark.slow) for pair in PAIRS],
    ids="-".join,
)
def test_a_step_mixes_copies_and_waits_for_nothing(pair: tuple[str, str], failed: dict[str, str]) -> None:
    assert failed.get("-".join(pair)) is None
