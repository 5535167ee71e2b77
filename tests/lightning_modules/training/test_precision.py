from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from lightning_modules.training.precision import allow_tf32
from scripts.config.composing import compose
from scripts.runs.folder import RunFolder
from scripts.runs.training import setup_training


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    products, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    yield
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = cudnn


@pytest.mark.parametrize("allowed", [True, False])
def test_a_run_says_whether_its_products_may_be_rounded(allowed: bool, names_folder: Path, tmp_path: Path) -> None:
    allow_tf32(not allowed)
    settings = ["module=bag", f"datamodule.data_dir={names_folder}", "trainer=cpu", "logger=none"]
    setup_training(compose(*settings, f"tf32={allowed}".lower()), RunFolder(tmp_path))
    assert torch.backends.cuda.matmul.allow_tf32 is torch.backends.cudnn.allow_tf32 is allowed


@pytest.mark.gpu
def test_products_are_rounded_where_they_may_be() -> None:
    numbers = torch.full((64, 64), 1 + 2**-13, device="cuda")  # more bits than TF32 has
    allow_tf32(False)
    exact = (numbers @ numbers)[0, 0].item()
    allow_tf32(True)
    assert (numbers @ numbers)[0, 0].item() == 64 < exact
