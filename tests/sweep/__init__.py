"""Sweeps as processes of their own, and the processes that they start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.commands import PROGRAM
from tests.scenario import changed
from tests.test_interrupt import AS_FROM_A_SHELL

SMALL = changed(("days = 2", "days = 1"))
# A second or so for each replay, so that a sweep can be caught in the middle.
LONG = changed(("days = 2", "days = 30"), ("count = 3", "count = 400"), ("limit_kw = 50", "limit_kw = 5000"))


def scenario_file(folder: Path, text: str = SMALL) -> Path:
    path = folder / "town.toml"
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def a_sweep(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A sweep with a process group of its own; whatever is left of it is killed on the way out."""
    with subprocess.Popen(
        [sys.executable, "-c", AS_FROM_A_SHELL, PROGRAM, "headless", "sweep", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def workers_of(process: int) -> list[int]:
    """The worker processes of a sweep."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if parent == process and b"spawn_main" in words:
                found.append(int(entry.name))
    return found


def is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_for(is_so: Callable[[], bool], running: subprocess.Popen[str] | None = None) -> None:
    """Wait until something is so; the engine may have to be compiled first."""
    deadline = time.monotonic() + 180
    while not is_so():
        assert time.monotonic() < deadline, "did not come about"
        if running is not None:
            assert running.poll() is None, running.communicate()
        time.sleep(0.02)


def kept(folder: Path) -> int:
    """How many results a sweep has put on disk so far."""
    path = folder / "sweep.ndjson"
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.exists() else 0


def kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def tree_of(running: subprocess.Popen[str]) -> dict[str, object]:
    """What a sweep with --json -q wrote when it is done."""
    out, err = running.communicate(timeout=300)
    assert (running.returncode, err) == (0, ""), err
    return json.loads(out)
