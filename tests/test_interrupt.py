"""Ctrl+C and SIGTERM end a replay with their exit code and one line, and leave nothing of it behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands import PROGRAM

# A background job's SIGINT is ignored, and its children inherit that; a user's shell hands on neither. A process of its
# own undoes it, as code between fork and exec (`preexec_fn`) may wait for ever on a lock of this process's threads.
AS_FROM_A_SHELL = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, set())
os.execv(sys.argv[1], sys.argv[1:])
"""


@contextmanager
def a_run_into(folder: Path, sign: str) -> Iterator[subprocess.Popen[str]]:
    """A long replay, once the sign of its being under way is in the folder; killed at the latest on the way out."""
    with subprocess.Popen(
        [sys.executable, "-c", AS_FROM_A_SHELL, PROGRAM, "headless", "replay", "city", "-q", "--out", folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            deadline = time.monotonic() + 180  # the engine may have to be compiled first
            while not list(folder.glob(sign)):
                assert running.poll() is None, running.communicate()[1]
                assert time.monotonic() < deadline, f"{sign} did not appear"
                time.sleep(0.02)
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("sign", [".voltadesk-*", ".voltadesk-*/part-*"], ids=["begun", "writing"])
def test_an_interrupted_run_leaves_nothing(number: signal.Signals, code: int, sign: str, tmp_path: Path) -> None:
    with a_run_into(tmp_path / "a" / "out", sign) as running:
        running.send_signal(number)
        errors = running.communicate(timeout=60)[1]
    assert (running.returncode, errors) == (code, "voltadesk: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_a_second_signal_does_not_disturb_the_tidying(tmp_path: Path) -> None:
    with a_run_into(tmp_path / "a" / "out", ".voltadesk-*/part-*") as running:
        for _ in range(20):
            running.send_signal(signal.SIGINT)
            time.sleep(0.002)
        errors = running.communicate(timeout=60)[1]
    # Python gives up its handlers before the process is gone; a signal so late ends it as it ends any program.
    assert running.returncode in (130, -signal.SIGINT)
    assert errors == "voltadesk: interrupted\n"
    assert list(tmp_path.iterdir()) == []
