"""Every command and every block of code of docs/, in order, in a folder of its own; only shorter."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.conftest import PROJECT
from tests.process_state import restored_process_state
from tests.shell import run_commands

DOCS = PROJECT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', flags=re.DOTALL | re.MULTILINE)
ROOMS = r"(?:conf|datamodules|lightning_modules|scripts|tests|benchmarks|docs)/[\w/.]+"


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Language, file name ("" for what is run) and text of each block of code."""
    return [match.groups(default="") for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]  # type: ignore[misc]


def shortened(names: Path) -> Callable[[str, list[str]], list[str]]:
    """A few steps instead of a training, a few surnames in the place of thousands, a processor where no GPU is."""

    def change(script: str, arguments: list[str]) -> list[str]:
        if script != "train.py" or "--cfg" in arguments:
            return arguments
        extra = ["trainer.max_epochs=1", "trainer.max_steps=3"]
        if not torch.cuda.is_available():
            if {"trainer=ddp", "trainer=fsdp"} & set(arguments):
                extra.append("trainer.accelerator=cpu")
            on_cpu = {"trainer=gpu": "trainer=cpu", "trainer.devices=4": "trainer.devices=1"}
            arguments = [on_cpu.get(word, word) for word in arguments]
        if not any(word.startswith("evaluate=") for word in arguments):
            extra.append("evaluate=[val,test]" if "-m" in arguments else "evaluate=[test]")
        if not any(word.startswith(("datamodule=", "datamodule.data_dir=")) for word in arguments):
            extra.append(f"datamodule.data_dir={names}")
        return [*arguments, *extra]

    return change


def run_code(code: str, name: str) -> None:
    """A block of Python as a program of its own, in the working directory."""
    with restored_process_state():
        exec(compile(code, name, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_what_stands_there_works(
    page: Path, names_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("scripts", "conf", "datamodules", "lightning_modules"):
        (tmp_path / name).symlink_to(PROJECT / name)
    monkeypatch.chdir(tmp_path)
    ran = 0
    for number, (language, title, text) in enumerate(blocks(page)):
        if title:
            (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / title).write_text(text, encoding="utf-8")
        elif language == "bash":
            run_commands(text, tmp_path, shortened(names_folder))
            ran += 1
        elif language == "python":
            run_code(text, f"{page.name}, block {number + 1}")
            ran += 1
    assert ran, "a page with code runs some of it"
    assert not [name for name in sys.modules if name.startswith("my_")]
    assert os.getcwd() == str(tmp_path)


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("scripts", "conf", "datamodules", "lightning_modules"):
        (tmp_path / name).symlink_to(PROJECT / name)
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((DOCS / "python.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code = "\n".join(cells)
    assert "trainer.max_epochs=3" in code
    shorter = code.replace("trainer.max_epochs=3", 'trainer.max_epochs=1", "+trainer.limit_train_batches=3')
    run_code(shorter, "python.ipynb")
    assert (tmp_path / "runs" / "notebook" / "metrics.json").exists()


@pytest.mark.parametrize("page", [*PAGES, PROJECT / "README.md", PROJECT / "CONTRIBUTING.md"], ids=lambda p: p.stem)
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)\)", text) if "://" not in link]
    assert not [link for link in links if not (page.parent / link).exists()]
    paths = re.findall(rf"`({ROOMS})`", BLOCK.sub("", text))
    assert not [path for path in paths if not (PROJECT / path).exists() and "mine" not in path]


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert {str(page.relative_to(DOCS)) for page in PAGES} - {"README.md"} == {
        link for link in re.findall(r"\]\(([^)]+)\)", index) if link.endswith(".md")
    }
