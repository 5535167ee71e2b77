"""A real browser without a window: Chromium through its driver, which speaks the W3C WebDriver protocol."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_ports

#: JavaScript for the elements below `n`, those in shadow roots and frames among them, and for the text they show.
#: A page or a frame that has only begun to load has no body yet.
INSIDE = """
const inside = n => [...(n.shadowRoot ? n.shadowRoot.childNodes : []), ...n.childNodes,
                     ...(n.nodeName === 'IFRAME' ? [n.contentDocument?.body ?? null] : [])];
const all = n => n?.nodeType === 1 ? [n, ...inside(n).flatMap(all)] : [];
const text = n => n === null ? '' : n.nodeType === 3 ? n.data + ' '
    : ['STYLE', 'SCRIPT', 'TEMPLATE', 'NOSCRIPT'].includes(n.nodeName) ? '' : inside(n).map(text).join('');
const shown = () => text(document.body).replace(/\\s+/g, ' ');
"""
PHONE = (390, 844)
DESKTOP = (1280, 900)


class Browser:
    """One page in one window."""

    def __init__(self, address: str) -> None:
        self._address = address
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
        options = {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self._session = f"/session/{session['sessionId']}"

    def open(self, url: str, size: tuple[int, int] = DESKTOP, dark: bool = False) -> None:
        phone = size == PHONE
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setEmulatedMedia", {"features": [scheme]})
        self._call("POST", f"{self._session}/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a piece of JavaScript returns."""
        return self._call("POST", f"{self._session}/execute/sync", {"script": INSIDE + script, "args": list(arguments)})

    def wait_for(self, script: str, *arguments: Any, seconds: float = 30.0) -> Any:
        """The first truthy result of a script that is run again and again."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = self.run(script, *arguments)
            if found:
                return found
            time.sleep(0.2)
        raise AssertionError(f"never true: {script}\n{self.text()[:3000]}")

    def text(self) -> str:
        """All that can be read on the page."""
        return self.run("return shown();")

    def wait_for_text(self, words: str) -> None:
        self.wait_for("return shown().includes(arguments[0]);", words)

    def screenshot(self, path: Path, whole: bool = False) -> Path:
        """What is seen, or the whole page, as PNG."""
        data = self._devtools("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})["data"]
        path.write_bytes(base64.b64decode(data))
        return path

    def errors(self) -> list[str]:
        """What the page complained about in its console since the last call."""
        entries = self._call("POST", f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def close(self) -> None:
        self._call("DELETE", self._session)

    def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return self._call("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, content, {"Content-Type": "application/json"})
        request.method = method
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.read().decode()[:2000]}") from None


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser; the test is skipped with the reason where there is none."""
    driver = shutil.which("chromedriver")
    if driver is None or not (shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("no Chromium with its driver here (Debian: apt-get install chromium chromium-driver)")
    (port,) = free_ports(1)
    with process([driver, f"--port={port}"], lambda: answers(f"http://127.0.0.1:{port}/status")):
        opened = Browser(f"http://127.0.0.1:{port}")
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def process(command: list[str], is_up: Callable[[], bool], seconds: float = 60.0) -> Iterator[None]:
    """A server that runs until the block ends."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + seconds
        while not is_up():
            assert server.poll() is None, f"{command[0]} ended with {server.returncode}"
            assert time.monotonic() < until, f"{command[0]} did not come up"
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait(20)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False
