"""`voltadesk journal …`: what happened, to look at, to prove and to check."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from decimal import Decimal
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from tests.cli.answers import parsed, refused, tree
from tests.cli.conftest import asking
from tests.cli.test_run import ended, started
from tests.commands import call
from voltadesk.store.desk import Desk
from voltadesk.store.note import ConsistencyProof, InclusionProof, Verifier, verify_checkpoint


def test_tail_tells_the_last_entries(plain: Path) -> None:
    told = tree(asking(plain)("journal", "tail", "--limit", 2, "--json"))["entries"]
    assert [row["entry"] for row in told] == [4, 5]
    assert told[1]["command"] == {"actor": "bob", "role": "investor"}
    assert tree(asking(plain)("journal", "tail", "--limit", 0, "--json"))["entries"] == []
    assert len(tree(asking(plain)("journal", "tail", "--actor", "owner", "--json"))["entries"]) == 6


def test_ones_own_trades_come_with_their_receipts(market: Path) -> None:
    ask = asking(market)
    assert ask("home", "set", "flat-1", "--owner", "carl").code == 0
    ask("order", "place", "buy", "0.2", "--as", "mara", "--json")
    assert ask("headless", "run", "--intervals", 1, "-q").code == 0
    told = tree(ask("journal", "tail", "--actor", "mara", "--json"))
    (receipt,) = [row for row in told["trades"] if row["market"] == "auction"]
    assert (receipt["actor"], receipt["energy_kwh"]) == ("mara", Decimal("0.2"))
    assert receipt["amount"] < 0
    assert "receipts" in ask("journal", "tail", "--actor", "mara").out
    homes = tree(ask("journal", "tail", "--actor", "carl", "--json"))["trades"]
    assert {row["participant"] for row in homes} == {"home:flat-1"}


@pytest.mark.parametrize("as_json", [True, False])
def test_follow_sees_what_others_write_within_200_ms(as_json: bool, plain: Path) -> None:
    options = ["--json"] if as_json else []
    running = started("journal", "tail", "--follow", "--limit", "1", "--desk", str(plain), *options)
    lines: Queue[tuple[float, str]] = Queue()

    def read() -> None:
        assert running.stdout is not None
        for line in running.stdout:
            lines.put((time.monotonic(), line))

    Thread(target=read, daemon=True).start()
    try:
        while "bob" not in lines.get(timeout=30)[1]:
            pass
        ask, late_s = asking(plain), []
        for n in range(5):
            with Desk.open(plain):
                pass  # imports are no part of what is measured
            assert ask("fund", "invest", 5 + n, "--as", "ann").code == 0
            written = time.monotonic()
            while True:
                seen, line = lines.get(timeout=10)
                if "fund.invest" in line:
                    break
            late_s.append(seen - written)
            if as_json:
                assert parsed(line)["command"] == {"amount": str(5 + n)}
        assert sorted(late_s)[2] < 0.2  # a busy machine may hold up one of them
        running.send_signal(signal.SIGINT)
        running.wait(timeout=10)
    finally:
        ended(running)
    assert running.returncode == 130


def test_a_note_of_today_proves_next_year(plain: Path, tmp_path: Path) -> None:
    ask = asking(plain)
    made = ask("journal", "checkpoint", "--as", "ann")
    note, verifier = tmp_path / "ann.note", made.err.split()[-1]
    note.write_text(made.out)
    checkpoint = verify_checkpoint(made.out, Verifier.parse(verifier))
    assert checkpoint.size == 6
    assert ask("fund", "invest", 5, "--as", "ann").code == 0
    assert ask("actor", "rotate-key", "--as", "ann").code == 0
    for options in ([], ["--quick", "--verifier", verifier]):
        assert tree(ask("journal", "verify", "--against", note, "--json", *options))["entries"] == 8
    assert tree(ask("journal", "verify", "--against", note, "--quick", "--json"))["carried_out"] is False
    proof = ask("journal", "prove", "--since", note, "--as", "ann")
    signer = Verifier.parse(ask("journal", "checkpoint", "--as", "ann").err.split()[-1])
    assert ConsistencyProof.parse(proof.out).verify(checkpoint, signer).size == 8
    inclusion = InclusionProof.parse(ask("journal", "prove", 6, "--as", "ann").out)
    assert inclusion.verify(signer).size == 8
    assert json.loads(inclusion.entry or b"")["kind"] == "fund.invest"
    by_stdin = call("journal", "verify", "--quick", "--against", "-", "--desk", plain, stdin=note.read_text())
    assert by_stdin.code == 0


def test_another_desks_note_and_a_changed_one(plain: Path, market: Path, tmp_path: Path) -> None:
    note = tmp_path / "x.note"
    note.write_text(asking(market)("journal", "checkpoint").out)
    assert "is not signed by anyone who had a key of this desk" in refused(
        asking(plain)("journal", "verify", "--against", note), 4
    )
    text = asking(plain)("journal", "checkpoint", "--as", "ann").out
    note.write_text(text.replace("\n6\n", "\n5\n"))
    assert "its signature by" in refused(asking(plain)("journal", "verify", "--against", note), 4)
    note.write_text("nonsense\n")
    assert "checkpoint = " in refused(asking(plain)("journal", "verify", "--against", note), 3)
    note.write_text(text)
    line = refused(asking(plain)("journal", "verify", "--against", note, "--verifier", "me"), 3)
    assert line.startswith("verifier key = ")


def test_a_history_cut_short_is_caught_by_an_old_note(plain: Path, tmp_path: Path) -> None:
    """Everything put back as it was before, its anchor too: only who kept a note can tell."""
    ask, note = asking(plain), tmp_path / "ann.note"
    before = {path: path.read_bytes() for path in plain.glob("desk.*")}
    ask("fund", "invest", 5, "--as", "ann")
    note.write_text(ask("journal", "checkpoint").out)
    for path, data in before.items():
        path.write_bytes(data)
    assert ask("journal", "verify").code == 0
    line = refused(ask("journal", "verify", "--against", note, "--quick"), 4)
    assert line == "the journal holds 6 entries, the checkpoint 7"


def test_a_changed_entry_is_found(plain: Path) -> None:
    with sqlite3.connect(plain / "desk.sqlite3") as connection:
        connection.execute("UPDATE effect SET body = x'7b7d' WHERE seq = 5")
    connection.close()
    ask = asking(plain)
    done = ask("journal", "verify")
    assert (done.code, "entry 5: what it did was changed" in done.err) == (4, True)
    assert "entry 5" in ask("doctor").err


def test_verify_takes_another_process(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    run = subprocess.Popen

    def remember(arguments: list[str], **given: object) -> object:
        ran.append(arguments)
        return run(arguments, **given)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", remember)
    told = tree(asking(plain)("journal", "verify", "--json"))
    assert len(ran) == 1
    with Desk.open(plain) as desk:
        assert (told["entries"], told["state_root"]) == (6, desk.state_root())


def test_a_state_that_differs_from_the_journals_is_found(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Desk, "state_root", lambda self: "0" * 64)
    assert refused(asking(plain)("journal", "verify"), 4).startswith(f"the state after entry 5 is {'0' * 64} here")
