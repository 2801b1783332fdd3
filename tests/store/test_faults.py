"""Storage that fails or lies, and programs at fault: what is acknowledged stays, what is not known is said so."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from tests.store import crash
from tests.store.crash import FOUNDER, signed
from tests.store.server import BOTH
from voltadesk.desk.ledger import Posting
from voltadesk.errors import CheckFailed, VoltaDeskError
from voltadesk.store import journal as journal_module
from voltadesk.store.anchor import NOTHING, Head
from voltadesk.store.audit import verify
from voltadesk.store.desk import Desk, InvariantBroken, OutcomeUnknown
from voltadesk.store.journal import DATABASE, checked
from voltadesk.store.keep import doctor
from voltadesk.store.keys import Key
from voltadesk.store.machine import MESSAGE_LIMIT, SignedCommand, key_text
from voltadesk.store.work import DENIALS_LIMIT

PAGE = 4096
ANN = Key.from_seed(b"a" * 32)


# Commits --------------------------------------------------------------------------------------------------------------
@BOTH
@pytest.mark.parametrize("is_written", [True, False], ids=["after it took effect", "before it took effect"])
def test_an_error_at_the_commit(folder: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch, is_written: bool) -> None:
    """The outcome is found by the key where it took effect; else it is unknown, and asking again carries it out."""
    real, failures = journal_module.writing, [sqlite3.OperationalError("disk I/O error")]

    @contextmanager
    def failing(engine: Engine) -> Iterator[Connection]:
        with real(engine) as connection:
            yield connection
            if failures and not is_written:
                raise OperationalError("COMMIT", (), failures.pop())
        if failures:
            raise OperationalError("COMMIT", (), failures.pop())

    monkeypatch.setattr(journal_module, "writing", failing)
    command = signed("k", "fund.invest", amount="1")
    if is_written:
        first = desk.execute(command)
    else:
        with pytest.raises(OutcomeUnknown, match=r"ask again with the same key: .*disk I/O error"):
            desk.execute(command)
        first = desk.execute(command)
    assert (first.seq, first.outcome) == (1, "done")
    assert desk.execute(command) == first
    assert verify(folder, with_tables=True).entries == 2


@pytest.mark.parametrize(("call", "number"), [("fdatasync", errno.EIO), ("pwrite", errno.ENOSPC)])
@pytest.mark.parametrize("lasts", [False, True], ids=["once", "lasting"])
def test_the_anchor_can_not_be_written(
    folder: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch, call: str, number: int, lasts: bool
) -> None:
    real: Callable[..., Any] = getattr(os, call)
    failures = [1] * (1000 if lasts else 1)

    def fail(*given: Any) -> Any:
        if failures:
            failures.pop()
            raise OSError(number, os.strerror(number))
        return real(*given)

    command = signed("k", "fund.invest", amount="1")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        if lasts:
            with pytest.raises(OutcomeUnknown, match=os.strerror(number)):
                desk.execute(command)
        else:
            assert desk.execute(command).seq == 1
    assert desk.execute(command).seq == 1
    with Desk.open(folder) as other:
        assert other.execute(command).seq == 1
    assert verify(folder).entries == 2


def test_an_answer_after_a_failed_commit_is_committed_once_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the last step of a commit failed, what can be read could still be undone by a power cut."""
    settled, settle = [], journal_module.Journal.settle
    monkeypatch.setattr(journal_module.Journal, "settle", lambda journal: (settled.append(1), settle(journal)))
    real, failures = os.fdatasync, [1]

    def fail(file: int) -> None:
        if failures:
            failures.pop()
            raise OSError(errno.EIO, "Input/output error")
        real(file)

    monkeypatch.setattr(os, "fdatasync", fail)
    desk.execute(signed("k", "fund.invest", amount="1"))
    assert settled == [1]
    counter = [int.from_bytes(desk.journal.path.read_bytes()[24:28], "big")]  # SQLite's count of transactions written
    desk.journal.settle()
    counter.append(int.from_bytes(desk.journal.path.read_bytes()[24:28], "big"))
    assert counter[1] == counter[0] + 1
    assert desk.journal.verify() == 2


def test_a_full_disk_while_tables_are_written(folder: Path, desk: Desk) -> None:
    root = desk.state_root()
    with desk.journal._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 8}")
    commands = [signed(str(number), "fund.invest", amount="1") for number in range(200)]
    with pytest.raises(VoltaDeskError, match=r"nothing was written: .*full"):
        desk.execute_many(commands)
    assert desk.state_root() == root
    assert verify(folder, with_tables=True).entries == 1


# Programs at fault ----------------------------------------------------------------------------------------------------
def test_a_broken_invariant_writes_nothing_and_is_said(
    folder: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = desk.state_root()
    good, bad = signed("1", "fund.invest", amount="1"), signed("2", "market.halt", reason="x")
    with monkeypatch.context() as patch:
        from voltadesk.desk import book

        def halt(self: Any, entry: int, *rest: Any) -> dict[str, Any]:
            self.ledger.post(entry, [Posting("fund:cash:free", "EUR", 1)])
            return {}

        patch.setitem(book._HANDLERS, "market.halt", halt)
        with pytest.raises(InvariantBroken, match=r"nothing was written, .* EUR sums to 1, not 0") as caught:
            desk.execute_many([good, bad])
    assert caught.value.exit_code == 4
    assert (desk.state_root(), desk.find(FOUNDER, "1")) == (root, None)
    assert desk.execute(good).outcome == "done"
    assert verify(folder, with_tables=True).entries == 2


# Denials --------------------------------------------------------------------------------------------------------------
def test_a_run_of_denials_stops_being_journaled(folder: Path, desk: Desk) -> None:
    """Whoever has no rights can't fill the disk; what is denied is answered all the same."""
    forged = [SignedCommand(FOUNDER, f"f{n}", "fund.invest", {"amount": "1"}, b"") for n in range(DENIALS_LIMIT + 50)]
    receipts = desk.execute_many(forged[:70]) + [desk.execute(command) for command in forged[70:]]
    assert {receipt.outcome for receipt in receipts} == {"denied:BAD_ACTOR"}  # type: ignore[union-attr]
    assert [receipt.seq for receipt in receipts] == [*range(1, 101), *[-1] * 50]  # type: ignore[union-attr]
    assert desk.journal.head().seq == DENIALS_LIMIT
    with Desk.open(folder) as other:
        assert other.execute(forged[0]).seq == -1
        assert other.execute(signed("k", "fund.invest", amount="x")).seq == 101  # any other outcome ends the run
        assert other.execute(forged[0]).seq == 102
    desk.refresh()
    assert desk.execute(forged[1]).seq == 103
    assert verify(folder).denied == DENIALS_LIMIT + 2


def test_a_denial_that_is_not_journaled_uses_up_no_key(desk: Desk) -> None:
    desk.execute(signed("ann", "actor.add", name="ann", public_key=key_text(ANN.public)))
    for number in range(DENIALS_LIMIT + 1):
        last = desk.execute(signed(f"{number}", "market.halt", by="ann", private=ANN, reason="no"))
    assert (last.seq, last.outcome, last.effects["code"]) == (-1, "denied:DENIED", "DENIED")
    assert desk.find("ann", f"{DENIALS_LIMIT}") is None
    desk.execute(signed("role", "role.grant", actor="ann", role="operator"))
    assert desk.execute(signed(f"{DENIALS_LIMIT}", "market.halt", by="ann", private=ANN, reason="no")).outcome == "done"


def test_a_refused_command_of_unusual_length_is_not_journaled(folder: Path, desk: Desk) -> None:
    """Only a settlement may be long: nobody without the right to post one can write megabytes with each attempt."""
    desk.execute(signed("ann", "actor.add", name="ann", public_key=key_text(ANN.public)))
    head = desk.journal.head().seq
    for number, given in enumerate(({"community": "c" * MESSAGE_LIMIT}, {"x": "y" * MESSAGE_LIMIT})):
        receipt = desk.execute(signed(f"{number}", "community.post", by="ann", private=ANN, **given))
        assert (receipt.seq, receipt.outcome) == (-1, "rejected:BAD_VALUE")
    assert desk.journal.head().seq == head
    assert verify(folder, with_tables=True).entries == head + 1


# Delegated keys -------------------------------------------------------------------------------------------------------
def test_a_delegated_key_signs_what_it_was_given(folder: Path, desk: Desk) -> None:
    robot = Key.from_seed(b"r" * 32)
    given = {"public_key": key_text(robot.public), "kinds": ["market.halt"], "until": "2026-01-01T00:00Z"}
    assert desk.execute(signed("d", "actor.delegate", **given)).outcome == "done"
    commands = [
        signed("1", "market.halt", private=robot, reason="x"),
        signed("2", "market.resume", private=robot),
        signed("3", "fund.invest", private=robot, amount="1"),
        signed("4", "actor.rotate-key", private=robot, public_key=key_text(ANN.public)),
    ]
    denied = "denied:BAD_ACTOR"
    assert [desk.execute(command).outcome for command in commands] == ["done", denied, denied, denied]
    late = signed("5", "market.halt", private=robot, reason="y")
    assert desk.execute(late, time_utc=1_767_225_600).outcome == denied  # 2026-01-01T00:00Z
    assert desk.execute(signed("6", "market.halt", reason="y")).outcome == "done"
    many = [signed(f"m{n}", "market.halt", private=robot, reason="x") for n in range(250)]
    assert {desk.execute(command).outcome for command in many[:3]} == {denied}  # time never goes back
    assert verify(folder).entries == 11


# Bits -----------------------------------------------------------------------------------------------------------------
ROWS = """
    SELECT entry.seq, leaf, entry.body, effect.body, actor, idempotency_key
    FROM entry LEFT JOIN effect ON effect.seq = entry.seq ORDER BY entry.seq
"""
USED = "SELECT actor, idempotency_key, seq FROM entry INDEXED BY sqlite_autoindex_entry_1 ORDER BY 1, 2, 3"


@pytest.fixture(scope="module")
def image(made: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database of about 64 KiB with a journal and nothing else."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("image") / "desk"))
    with Desk.open(folder) as desk:
        desk.execute_many([crash.command(0, number) for number in range(86)])
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as raw:
        names = [row[0] for row in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for name in set(names) - {"entry", "effect"}:
            raw.execute(f"DROP TABLE {name}")
        raw.execute("VACUUM")
    data = (folder / DATABASE).read_bytes()
    assert 15 <= len(data) // PAGE <= 17
    return data


def opened(data: bytes) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(data)
    return connection


def found_by(data: bytes, rows: list[Any], used: list[Any]) -> str:
    """What finds that the file is not what it was: the chain, SQLite's own check, or nothing; then nothing is lost."""
    connection = opened(data)
    try:
        got, head = connection.execute(ROWS).fetchall(), Head(-1, NOTHING)
        if got != rows:
            for row in got:
                entry = checked(row, head)
                head = Head(entry.seq, entry.leaf)
            assert head != Head(rows[-1][0], rows[-1][1]), "a changed journal passes for the one that was anchored"
            return "anchor"
        if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            return "integrity"
        assert connection.execute(USED).fetchall() == used
        return "harmless"
    except CheckFailed:
        return "chain"
    except (sqlite3.Error, UnicodeDecodeError):
        return "SQLite"
    finally:
        connection.close()


def test_every_single_bit_flip_in_64_kib_is_found(image: bytes) -> None:
    """Bits inside what is hashed are tried by the hash alone, all others by reading the whole file anew."""
    with closing(opened(image)) as connection:
        rows, used = connection.execute(ROWS).fetchall(), connection.execute(USED).fetchall()
    inside = bytearray(len(image))
    counts: Counter[str] = Counter()
    head = Head(-1, NOTHING)
    for seq, leaf, body, effects, *rest in rows:
        blobs = [leaf, body, effects]
        for column, blob in enumerate(blobs):
            at = image.find(blob)
            if len(blob) < 32 or image.find(blob, at + 1) >= 0:
                continue  # stands there twice: tried the long way
            inside[at : at + len(blob)] = b"\1" * len(blob)
            for bit in range(8 * len(blob)):
                flipped = bytearray(blob)
                flipped[bit >> 3] ^= 1 << (bit & 7)
                try:
                    checked((seq, *blobs[:column], bytes(flipped), *blobs[column + 1 :], *rest), head)
                except CheckFailed:
                    counts["chain"] += 1
        head = Head(seq, leaf)
    assert counts["chain"] == 8 * sum(inside)
    sample = random.Random(1).sample([at for at, is_inside in enumerate(inside) if is_inside], 100)
    stride = int(os.environ.get("VOLTADESK_FLIPS", "16"))  # 1: every byte of the rest
    rest_of = [at for at, is_inside in enumerate(inside) if not is_inside]
    for at in (*sample, *rest_of[::stride]):
        for bit in range(8):
            flipped = bytearray(image)
            flipped[at] ^= 1 << bit
            what = found_by(bytes(flipped), rows, used)
            assert not inside[at] or what == "chain"
            counts[what] += 1
    print(f"{sum(counts.values())} flips of {8 * len(image)}: {dict(counts)}")


def test_a_flipped_bit_anywhere_in_the_file_is_a_finding_or_harmless(folder: Path, desk: Desk) -> None:
    desk.execute_many([crash.command(0, number) for number in range(30)])
    desk.close()
    path = folder / DATABASE
    image, whole = path.read_bytes(), verify(folder, with_tables=True)
    bits = random.Random(2).sample(range(8 * len(image)), 60) + random.Random(3).sample(range(8 * PAGE), 40)
    bad = []
    for bit in bits:
        flipped = bytearray(image)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        path.write_bytes(flipped)
        advice = [finding.advice for finding in doctor(folder) if not finding.ok and finding.check != "free disk"]
        assert not any("\n" in line for line in advice)
        if advice:
            bad.append(bit)
        else:
            assert verify(folder, with_tables=True) == whole
    assert 20 < len(bad) < 100
