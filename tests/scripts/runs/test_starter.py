"""The model that comes with the project: small, found by its name, and one that reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from benchmarks.starter import (
    DOUBLE_HYPHEN,
    GREEK,
    LISTS,
    LONG_S,
    WORDS,
    link_fonts,
    long_s,
    made_words,
    with_double_hyphen,
)
from datamodules.line_images.fonts import charmap, font_files
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


def test_what_it_is_made_from(tmp_path: Path) -> None:
    """Words of every kind in their shares, and Fraktur typefaces whose hyphen is a double one, several times."""
    lists = tmp_path / "dict"
    lists.mkdir()
    for name in LISTS:
        words = ["Haus", "Wasserstraße", "schön"] if name == "ngerman" else ["house", "water", "naïve"]
        (lists / name).write_text("\n".join(words) + "\n", encoding="utf-8")
    (tmp_path / "devil.txt").write_text("ABSURDITY, n. -- a statement\n", encoding="utf-8")
    (tmp_path / "greek.txt").write_text("λόγος, τὸν\n", encoding="utf-8")
    made = made_words(lists, [tmp_path / "devil.txt"], [], [tmp_path / "greek.txt"])
    assert len(made) == WORDS
    spelled = [word for word in made if "ſ" in word]
    assert len(spelled) == round(LONG_S * WORDS)
    assert any("Waſſerſtraße" in word for word in spelled)
    assert [long_s(word) for word in ("Wasserhaus's", "dass,", "Haus")] == ["Waſſerhaus's", "daß,", "Haus"]
    assert not any("-" in word for word in spelled), "Fraktur's hyphen is a double one"
    assert sum(word in ("λόγος,", "τὸν") for word in made) == round(GREEK * WORDS)
    assert "--" not in made
    shipped = tmp_path / "typefaces"
    shipped.mkdir()
    shutil.copy(font_files(None)[0], shipped)
    link_fonts([str(shipped)], tmp_path / "fonts")
    link_fonts([f"{shipped}:3"], tmp_path / "fonts" / "fraktur", with_double_hyphen)
    plain, *fraktur = font_files(str(tmp_path / "fonts"))
    assert len(fraktur) == 3
    assert "-" in charmap(plain)
    assert all("-" not in charmap(file) and DOUBLE_HYPHEN in charmap(file) for file in fraktur)
