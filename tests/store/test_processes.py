"""Several processes on one desk: one holds the market's clock, all see what the others write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.store import crash
from tests.store.server import BOTH
from voltadesk.store.desk import Desk
from voltadesk.store.keys import Refused
from voltadesk.store.machine import SignedCommand

ROOT = Path(__file__).parent.parent.parent
HOLDER = """
import sys
from pathlib import Path
from voltadesk.store.desk import Desk
with Desk.open(Path(sys.argv[1])) as desk, desk.clock():
    print("held", flush=True)
    sys.stdin.read()
"""
WRITER = """
import sys, time
from pathlib import Path
from tests.store import crash
from voltadesk.store.desk import Desk
with Desk.open(Path(sys.argv[1])) as desk:
    print("open", flush=True)
    for number, _ in enumerate(sys.stdin):
        desk.execute(crash.command(0, number))
        print(time.monotonic(), flush=True)
"""
BATCH = """
import sys
from pathlib import Path
from tests.store import crash
from voltadesk.store.desk import Desk
with Desk.open(Path(sys.argv[1])) as desk:
    print("open", flush=True)
    assert len(desk.execute_many([crash.command(6, number) for number in range(400)])) == 400
"""


def start(script: str, folder: Path) -> subprocess.Popen[str]:
    """A process of its own, once it has said its first line."""
    command = [sys.executable, "-c", script, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline().strip() in {"held", "open"}
    return process


def test_one_process_holds_the_clock(folder: Path, desk: Desk) -> None:
    other = start(HOLDER, folder)
    with pytest.raises(Refused, match=f"process {other.pid} holds the market's clock") as caught, desk.clock():
        pass
    assert caught.value.exit_code == 7
    other.communicate(timeout=10)
    with desk.clock():
        with Desk.open(folder) as second, pytest.raises(Refused, match=f"process {os.getpid()} "), second.clock():
            pass
        late = subprocess.run([sys.executable, "-c", HOLDER, str(folder)], capture_output=True, text=True, cwd=ROOT)
        assert f"process {os.getpid()} holds" in late.stderr
    assert (folder / "desk.clock").stat().st_mode & 0o777 == 0o600


def test_a_process_that_is_killed_lets_go_of_the_clock(folder: Path, desk: Desk) -> None:
    other = start(HOLDER, folder)
    os.kill(other.pid, signal.SIGKILL)
    other.communicate(timeout=10)
    with desk.clock():
        pass


def test_a_second_process_notices_within_200_ms(folder: Path, desk: Desk) -> None:
    other = start(WRITER, folder)
    assert other.stdin is not None
    assert other.stdout is not None
    assert desk.wait(0.05) == 0
    late_s = []
    for _ in range(10):
        other.stdin.write("\n")
        other.stdin.flush()
        while not desk.wait(5):
            pass
        seen = time.monotonic()
        late_s.append(seen - float(other.stdout.readline()))
    other.communicate(timeout=10)
    assert sorted(late_s)[5] < 0.2, f"noticed after {late_s} s"
    assert desk.journal.head().seq == 10
    with Desk.open(folder) as opened:
        assert opened.state_root() == desk.state_root()


def test_waiting_ends_with_its_time(desk: Desk) -> None:
    begun = time.monotonic()
    assert desk.wait(0.1) == 0
    assert 0.1 <= time.monotonic() - begun < 5


@BOTH
def test_what_was_committed_but_not_acknowledged_is_read_by_the_next_writer(folder: Path, desk: Desk) -> None:
    anchor = (folder / "desk.anchor").read_bytes()
    with Desk.open(folder) as other:
        other.execute(crash.command(0, 0))
    (folder / "desk.anchor").write_bytes(anchor)  # as after a crash between commit and anchor
    assert desk.wait(0.05) == 0
    desk.execute(crash.command(0, 1))
    assert desk.journal.head().seq == 2


@BOTH
def test_large_batches_of_two_processes(folder: Path, desk: Desk) -> None:
    """Signatures of a large batch are checked by helpers, of which each process has its own."""
    other = start(BATCH, folder)
    receipts = desk.execute_many([crash.command(5, number) for number in range(400)])
    other.communicate(timeout=30)
    assert other.returncode == 0
    assert {getattr(receipt, "outcome", "") for receipt in receipts} == {"done", "rejected:BAD_VALUE"}
    desk.refresh()
    assert desk.journal.head().seq == 800


def test_the_helpers_answer_is_not_taken_for_another_question(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question cut short leaves an answer in the pipe: its helpers are ended, and forged commands stay denied."""
    from voltadesk.store import signatures

    good = [crash.command(7, number) for number in range(300)]
    with monkeypatch.context() as patch:
        patch.setattr(signatures.Checking, "_read", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            desk.execute_many(good)
    forged = [SignedCommand(c.actor, f"f{n}", c.kind, c.body, c.signature) for n, c in enumerate(good)]
    outcomes = {getattr(receipt, "outcome", "") for receipt in desk.execute_many(forged)}
    assert outcomes == {"denied:BAD_ACTOR"}


def test_a_helper_that_ends_is_done_without(desk: Desk) -> None:
    from voltadesk.store import signatures

    desk.execute_many([crash.command(8, number) for number in range(250)])
    for helper in signatures._helpers:
        helper.kill()
        helper.wait()
    for _ in range(2):
        receipts = desk.execute_many([crash.command(9, number) for number in range(250)])
        assert {getattr(receipt, "outcome", "") for receipt in receipts} == {"done", "rejected:BAD_VALUE"}
