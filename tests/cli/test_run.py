"""`voltadesk headless run`: the desk's market moves, by one process, and nothing acknowledged is lost."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.answers import refused, tree
from tests.cli.conftest import asking
from tests.commands import PROGRAM
from tests.test_interrupt import AS_FROM_A_SHELL
from voltadesk.desk.ledger import LedgerError
from voltadesk.store.desk import Desk


class Disk(NamedTuple):
    """What `shutil.disk_usage` tells."""

    total: int
    used: int
    free: int


def started(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", AS_FROM_A_SHELL, PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(running: subprocess.Popen[str]) -> None:
    """Let go of a process, whatever it does."""
    running.kill()
    with running:
        pass


def kinds(folder: Path) -> list[tuple[str, str, str]]:
    with Desk.open(folder) as desk:
        fields = [entry.fields for entry in desk.journal.tail()]
    return [(row["kind"], row["key"], row["outcome"]) for row in fields if row["kind"].startswith("market.")]


def test_intervals_are_signed_one_by_one(market: Path) -> None:
    done = asking(market)("headless", "run", "--until", "2026-05-25T02:00", "--json")
    told = tree(done)
    assert (told["intervals"], told["from_utc"], told["next_utc"]) == (4, "2026-05-24T23:00Z", "2026-05-25T00:00Z")
    assert "street: 4 intervals" in done.err
    assert kinds(market)[-1] == ("market.advance", "advance-2026-05-24T23:45Z", "done")
    assert asking(market)("headless", "run", "--intervals", 1, "-q").err == ""


def test_it_goes_on_after_a_halt_and_a_resume(market: Path) -> None:
    """Keys of intervals that were refused are used up, and do not stand in the way."""
    ask = asking(market)
    assert ask("market", "set", "--band-high=-400").code == 0
    line = refused(ask("headless", "run", "--intervals", 3, "-q"), 7)
    assert line.startswith("HALTED: kind = market.advance: must wait until the desk is resumed (halted: price ")
    assert refused(ask("headless", "run", "--intervals", 3, "-q"), 7).startswith("HALTED")
    assert ask("market", "resume").code == 0
    assert ask("market", "set", "--band-high=4000").code == 0
    assert ask("headless", "run", "--intervals", 40, "-q").code == 0
    with Desk.open(market) as desk:
        assert desk.book.market is not None
        assert desk.book.market.next == 45
    assert ask("journal", "verify", "--quick").code == 0


def test_a_key_that_was_used_up_by_a_refusal_is_passed_by(market: Path) -> None:
    ask = asking(market)
    assert ask("market", "halt").code == 0
    from voltadesk.cli.session import Session

    at = Session(folder=market)
    start = "2026-05-24T23:00Z"
    at.desk.execute(at.seat.sign("market.advance", {"interval": start}, f"advance-{start}"))
    at.close()
    assert ask("market", "resume").code == 0
    assert ask("headless", "run", "--intervals", 1, "-q").code == 0
    assert kinds(market)[-1][1:] == (f"advance-{start}-after-7", "done")


def test_a_full_disk_halts_the_desk(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Disk(1 << 40, 1 << 39, 10 << 20))
    ask = asking(market)
    assert "(halted: disk nearly full: 10 MiB free)" in refused(ask("headless", "run", "-q"), 7)
    assert tree(ask("market", "show", "--json"))["halted"] == "disk nearly full: 10 MiB free"


def test_a_broken_invariant_halts_the_desk(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise LedgerError("EUR sums to 1, not 0")

    ask = asking(market)
    with monkeypatch.context() as patch:
        patch.setattr("voltadesk.desk.interval._settle_others", fail)
        patch.setattr("voltadesk.store.desk.Desk._replay", replay_without(patch))
        line = refused(ask("headless", "run", "--intervals", 1, "-q"), 7)
    assert "EUR sums to 1, not 0" in line
    assert "EUR sums to 1, not 0" in tree(ask("market", "show", "--json"))["halted"]


def test_a_broken_invariant_of_any_command_halts_the_desk(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise LedgerError("holdings and shares issued differ")

    ask = asking(market)
    with monkeypatch.context() as patch:
        patch.setattr("voltadesk.desk.fund.Fund.cancel_redemption", fail)
        assert "holdings and shares issued differ" in refused(ask("fund", "cancel", 1), 4)
    assert "holdings and shares issued differ" in tree(ask("market", "show", "--json"))["halted"]


def replay_without(patch: pytest.MonkeyPatch) -> Any:
    """Replaying as it is without the fault, which only the command shall meet."""
    from voltadesk.desk import interval

    replay, sound = Desk._replay, _SETTLE

    def replayed(self: Desk) -> None:
        faulty, interval._settle_others = interval._settle_others, sound
        try:
            replay(self)
        finally:
            interval._settle_others = faulty

    return replayed


def test_only_one_process_holds_the_clock(market: Path) -> None:
    running = started("headless", "run", "--desk", market, "-q")
    ask = asking(market)
    try:
        _wait_for_more(market, running)
        line = refused(ask("headless", "run", "--intervals", 1, "-q"), 7)
        assert line.endswith(f"process {running.pid} holds the market's clock: only one can advance it")
        assert ask("market", "set", "--margin", "2").code == 0  # others may work meanwhile
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    finally:
        ended(running)
    assert (running.returncode, out, err) == (130, "", "voltadesk: interrupted\n")
    assert tree(ask("journal", "verify", "--json"))["carried_out"] is True
    assert tree(ask("headless", "run", "--intervals", 1, "-q", "--json"))["intervals"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_end_at_any_moment_loses_nothing(number: signal.Signals, market: Path) -> None:
    running = started("headless", "run", "--desk", market, "-q")
    try:
        seen = _wait_for_more(market, running)
        running.send_signal(number)
        running.communicate(timeout=30)
    finally:
        ended(running)
    assert running.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    told = tree(asking(market)("journal", "verify", "--json"))
    assert told["entries"] >= seen
    assert asking(market)("headless", "run", "--intervals", 1, "-q").code == 0


def _wait_for_more(folder: Path, running: subprocess.Popen[str]) -> int:
    """Wait until a process has advanced the market of a desk; returns how many entries there are."""
    deadline = time.monotonic() + 120  # the engine may have to be compiled first
    with Desk.open(folder) as desk:
        size = desk.journal.head().seq
        while not desk.journal.is_behind():
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        desk.refresh()
        assert desk.journal.head().seq > size
        return desk.journal.head().seq + 1


def _settle() -> Any:
    from voltadesk.desk import interval

    return interval._settle_others


_SETTLE = _settle()
