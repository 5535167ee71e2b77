"""Run the shell commands of a document with a real bash, and the project's commands in this process.

bash does what a person's shell does (quoting, variables, pipes, `$(...)`); its `python scripts/...` is a function that
hands arguments, standard input and environment to this process and waits for the output.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.commands import execute

#: `python` asks for a command of the project through the queue; any other Python program is a process.
FUNCTION = """
set -euo pipefail
python() {
  case "$1" in
    scripts/*.py) ;;
    *) "$PYTHON" "$@"; return ;;
  esac
  local place; place=$(mktemp -d "$QUEUE/XXXXXX")
  printf '%s\\0' "$@" > "$place/argv"
  pwd > "$place/folder"
  env -0 > "$place/environment"
  cat > "$place/stdin"
  mkfifo "$place/status"
  echo "$place" > "$QUEUE/requests"
  local status; read -r status < "$place/status"
  cat "$place/stderr" >&2
  cat "$place/stdout"
  return "$status"
}
"""

#: Variables that are the shell's own.
SHELL = ("_", "PWD", "OLDPWD", "SHLVL", "PYTHON", "QUEUE")

Change = Callable[[str, list[str]], list[str]]


def run_commands(commands: str, folder: Path, change: Change = lambda script, arguments: arguments) -> str:
    """Run commands in a folder; what they wrote to standard error.

    Args:
        commands: lines of bash.
        folder: working directory, with the project's `scripts` in it.
        change: script name and arguments -> arguments to run it with.
    """
    with TemporaryDirectory() as queue:
        os.mkfifo(Path(queue) / "requests")
        requests = os.open(Path(queue) / "requests", os.O_RDWR)  # so that it never ends
        environment = {**os.environ, "PYTHON": sys.executable, "QUEUE": queue}
        with (
            open(Path(queue) / "out", "w+") as out,
            open(Path(queue) / "err", "w+") as err,
            subprocess.Popen(
                ["bash", "-c", FUNCTION + commands],
                cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            ) as bash,
        ):  # fmt: skip
            while bash.poll() is None:
                if select.select([requests], [], [], 0.05)[0]:
                    for place in os.read(requests, 4096).decode().split():
                        _answer(Path(place), change)
            os.close(requests)
            out.seek(0)
            err.seek(0)
            message = err.read()
            assert bash.returncode == 0, f"{commands}\n{out.read()}\n{message}"
            assert "Traceback" not in message, message
            return message


def _answer(place: Path, change: Change) -> None:
    """Run what one call of `python` asks for, and let it go on."""
    script, *arguments = (place / "argv").read_bytes().decode().split("\0")[:-1]
    pairs = (pair.split("=", 1) for pair in (place / "environment").read_bytes().decode().split("\0")[:-1])
    given = {key: value for key, value in pairs if os.environ.get(key) != value and key not in SHELL}
    name = Path(script).name
    done = execute(
        name, *change(name, arguments),
        stdin=(place / "stdin").read_text(), folder=Path((place / "folder").read_text().strip()),
        variables=given,
    )  # fmt: skip
    (place / "stdout").write_text(done.stdout)
    (place / "stderr").write_text(done.stderr)
    (place / "status").write_text(f"{done.returncode}\n")
