"""Downloads against a real server on localhost that can break off, lie, and know or not know byte ranges."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from datamodules.errors import BadInput
from datamodules.files import download
from datamodules.files.download import RemoteFile, datasets, fetch, files_of

CONTENT = bytes(range(256)) * 2000


class Server(ThreadingHTTPServer):
    content = CONTENT
    ranges = True
    break_after: int | None = None  # bytes after which the next answer breaks off
    requests: list[str | None]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.requests.append(asked)
        if self.path.endswith("missing"):
            self.send_error(404)
            return
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        body = self.server.content[first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.break_after is not None:
            body, self.server.break_after = body[: self.server.break_after], None
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.requests = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def remote(server: Server, name: str = "names.txt", content: bytes = CONTENT) -> RemoteFile:
    url = f"http://127.0.0.1:{server.server_port}/{name}"
    return RemoteFile(name, len(content), hashlib.sha256(content).hexdigest(), url)


def test_a_file_is_fetched_once_and_verified(server: Server, tmp_path: Path) -> None:
    seen = []
    assert fetch(remote(server), tmp_path, progress=seen.append)
    assert (tmp_path / "names.txt").read_bytes() == CONTENT
    assert sum(seen) == len(CONTENT)
    assert not fetch(remote(server), tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_transfer_is_gone_on_with(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.ranges = ranges
    server.break_after = 100_000
    assert fetch(remote(server), tmp_path)
    assert server.requests == [None, "bytes=100000-"]
    assert (tmp_path / "names.txt").read_bytes() == CONTENT
    assert [p.name for p in tmp_path.iterdir()] == ["names.txt"]


def test_a_part_from_an_earlier_day_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".names.txt.part").write_bytes(CONTENT[:77])
    seen = []
    assert fetch(remote(server), tmp_path, progress=seen.append)
    assert server.requests == ["bytes=77-"]
    assert sum(seen) == len(CONTENT)


@pytest.mark.parametrize("served", [CONTENT[:-1] + b"x", CONTENT + b"more"])
def test_another_file_than_the_published_one_is_refused_and_not_kept(
    server: Server, tmp_path: Path, served: bytes
) -> None:
    server.content = served
    with pytest.raises(BadInput, match="not the published file"):
        fetch(remote(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_and_a_missing_server_are_sentences(server: Server, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(BadInput, match="missing: cannot be fetched"):
        fetch(remote(server, "missing"), tmp_path)
    monkeypatch.setattr(download, "TIMEOUT", 1.0)
    with pytest.raises(BadInput, match="cannot be fetched"):
        fetch(remote(server), tmp_path, base="http://127.0.0.1:9")


def test_a_file_of_that_name_that_is_another_is_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("mine")
    with pytest.raises(BadInput, match="differs from the published file"):
        fetch(remote(server), tmp_path)
    assert (tmp_path / "names.txt").read_text() == "mine"


def test_the_known_data_sets(real_data: Path) -> None:
    assert list(datasets()) == ["names", "energy", "ett"]
    for file in files_of("names"):
        content = (real_data / "names" / file.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.num_bytes, file.sha256)
    with pytest.raises(BadInput, match=r"did you mean 'names'\?"):
        files_of("name")
