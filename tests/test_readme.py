"""Every command of the README, in order, in a folder of its own; only shorter."""

from __future__ import annotations

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchmarks import readme
from datamodules.energy import synthetic_load
from tests.conftest import PROJECT

#: What makes training short without changing what is said; the address stands in for the public one.
SHIM = """
set -e
python() {
  case "$1" in
    scripts/train.py) "$PYTHON" "$@" trainer.max_epochs=1 trainer.max_steps=3 "evaluate=[val,test]" ;;
    scripts/prepare.py) "$PYTHON" "$@" --base "$BASE/$2" ;;
    *) "$PYTHON" "$@" ;;
  esac
}
"""


def sections() -> list[tuple[str, str]]:
    """Heading -> its commands."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    found = []
    for part in re.split(r"^## ", text, flags=re.MULTILINE):
        commands = "\n".join(re.findall(r"```bash\n(.*?)```", part, flags=re.DOTALL))
        if commands:
            found.append((part.split("\n", 1)[0].lstrip("# "), commands))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place to type in, like a checkout of the project."""
    place = tmp_path_factory.mktemp("readme")
    for name in ("scripts", "conf", "datamodules", "lightning_modules", "benchmarks"):
        (place / name).symlink_to(PROJECT / name)
    series = synthetic_load(1, days=40)[0]
    stamps = (str(time).replace("T", " ") for time in series.times)
    rows = [f"{stamp},{value:.0f}" for stamp, value in zip(stamps, series.values[:, 0])]
    (place / "load.csv").write_text("\n".join(["Datetime,North_MW", *rows]) + "\n")
    return place


@pytest.fixture(scope="module")
def base(real_data: Path):
    """The public data sets, served from this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(real_data))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def typed(commands: str) -> str:
    """Without what is tested elsewhere: set-up and the suite itself by being here, TensorBoard in a browser."""
    lines = commands.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("make ", "tensorboard ")))


@pytest.mark.parametrize(("heading", "commands"), sections(), ids=lambda value: value[:20].split("\n")[0])
def test_the_commands_work(heading: str, commands: str, folder: Path, request: pytest.FixtureRequest) -> None:
    script = typed(commands)
    if not script.strip():
        return
    address = request.getfixturevalue("base") if "prepare.py" in script or "data/" in script else ""
    environment = {**os.environ, "PYTHON": sys.executable, "BASE": address, "HYDRA_FULL_ERROR": ""}
    done = subprocess.run(
        ["bash", "-c", SHIM + script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, f"{heading}\n{script}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr


def test_make_targets_exist() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    for _, commands in sections():
        for target in re.findall(r"^make (\S+)", commands, flags=re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_the_architecture_of_the_readme_trains_on_every_data_set(tmp_path: Path) -> None:
    """One Python file and one YAML file, outside of the project."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (yaml,) = re.findall(r"`(_target_: mine\.\w+)`", text)
    (tmp_path / "mine.py").write_text(code)
    (tmp_path / "conf" / "module").mkdir(parents=True)
    (tmp_path / "conf" / "module" / "mine.yaml").write_text(yaml + "\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    shorter = {
        "names": [],
        "energy": ["datamodule.lookback=24", "datamodule.stride=50"],
        "text_lines": ["datamodule.rendered_lines=16"],
    }
    for datamodule, words in shorter.items():
        command = [
            sys.executable, str(PROJECT / "scripts/train.py"), f"datamodule={datamodule}", "module=mine",
            f"hydra.searchpath=[file://{tmp_path / 'conf'}]", "trainer.max_steps=3", f"runs_dir={tmp_path / 'runs'}",
            "evaluate=[test]", "module.hidden_size=16", *words,
        ]  # fmt: skip
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stderr
        run = done.stdout.strip()
        asked = ["Takahashi"] if datamodule == "names" else []
        if asked:
            answer = [sys.executable, str(PROJECT / "scripts/predict.py"), run, *asked, "--allow", "mine"]
            done = subprocess.run(answer, env=environment, capture_output=True, text=True, timeout=200, check=False)
            assert done.stdout.startswith("> Takahashi"), done.stderr


def test_its_tables_are_those_of_the_results() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->" in text for name in readme.TABLES)
    assert readme.written(text) == text, "python -m benchmarks.readme writes them"
