"""The report as a file; what it looks like is checked in tests/test_browser.py."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from scripts.compare.leaderboard import compare
from scripts.compare.report.page import write_report
from scripts.compare.runs import read_runs
from tests.run_folders import write_run


def report(folder: Path) -> str:
    return write_report(compare(read_runs([str(folder)])), folder / "report.html").read_text(encoding="utf-8")


def made_sweep(folder: Path) -> Path:
    """Two architectures with two seeds at three sizes, a baseline, and a run that failed."""
    random = np.random.default_rng(0)
    for module, right in (("GRU", 0.8), ("LSTM", 0.6)):
        for size in (8, 16, 64):
            for seed in (1, 2):
                scores = (random.random(200) < right).astype(float).tolist()
                settings = {"module.hidden_size": size}
                made = write_run(folder / f"{module}{size}_{seed}", scores, module=module, seed=seed, settings=settings)
                with SummaryWriter(str(made)) as writer:
                    for epoch in range(5):
                        writer.add_scalar("val/accuracy", right - 0.5 / (epoch + 1), 10 * epoch + 10)
                        writer.add_scalar("train/loss", 1 / (epoch + 1), 10 * epoch + 10)
                        writer.add_scalar("val/loss", 1.1 / (epoch + 1), 10 * epoch + 10)
                        writer.add_scalar("epoch", epoch, 10 * epoch + 10)
                    writer.add_image("test/confusion_matrix", np.full((3, 40, 40), 200, dtype=np.uint8))
    write_run(folder / "majority", [1.0] * 100 + [0.0] * 100, module="Majority")
    write_run(folder / "failed", status={"status": "failed", "reason": "no <memory> left"})
    return folder


def test_everything_stands_in_one_file(tmp_path: Path) -> None:
    page = report(made_sweep(tmp_path))
    assert "GRU hidden_size=" in page
    for heading in ("Learning curves", "What it costs", "What it depends on", "Figures", "Environment"):
        assert f"<h3>{heading}</h3>" in page or f"<h2>{heading}</h2>" in page
    assert "no &lt;memory&gt; left" in page
    assert not re.search(r"(src|href)=.(?!data:)|url\(|@import|<script|<link", page), "nothing from elsewhere"
    assert page.count("data:image/png;base64,") == 3


def test_runs_on_other_data_have_a_table_of_their_own(tmp_path: Path) -> None:
    made_sweep(tmp_path)
    write_run(tmp_path / "elsewhere", [1.0, 1.0], fingerprint="b" * 64)
    page = report(tmp_path)
    assert page.count("<thead>") == 2
    assert "on other data: fingerprint=bbb" in page


def test_runs_without_event_files_make_a_page_too(tmp_path: Path) -> None:
    write_run(tmp_path / "a", [1.0, 0.0])
    page = report(tmp_path)
    assert "Learning curves" not in page
    assert "GRU" in page
