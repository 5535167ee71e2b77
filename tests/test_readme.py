"""Every command of the README, in order, in a folder of its own; only shorter."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import readme
from tests.commands import run
from tests.conftest import PROJECT
from tests.shell import run_commands

#: What makes a command shorter: a word of it -> overrides beside a few steps.
SHORTER = {
    "module=baseline/ngram_logistic": ["module.max_iterations=3", "module.max_n=2"],
    "datamodule=text_lines": ["datamodule.rendered_lines=40"],
    "datamodule=plain_text": ["datamodule.val_fraction=0.01", "datamodule.test_fraction=0.01"],
    "datamodule=text_pairs": ["module.hidden_size=16"],
    "experiment=energy_day_ahead": ["datamodule.data_dir=data/energy/D*.csv"],
}


def shortened(base: str, names: Path) -> Callable[[str, list[str]], list[str]]:
    """What makes commands short without changing what is said.

    Args:
        base: stands in for the public address of data.
        names: a few surnames, in the place of the thousands that sweeps and language models would evaluate.
    """

    def change(script: str, arguments: list[str]) -> list[str]:
        if script == "prepare.py":
            return [*arguments, "--base", f"{base}/{arguments[0]}"]
        if script != "train.py":
            return arguments
        several = "-m" in arguments
        extra = ["trainer.max_epochs=1", "trainer.max_steps=3", f"evaluate=[{'val,test' if several else 'test'}]"]
        extra += [override for word in arguments for override in SHORTER.get(word, [])]
        if several or "experiment=names_writer" in arguments:
            extra.append(f"datamodule.data_dir={names}")
        return [*arguments, *extra]

    return change


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
    hours = np.datetime64("2024-01-01T00") + np.arange(40 * 24) * np.timedelta64(1, "h")
    load = 1000 + 200 * np.sin(np.arange(len(hours)) * 2 * np.pi / 24)
    rows = [f"{hour},{value:.0f}" for hour, value in zip(np.datetime_as_string(hours, "s"), load)]
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
def test_the_commands_work(
    heading: str, commands: str, folder: Path, names_folder: Path, request: pytest.FixtureRequest
) -> None:
    script = typed(commands)
    if not script.strip():
        return
    address = request.getfixturevalue("base") if "prepare.py" in script or "data/" in script else ""
    run_commands(script, folder, shortened(address, names_folder))


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
    shorter = {
        "names": [],
        "energy": ["datamodule.lookback=24", "datamodule.stride=50"],
        "text_lines": ["datamodule.rendered_lines=16"],
    }
    for datamodule, overrides in shorter.items():
        done = run(
            "train.py", f"datamodule={datamodule}", "module=mine", f"hydra.searchpath=[file://{tmp_path / 'conf'}]",
            "trainer.max_steps=3", f"runs_dir={tmp_path / 'runs'}", "evaluate=[test]", "module.hidden_size=16",
            *overrides, variables={"PYTHONPATH": str(tmp_path)},
        )  # fmt: skip
        if datamodule == "names":
            folder = done.stdout.strip()
            answer = run("predict.py", folder, "Takahashi", "--allow", "mine", variables={"PYTHONPATH": str(tmp_path)})
            assert answer.stdout.startswith("> Takahashi")


def test_its_tables_are_those_of_the_results() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->" in text for name in readme.TABLES)
    assert readme.written(text) == text, "python -m benchmarks.readme writes them"
