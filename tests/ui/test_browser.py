"""The desk in a real browser: `voltadesk serve`, and headless Chromium on its page."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytest.importorskip("textual_serve", reason="the extra web is not installed")
browser_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
WAIT_S = 120


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """The address of a server that is up, with its own folders."""
    homes = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("STATE", "CONFIG", "DATA")}
    port = free_port()
    words = [sys.executable, "-m", "voltadesk", "serve", "--port", str(port), *options]
    process = subprocess.Popen(words, env=os.environ | homes, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + WAIT_S
    try:
        while True:
            assert process.poll() is None
            try:
                urlopen(address, timeout=5).close()
                break
            except URLError:
                assert time.monotonic() < until
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


class Page:
    """A page in Chromium: the addresses it asked for, and what its terminal was sent."""

    def __init__(self, page: Any) -> None:
        self.page, self.asked, self.sent = page, [], ""
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda websocket: websocket.on("framereceived", self._receive))

    def _receive(self, data: str | bytes) -> None:
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        self.sent += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)

    def wait(self, words: str) -> None:
        """Wait until the terminal was sent some words."""
        until = time.monotonic() + WAIT_S
        while words not in self.sent:
            assert time.monotonic() < until, f"{words!r} was not shown: {self.sent[-2000:]}"
            self.page.wait_for_timeout(50)

    def press(self, key: str) -> None:
        """Press a key; what was sent before is forgotten."""
        self.sent = ""
        self.page.keyboard.press(key)


@contextmanager
def page_of(address: str) -> Iterator[Page]:
    with browser_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = Page(chromium.new_page(viewport={"width": 1500, "height": 900}))
        page.page.goto(address, wait_until="domcontentloaded")
        try:
            page.wait("LIVE")
            page.page.wait_for_selector(".xterm-screen")
            page.page.click(".xterm-screen")
            yield page
        finally:
            chromium.close()


def test_the_page_shows_the_desk_and_does_not_trade(tmp_path: Path) -> None:
    with served(tmp_path) as address, page_of(address) as page:
        page.wait("trial desk")
        page.press("3")
        page.wait("Net asset value")
        page.press("b")
        page.wait("this screen only shows")
        shot = page.page.screenshot()
        assert len(set(shot)) > 200, "the page is not blank"
        outside = [url for url in page.asked if not url.startswith((address, "data:", "blob:"))]
        assert not outside, "a desk on this machine asks nobody else"


def test_trading_from_the_page_when_it_is_asked_for(tmp_path: Path) -> None:
    with served(tmp_path, "--trade") as address, page_of(address) as page:
        page.press("b")
        page.wait("kWh")


def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    with served(tmp_path) as address:
        port = int(address.rpartition(":")[2])
        own = socket.gethostbyname(socket.gethostname())
        if own.startswith("127."):
            pytest.skip("this machine has no other address")
        with socket.socket() as other:
            assert other.connect_ex((own, port)) != 0
