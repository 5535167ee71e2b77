"""Run the project's commands: in this process where the command is what is tested, as a process where that is.

`run` executes a script's file as `__main__`, with the arguments, working directory, environment and standard streams
of a process of its own, and restores what a command changes.  It saves the six seconds of CPU time that importing
torch, Lightning and Hydra takes.  `run_process` starts a real process: for signals, pipes, exit statuses, launchers
and what depends on which modules are imported.
"""

from __future__ import annotations

import io
import os
import runpy
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from tests.process_state import restored_process_state, shared_fork_server

PROJECT = Path(__file__).resolve().parents[1]

#: Width that tables are drawn for.
ENVIRONMENT = {"COLUMNS": "160"}


def run(
    script: str,
    *arguments: object,
    stdin: str = "",
    status: int = 0,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """`python scripts/<script> <arguments>` in this process; another exit status than expected fails the test.

    Args:
        script: file name in `scripts/`.
        arguments: of the command line.
        stdin: text on standard input.
        status: the exit status that is expected.
        folder: working directory; the project's root if None.
        variables: added to the environment.
    """
    return _checked(execute(script, *arguments, stdin=stdin, folder=folder, variables=variables), status)


def execute(
    script: str,
    *arguments: object,
    stdin: str = "",
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """The same with any exit status."""
    path = PROJECT / "scripts" / script
    argv = [str(path), *map(str, arguments)]
    given = (variables or {}).get("PYTHONPATH", "").split(os.pathsep)
    places = [str((folder or PROJECT) / place) for place in given if place]
    with restored_process_state(), _modules_of(places), _standard_streams(stdin) as (out, err):
        os.chdir(folder or PROJECT)
        os.environ.update({**ENVIRONMENT, **(variables or {})})
        sys.argv[:] = argv
        sys.path[:0] = [str(path.parent), *places]
        with shared_fork_server():
            returncode = _exit_status(path)
    return subprocess.CompletedProcess(argv, returncode, out.getvalue(), err.getvalue())


@contextmanager
def _modules_of(places: list[str]) -> Iterator[None]:
    """Forget modules that are imported from folders outside of the project: the next test may have others."""
    before = set(sys.modules)
    try:
        yield
    finally:
        outside = [path for path in map(Path.resolve, map(Path, places)) if not path.is_relative_to(PROJECT)]
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and any(Path(file).resolve().is_relative_to(place) for place in outside):
                del sys.modules[name]


def run_process(
    script: str,
    *arguments: object,
    stdin: str = "",
    status: int = 0,
    folder: Path | None = None,
    timeout: float = 240,
    torchrun: int = 0,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """The same as a process of its own.

    Args:
        timeout: seconds after which the process is ended and the test fails.
        torchrun: number of processes to start it as, by torchrun.
    """
    python = [sys.executable, *(["-m", "torch.distributed.run", f"--nproc-per-node={torchrun}"] if torchrun else [])]
    done = subprocess.run(
        [*python, str(PROJECT / "scripts" / script), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=folder or PROJECT,
        env={**os.environ, **ENVIRONMENT, **(variables or {})},
    )
    return _checked(done, status)


def wait_for(condition: Callable[[], object], log: Path | None = None, seconds: float = 60) -> None:
    """Until something holds that a process brings about; the test fails after some seconds, with what its log says."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, log.read_text() if log and log.exists() else "nothing was written"
        time.sleep(0.3)


def _checked(done: subprocess.CompletedProcess[str], status: int) -> subprocess.CompletedProcess[str]:
    assert done.returncode == status, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def _exit_status(path: Path) -> int:
    """Execute a file as `__main__`; its exit status, as Python's own interpreter determines it."""
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    return 0


class _Captured:
    """What was written to a file descriptor; readable when the streams are restored."""

    def __init__(self) -> None:
        self.text = ""

    def getvalue(self) -> str:
        return self.text


@contextmanager
def _standard_streams(stdin: str) -> Iterator[tuple[_Captured, _Captured]]:
    """Replace descriptors 0, 1 and 2, so that output of libraries and of child processes is captured too."""
    captured = _Captured(), _Captured()
    streams = sys.stdin, sys.stdout, sys.stderr
    for stream in streams[1:]:
        stream.flush()
    kept = [os.dup(number) for number in range(3)]
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(stdin.encode())
        given.seek(0)
        try:
            for number, file in enumerate((given, out, err)):
                os.dup2(file.fileno(), number)
            sys.stdin = _text(0, "rb")
            sys.stdout, sys.stderr = _text(1, "wb", write_through=True), _text(2, "wb", write_through=True)
            yield captured
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            sys.stdin, sys.stdout, sys.stderr = streams
            for number, descriptor in enumerate(kept):
                os.dup2(descriptor, number)
                os.close(descriptor)
            for result, file in zip(captured, (out, err)):
                file.seek(0)
                result.text = file.read().decode(errors="replace")


def _text(descriptor: int, mode: str, **settings: bool) -> io.TextIOWrapper:
    """A standard stream; the descriptor is not closed with it."""
    opened = os.fdopen(descriptor, mode, closefd=False)
    return io.TextIOWrapper(opened, encoding="utf-8", errors="backslashreplace", **settings)  # type: ignore[arg-type]
