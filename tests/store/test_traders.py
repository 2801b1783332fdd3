"""Processes are killed while people and scripts trade in order books."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.store.server import BOTH
from tests.store.traders import NAMES, command
from voltadesk.desk import continuous_audit
from voltadesk.store.audit import rebuild, verify
from voltadesk.store.desk import Desk

ROOT = Path(__file__).parent.parent.parent


@BOTH
def test_kill_9_while_people_and_scripts_trade(url: str) -> None:
    """What was acknowledged is there; books, positions and what is held add up, and the journal gives them again."""
    memory = Path("/dev/shm")  # noqa: S108  # a killed process loses nothing that a disk would keep
    home = Path(tempfile.mkdtemp(prefix="voltadesk-traders-", dir=memory if memory.is_dir() else None))
    try:
        folder = home / "desk"
        kills = 20 if url else 40
        arguments = [sys.executable, "-m", "tests.store.traders", str(folder), str(kills), "1", *([url] if url else [])]
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["kills"] == kills
        with Desk.open(folder) as desk:
            market = desk.book.market
            assert market is not None
            continuous_audit.audit(market.continuous, desk.book.ledger)
            desk.book.ledger.audit()
            for writer, count in enumerate(told["acknowledged"]):
                assert count, f"{NAMES[writer]} got nothing done"
                entries = [desk.journal.find(NAMES[writer], f"{writer}-{number}") for number in range(count)]
                for number, entry in enumerate(entries):
                    assert entry is not None, "what was acknowledged is lost"
                    assert entry.fields["command"] == command(writer, number).body
            for more in range(30):  # it goes on as if nothing had been
                for writer, count in enumerate(told["acknowledged"]):
                    desk.execute(command(writer, count + more))
            continuous_audit.audit(market.continuous, desk.book.ledger)
            trades, root = desk.tape(), desk.state_root()
            assert trades, "nobody met anybody"
        assert verify(folder, with_tables=True).state_root == root
        assert rebuild(folder).state_root == root
        with Desk.open(folder) as desk:  # from nothing but the journal
            assert desk.state_root() == root
            assert desk.tape() == trades
    finally:
        shutil.rmtree(home)
