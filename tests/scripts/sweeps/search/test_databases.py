"""Two machines on one study, over a real database server, where Debian's PostgreSQL is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_ports
from tests.scripts.sweeps.search.test_study import LISTS, run, search_in

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL server of its own, on this machine only."""
    pytest.importorskip("psycopg", reason="psycopg, PostgreSQL's driver, is not installed")
    if not PROGRAMS:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    (port,) = free_ports(1)
    folder = tmp_path / "database"
    folder.mkdir()
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
        for parent in [tmp_path, *tmp_path.parents[:3]]:
            parent.chmod(parent.stat().st_mode | 0o055)
    control = str(PROGRAMS[-1] / "pg_ctl")
    subprocess.run(
        [*as_user, str(PROGRAMS[-1] / "initdb"), "-D", folder, "--auth=trust", "-U", "study", "--no-sync"],
        check=True, capture_output=True, cwd="/",
    )  # fmt: skip
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    start = [*as_user, control, "-D", str(folder), "-w", "-o", options, "-l", str(folder / "log"), "start"]
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    yield f"postgresql+psycopg://study@127.0.0.1:{port}/postgres"
    subprocess.run([*as_user, control, "-D", str(folder), "-m", "immediate", "stop"], check=True, cwd="/")


@pytest.mark.filterwarnings("ignore")
def test_two_machines_share_a_study_in_postgresql(database: str, tmp_path: Path) -> None:
    one = search_in(tmp_path / "one", LISTS, storage=database, trials=6)
    two = search_in(tmp_path / "two", LISTS, storage=database, trials=6)
    jobs = []
    while (first := one.next()) is not None:
        second = two.next()
        for search, job in ((one, first), (two, second)):
            if job is not None:
                run(search, job)
                jobs.append(job)
    assert len(jobs) == 6
    assert [trial.state.name for trial in two.study.trials] == ["COMPLETE"] * 6
    assert {trial.user_attrs["sweep"] for trial in two.study.trials} == {str(tmp_path / "one"), str(tmp_path / "two")}
