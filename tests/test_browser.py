"""TensorBoard and the report as a person sees them: a real server, a real browser, screenshots to look at.

python -m pytest -m browser --basetemp=/tmp/pages     # the screenshots stay in /tmp/pages
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import DESKTOP, PHONE, Browser, answers, browser, process
from tests.commands import run
from tests.ports import free_ports

pytestmark = pytest.mark.browser

SMALL = ["trainer.max_epochs=3", "module.hidden_size=12", "datamodule.batch_size=16", "trainer.log_every_n_steps=2"]


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module")
def sweep(page: Browser, names_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two architectures with two seeds, and beside them a run that fails after its first epoch."""
    runs = tmp_path_factory.mktemp("runs")
    where = [f"datamodule.data_dir={names_folder}", f"runs_dir={runs}"]
    done = run("train.py", "-m", "module=gru,rnn", "seed=1,2", *where, *SMALL)
    run("train.py", "name=broken", "callbacks.checkpoints.monitor=val/none", *where, *SMALL, status=2)
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def tensorboard(sweep: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(sweep.parents[1]), "--port", str(port)]
    with process([*command, "--host", "127.0.0.1"], lambda: answers(url)):
        yield url


def test_scalars(page: Browser, tensorboard: str, shots: Path) -> None:
    page.open(f"{tensorboard}/#scalars")
    page.wait_for_text("tag: by_epoch/val/accuracy")
    page.screenshot(shots / "scalars.png")
    text = page.text()
    for group in ("by_epoch", "train", "val", "test", "val_best"):
        assert f" {group} " in text
    assert "hp_metric" not in text


def test_training_and_validation_in_one_chart(page: Browser, tensorboard: str, shots: Path) -> None:
    page.open(f"{tensorboard}/#custom_scalars")
    page.wait_for_text("loss by epoch")
    page.wait_for_text("Matches (8)")  # four runs, training and validation of each
    page.screenshot(shots / "custom_scalars.png")


def test_hyperparameters_are_a_table_with_final_metrics(page: Browser, tensorboard: str, shots: Path) -> None:
    page.open(f"{tensorboard}/#hparams")
    page.wait_for_text("Number of matching session groups: 5")
    page.wait_for_text("GRU")
    page.screenshot(shots / "hparams.png")
    text = page.text()
    table = text[text.index("Trial ID") :]
    for column in ("module", "seed", "status", "test/accuracy", "test/loss"):
        assert f" {column} " in table
    rows = re.findall(r"/final (\w+) ([\d.]+) (\w+) ", table)  # module, seed, status
    assert sorted({(module, float(seed), status) for module, seed, status in rows}) == [
        ("GRU", 1, "failed"), ("GRU", 1, "finished"), ("GRU", 2, "finished"), ("RNN", 1, "finished"),
        ("RNN", 2, "finished"),
    ]  # fmt: skip
    assert "-1.0000" not in table
    for view in ("PARALLEL COORDINATES VIEW", "SCATTER PLOT MATRIX VIEW"):
        page.run(
            "all(document.body).find(n => n.nodeName === 'PAPER-TAB' && n.textContent.trim().toUpperCase()"
            " === arguments[0]).click();",
            view,
        )
        page.wait_for("return all(document.body).some(n => n.nodeName === 'svg' && n.clientHeight > 100);")
        page.screenshot(shots / f"hparams {view.split()[0].lower()}.png")


def test_pictures(page: Browser, tensorboard: str, shots: Path) -> None:
    page.open(f"{tensorboard}/#images")
    page.wait_for_text("test/confusion_matrix")
    page.wait_for("return all(document.body).filter(n => n.nodeName === 'IMG' && n.naturalWidth > 100).length >= 4;")
    page.screenshot(shots / "images.png")


def test_encodings_of_names_in_the_projector(page: Browser, tensorboard: str, shots: Path) -> None:
    page.wait_for("return fetch('/data/plugins_listing').then(a => a.json()).then(all => all.projector.enabled);")
    page.open("about:blank")  # the page asks once which tabs there are
    page.open(f"{tensorboard}/#projector")
    page.wait_for_text("Points: 16")
    page.wait_for_text(" target ")  # what the points can be coloured by
    page.screenshot(shots / "projector.png")


@pytest.mark.parametrize(("name", "size", "dark"), [("light", DESKTOP, 0), ("dark", DESKTOP, 1), ("phone", PHONE, 0)])
def test_the_report(page: Browser, sweep: Path, shots: Path, name: str, size: tuple[int, int], dark: int) -> None:
    page.errors()
    page.open((sweep / "report.html").as_uri(), size, dark=bool(dark))
    page.screenshot(shots / f"report {name}.png", whole=True)
    width, room = page.run("return [document.documentElement.scrollWidth, innerWidth];")
    assert width == room == size[0], "nothing sticks out"
    assert page.run("return document.querySelectorAll('svg polyline').length;") >= 4
    pictures = page.run("return [...document.images].map(i => i.naturalWidth);")
    assert len(pictures) == 2
    assert min(pictures) > 100
    ground = page.run("return getComputedStyle(document.body).backgroundColor;")
    assert (sum(map(int, ground.strip("rgb()").split(","))) < 200) == bool(dark)
    smallest = page.run(
        "return Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height));"
    )
    assert smallest >= 9, "labels can be read"
    assert page.errors() == []
