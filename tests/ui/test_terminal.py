"""The real program in a real terminal: a tmux window of its own server, keys sent to it, its cells read back."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import call
from voltadesk.store.clock import held_clock, holder

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
WAIT_S = 90  # the first start on a machine compiles the exchange


class Terminal:
    """A tmux window of so many cells."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self.socket, (self.w, self.h) = str(folder / "tmux"), size
        self.environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-S", self.socket, "-f", "/dev/null", *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def start(self, *words: str) -> None:
        program = f"{sys.executable} -m voltadesk {' '.join(words)}; echo ended $?; sleep 60"
        self._tmux("new-session", "-d", "-x", str(self.w), "-y", str(self.h), program)
        self._tmux("set", "-g", "status", "off")

    def keys(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def text(self) -> str:
        return self._tmux("capture-pane", "-p")

    def wait(self, words: str, absent: str = "\0") -> str:
        """The screen once it shows some words and not others."""
        until = time.monotonic() + WAIT_S
        while words not in (text := self.text()) or absent in text:
            assert time.monotonic() < until, f"{words!r} was not shown:\n{text}"
            time.sleep(0.05)
        return text

    def resize(self, w: int, h: int) -> None:
        self._tmux("resize-window", "-x", str(w), "-y", str(h))

    def end(self) -> None:
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    for name in ("STATE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    for name in ("VOLTADESK_DESK", "VOLTADESK_AS", "TMUX", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    made = Terminal(tmp_path, (140, 40))
    yield made
    made.end()


def test_a_desk_to_try(terminal: Terminal) -> None:
    terminal.start("tui", "--speed", "max")
    first = terminal.wait("● LIVE")
    assert "[trial desk" in first  # with more words where there is room
    assert "Price" in first
    terminal.wait("2026-05-26")  # the day ahead is run, and it goes on
    terminal.keys("3")
    terminal.wait("Net asset value")
    terminal.keys("Space")
    terminal.wait("‖ paused")
    terminal.keys("[")
    terminal.wait("↺ REPLAY")
    terminal.keys("L")
    terminal.wait("● LIVE")
    for size in ((200, 56), (80, 24), (100, 30)):
        terminal.resize(*size)
        time.sleep(0.5)
        lines = terminal.wait("● LIVE").splitlines()
        assert max(map(len, lines)) <= size[0]
    terminal.keys("C-k")
    terminal.wait("market.halt")
    terminal.keys("fire drill", "Enter")
    terminal.wait("enter sends")
    terminal.keys("halt", "Enter")
    terminal.wait("■ HALTED  fire drill")
    terminal.keys("C-q")
    terminal.wait("ended 0")


def test_what_is_wrong_is_one_line_and_an_exit_code(terminal: Terminal) -> None:
    terminal.start("tui", "--theme", "sepia")
    text = terminal.wait("ended 3")
    assert "voltadesk: theme = sepia: must be one of dark, light, high-contrast, classic" in text
    assert "Traceback" not in text


def test_without_a_terminal_it_says_what_to_do(terminal: Terminal) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "voltadesk", "tui"],
        env=terminal.environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "voltadesk: tui needs a terminal; voltadesk headless --help works without one\n"


def test_one_s_own_desk_is_found_kept_and_gone_on_with(terminal: Terminal) -> None:
    assert call("init").code == 0
    terminal.start("tui")
    text = terminal.wait("● LIVE")
    assert "trial" not in text
    assert "‖ paused" in text
    terminal.keys("]")
    terminal.wait("00:15:00")
    terminal.keys("C-q")
    terminal.wait("ended 0")
    assert "2026-05-24T22:15Z" in call("market", "show", "--json").out


def test_a_market_that_is_killed_leaves_a_screen_that_says_so(terminal: Terminal) -> None:
    _, market = playing(terminal)
    os.kill(market, signal.SIGKILL)
    for size in ((140, 40), (80, 24)):
        terminal.resize(*size)
        terminal.wait("■ the market's process was ended by signal 9: open the desk again")
    terminal.keys("4")  # read from the tables, as before
    terminal.wait("Receipts")
    terminal.keys("C-q")
    assert "voltadesk: the market's process was ended by signal 9" in terminal.wait("ended 1")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_screen_that_is_killed_leaves_no_market_behind(terminal: Terminal, number: signal.Signals) -> None:
    screen, market = playing(terminal)
    os.kill(screen, number)
    text = terminal.wait(f"ended {128 + number}")
    assert "Traceback" not in text
    until = time.monotonic() + WAIT_S
    while Path(f"/proc/{market}").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    with held_clock(desk_of(terminal)):  # nobody has it any more
        pass


def desk_of(terminal: Terminal) -> Path:
    return Path(terminal.environment["XDG_DATA_HOME"]) / "voltadesk" / "desk"


def playing(terminal: Terminal) -> tuple[int, int]:
    """A desk of one's own whose market is run; the processes of its screen and of its market."""
    assert call("init").code == 0
    terminal.start("tui", "--speed", "max")
    terminal.wait("‖ paused")
    terminal.keys("Space")
    until = time.monotonic() + WAIT_S
    while (market := holder(desk_of(terminal))) is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    about = Path(f"/proc/{market}/stat").read_text("utf-8")
    return int(about.rpartition(")")[2].split()[1]), market


@pytest.mark.parametrize(
    ("before", "ended"), [([], (-signal.SIGHUP, 129)), (["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"], (129,))]
)
def test_it_ends_with_a_terminal_that_goes_without_a_signal(
    before: list[str], ended: tuple[int, ...], terminal: Terminal
) -> None:
    outside, inside = pty.openpty()
    with subprocess.Popen(
        [*before, sys.executable, "-m", "voltadesk", "tui"],
        stdin=inside, stdout=inside, stderr=inside, env=terminal.environment,
    ) as process:  # fmt: skip
        os.close(inside)
        shown, until = b"", time.monotonic() + WAIT_S
        while b"VOLTADESK" not in shown:
            assert time.monotonic() < until
            shown = shown[-4096:] + os.read(outside, 65_536)
        os.close(outside)
        try:
            assert process.wait(WAIT_S) in ended
        finally:
            process.kill()
