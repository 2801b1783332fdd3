"""Snapshots: they save reading, and nothing else ever depends on them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tests.store import crash
from tests.store.crash import DESK_ID, FOUNDER, KEY
from tests.store.test_journal import change
from voltadesk.errors import CheckFailed
from voltadesk.store import desk as desk_module
from voltadesk.store import snapshot
from voltadesk.store.audit import verify
from voltadesk.store.desk import Desk
from voltadesk.store.journal import DATABASE, Entry
from voltadesk.store.machine import Machine


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "EVERY", 100)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk of 41 entries, with a snapshot after entry 30: its fund has investors, a queue and dividends."""
    folder = tmp_path_factory.mktemp("made") / "desk"
    with Desk.create(folder, FOUNDER, KEY, desk_id=DESK_ID) as desk, pytest.MonkeyPatch.context() as patch:
        desk.execute_many([crash.command(0, number) for number in range(20)])
        patch.setattr(snapshot, "EVERY", 100)
        desk.execute_many([crash.command(1, number) for number in range(10)])
        patch.setattr(snapshot, "EVERY", 10**9)
        desk.execute_many([crash.command(2, number) for number in range(10)])
    return folder


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The numbers of the entries that are carried out again."""
    numbers: list[int] = []
    replay = Machine.replay

    def note(machine: Machine, entry: Entry, *rest: Any, **given: Any) -> None:
        numbers.append(entry.seq)
        replay(machine, entry, *rest, **given)

    monkeypatch.setattr(Machine, "replay", note)
    return numbers


def seqs(folder: Path) -> list[int]:
    with Desk.open(folder) as desk, desk.journal.reading() as connection:
        return list(connection.exec_driver_sql("SELECT seq FROM snapshot").scalars())


def test_opening_reads_on_from_the_snapshot(made: Path, folder: Path, replayed: list[int]) -> None:
    with Desk.open(folder) as desk:
        assert replayed == list(range(31, 41))
        root, tree, machine = desk.state_root(), desk.journal.root(), desk._machine
        assert desk.journal.root(41) == tree
    change(folder / DATABASE, ("DELETE FROM snapshot", ()))
    replayed.clear()
    with Desk.open(folder) as desk:
        assert replayed == list(range(41))
        assert (desk.state_root(), desk.journal.root()) == (root, tree)
        assert (desk._machine.time_utc, desk._machine.denials) == (machine.time_utc, machine.denials)
        assert json.dumps(desk.book.state(), sort_keys=True) == json.dumps(machine.book.state(), sort_keys=True)  # type: ignore[union-attr]
    assert verify(folder).state_root == root


def test_a_snapshot_takes_the_place_of_older_ones(folder: Path) -> None:
    assert seqs(folder) == [30]
    with Desk.open(folder) as desk:
        desk.execute_many([crash.command(3, number) for number in range(10)])
    assert seqs(folder) == [50]


def test_one_is_written_by_who_had_to_read_much(folder: Path, replayed: list[int]) -> None:
    change(folder / DATABASE, ("DELETE FROM snapshot", ()))
    with Desk.open(folder):
        pass
    replayed.clear()
    with Desk.open(folder):
        assert replayed == []
    assert seqs(folder) == [40]


CHANGES = [
    "UPDATE snapshot SET state = zeroblob(length(state))",
    "UPDATE snapshot SET seq = 29",
    "UPDATE snapshot SET leaf = zeroblob(32)",
    "UPDATE snapshot SET tree = x''",
    "UPDATE snapshot SET sha256 = zeroblob(32)",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_a_bad_one_is_passed_over(folder: Path, replayed: list[int], statement: str) -> None:
    with Desk.open(folder) as desk:
        root = desk.state_root()
    change(folder / DATABASE, (statement, ()))
    replayed.clear()
    with Desk.open(folder) as desk:
        assert replayed == list(range(41))
        assert desk.state_root() == root


@pytest.mark.parametrize("what", ["money", "form", "tree"])
def test_one_with_a_checksum_of_its_own_is_passed_over_too(folder: Path, replayed: list[int], what: str) -> None:
    """Whoever changes the state can change the checksum, but not what the entry says its root is."""
    with Desk.open(folder) as desk, desk.journal.reading() as connection:
        seq, leaf, tree, state, _ = connection.exec_driver_sql("SELECT * FROM snapshot").one()
    kept = json.loads(state)
    if what == "money":
        kept["fund"]["reserve_bp"] = 1
    if what == "form":
        kept["ledger"]["balances"] = [1]
    state = json.dumps(kept).encode()
    tree = tree[:32] if what == "tree" else tree
    parts = (str(seq).encode(), leaf, tree, state)
    checksum = sha256(b"".join(sha256(part).digest() for part in parts)).digest()
    row = (tree, state, checksum)
    change(folder / DATABASE, ("UPDATE snapshot SET tree = ?, state = ?, sha256 = ?", row))
    replayed.clear()
    with Desk.open(folder):
        assert replayed == list(range(41))


def test_a_forged_tree_is_found_by_verification(folder: Path) -> None:
    """A tree of other leaves with its checksum would make wrong checkpoints."""
    with Desk.open(folder) as desk, desk.journal.reading() as connection:
        seq, leaf, tree, state, _ = connection.exec_driver_sql("SELECT * FROM snapshot").one()
    tree = bytes(32) + tree[32:]
    checksum = sha256(b"".join(sha256(part).digest() for part in (str(seq).encode(), leaf, tree, state))).digest()
    change(folder / DATABASE, ("UPDATE snapshot SET tree = ?, sha256 = ?", (tree, checksum)))
    with pytest.raises(CheckFailed, match="the snapshot after entry 30 was changed"):
        verify(folder)


def test_where_none_can_be_written_the_desk_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any) -> None:
        raise OperationalError("INSERT", (), Exception("disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr(desk_module.snapshot, "save", fail)
        with Desk.open(folder) as desk:
            receipts = desk.execute_many([crash.command(3, number) for number in range(30)])
            assert desk.execute(crash.command(3, 30)).seq == 71
            assert len(receipts) == 30
    assert verify(folder).entries == 72


def test_what_came_after_a_snapshot_is_still_checked(folder: Path) -> None:
    change(folder / DATABASE, ("UPDATE effect SET body = x'7b7d' WHERE seq = 35", ()))
    with pytest.raises(CheckFailed, match="entry 35"):
        Desk.open(folder)


def test_what_came_before_one_is_checked_by_verification(folder: Path) -> None:
    change(folder / DATABASE, ("UPDATE effect SET body = x'7b7d' WHERE seq = 5", ()))
    Desk.open(folder).close()
    with pytest.raises(CheckFailed, match="entry 5"):
        verify(folder)
