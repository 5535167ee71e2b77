"""What tests share: small real data, the real data sets where they are, and threads that do not fight."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import hypothesis
import pytest
import torch

#: The same examples in every run; `HYPOTHESIS_PROFILE=search pytest ...` looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.register_profile("search")
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

PROJECT = Path(__file__).resolve().parents[1]
sys.path.append(str(PROJECT / "scripts"))  # Hydra looks for plugins once in a process, at its first composition

NAMES = {
    "Greek": "Alexakis Antonopoulos Christakos Dimitriou Georgiou Kalakos Leventis Manolis Nicolaidis Papadakis "
    "Pavlakis Stamatakis Theodorou Vasilakis Xanthis Zographos Kokkinos Makris Oikonomou Samaras",
    "Irish": "Brady Callaghan Doherty Egan Fitzgerald Gallagher Hogan Keane Lynch McCarthy "
    "Nolan O'Brien O'Donnell Quinn Reilly Sheehan Tierney Ward Murphy Byrne",
    "Japanese": "Abe Fujimoto Hashimoto Ishikawa Kawasaki Kimura Kobayashi Maeda Matsumoto Murakami "
    "Nakamura Ogawa Okada Sakamoto Suzuki Takahashi Tanaka Watanabe Yamamoto Yoshida",
    "Polish": "Adamczyk Bosko Czajkowski Filipowski Grzeskiewicz Jagoda Kowalski Krawiec Mazur Niemczyk "
    "Ostrowski Piontek Rudawski Sokolowski Szczepanski Wojewodzki Wronski Zawisza Zielinski Koziol",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also the tests that take minutes")


#: Files that take longest, the longest first, so that no worker is left alone with one at the end (xdist would order
#: files by their number of tests: a file with one test of half a minute last).
LONGEST = (
    "test_fast_loop.py", "test_readme.py", "test_export.py", "test_ranks.py", "test_going_on.py", "test_docs.py",
    "test_conformance.py", "test_compilation.py", "test_training.py", "test_conf.py", "test_trainer_arguments.py",
    "test_forecasting.py", "test_transduction.py", "test_text_lines.py", "test_resume.py", "test_train.py",
    "test_loggers.py", "test_launchers.py", "test_failures.py", "test_machine.py", "test_foreign_task.py",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """A GPU is there for `pytest -m gpu` only: what else is expected here is a processor's, to the last bit."""
    if "gpu" not in (config.option.markexpr or ""):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
    for item in items:
        if item.get_closest_marker("slow") and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="takes minutes; pytest --slow runs it"))
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device, and pytest -m gpu"))


@pytest.fixture(scope="session")
def names_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty surnames of four languages, as a folder of `<Label>.txt`."""
    folder = tmp_path_factory.mktemp("names")
    for label, names in NAMES.items():
        (folder / f"{label}.txt").write_text("\n".join(names.split()) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def pairs_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty surnames, each with itself backwards, as a table."""
    file = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    rows = [f"{name}\t{name[::-1].lower()}" for names in NAMES.values() for name in names.split()]
    file.write_text("\n".join(["source\ttarget", *rows]) + "\n", encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real data sets; the test is skipped where there is none."""
    folder = Path(os.environ.get("SEQUENCE_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the real data sets are not here (SEQUENCE_DATA names their folder)")
    return folder


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
