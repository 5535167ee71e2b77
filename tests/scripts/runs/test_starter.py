"""The model that comes with the project: small, found by its name, and one that reads."""

from __future__ import annotations

import json
from pathlib import Path

from datamodules.line_images.rendering import Renderer
from lightning_modules.tasks.edit_distance import edits
from scripts.predict.line_inputs import LineSourceFile
from scripts.predict.transcription import results
from scripts.runs.folder import STARTER, RunFolder
from scripts.runs.loading import load_module
from tests.commands import run
from tests.datamodules.line_images.pictures import encoded, write_lines_folder


def test_it_is_small_and_found_by_its_name(tmp_path: Path, monkeypatch) -> None:
    assert sum(file.stat().st_size for file in STARTER.rglob("*") if file.is_file()) <= 2_000_000
    assert RunFolder.existing("starter").path == STARTER
    monkeypatch.chdir(tmp_path)
    (tmp_path / "starter").mkdir()
    (tmp_path / "starter" / "config.yaml").write_text("task: {}\n")
    assert RunFolder.existing("starter").path == Path("starter"), "somebody's own run of that name"


def test_it_reads_clean_print() -> None:
    renderer = Renderer(40, ["the", "house", "and", "water", "little", "under", "morning"], seed=5)
    lines = [renderer.line(number) for number in range(12)]
    sources = (LineSourceFile(f"{n}", lambda image=image: encoded(255 - image)) for n, (image, _) in enumerate(lines))
    read = [found.text for _, found in results(load_module(RunFolder.existing("starter")), sources)]
    wrong = sum(edits(truth, text) for (_, truth), text in zip(lines, read))
    assert wrong <= 0.03 * sum(len(truth) for _, truth in lines)


def test_a_run_begins_with_its_weights(tmp_path: Path) -> None:
    lines = write_lines_folder(tmp_path / "lines", count=8)
    done = run(
        "train.py", "datamodule=text_lines", "module=crnn", f"datamodule.data_dir={lines}", f"runs_dir={tmp_path}",
        "datamodule.split_by=random", "trainer.max_epochs=1", "optimizer.lr=0.0001", "logger=none",
        "init_from=starter", "datamodule.charset=keep", "evaluate=[val]",
    )  # fmt: skip
    metrics = json.loads((Path(done.stdout.strip()) / "metrics.json").read_text())
    assert metrics["val/cer"] < 0.6, "no blank phase"
