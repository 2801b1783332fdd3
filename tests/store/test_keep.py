"""Backups that are proved before they are called so, what becomes of them, and the check-up."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.store import crash
from tests.store.crash import DESK_ID, FOUNDER, KEY
from tests.store.test_journal import change
from tests.store.test_tables import dump
from voltadesk.errors import BadInput, CheckFailed, VoltaDeskError
from voltadesk.store import keep
from voltadesk.store.audit import verify
from voltadesk.store.desk import Desk
from voltadesk.store.journal import DATABASE
from voltadesk.store.keep import backup, doctor, restore


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "desk"
    with Desk.create(folder, FOUNDER, KEY, desk_id=DESK_ID) as desk:
        desk.execute_many([crash.command(0, number) for number in range(20)])
    KEY.write(folder / "keys" / "olga.key")
    return folder


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")]}


# Backup, restore ------------------------------------------------------------------------------------------------------
def test_a_backup_is_a_desk(folder: Path, desk: Desk, tmp_path: Path) -> None:
    told = backup(folder, tmp_path / "copy")
    assert (told.entries, told.state_root) == (21, desk.state_root())
    assert modes(tmp_path / "copy") == {".": 0o700, "desk.anchor": 0o600, "desk.sqlite3": 0o600}
    assert dump(tmp_path / "copy") == dump(folder)
    desk.execute(crash.command(1, 0))
    with Desk.open(tmp_path / "copy") as copy:
        assert copy.journal.head().seq == 20
        assert copy.find(FOUNDER, "0-5") == desk.find(FOUNDER, "0-5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "desk"]


def test_a_backup_is_restored_with_its_keys_if_it_has_them(folder: Path, tmp_path: Path) -> None:
    backup(folder, tmp_path / "without")
    backup(folder, tmp_path / "with", with_keys=True)
    assert not (tmp_path / "without" / "keys").exists()
    told = restore(tmp_path / "with", tmp_path / "again")
    assert modes(tmp_path / "again") == {
        ".": 0o700, "desk.anchor": 0o600, "desk.sqlite3": 0o600, "keys": 0o700, "keys/olga.key": 0o600,
    }  # fmt: skip
    assert type(KEY).read(tmp_path / "again" / "keys" / "olga.key").public == KEY.public
    with Desk.open(tmp_path / "again") as desk:
        assert desk.execute(crash.command(1, 0)).seq == 21
        assert told.entries == 21


def test_a_backup_while_others_write(folder: Path, desk: Desk, tmp_path: Path) -> None:
    is_over = threading.Event()

    def write() -> None:
        number = 0
        while not is_over.is_set():
            desk.execute(crash.command(1, number))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            told = backup(folder, tmp_path / f"copy{number}")
            assert verify(tmp_path / f"copy{number}", with_tables=True) == told
    finally:
        is_over.set()
        writer.join()
    assert verify(folder).entries > told.entries - 1


def test_nothing_is_put_over_something(folder: Path, tmp_path: Path) -> None:
    before = modes(folder)
    for copy in (backup, restore):
        with pytest.raises(BadInput, match="must be new"):
            copy(folder, folder)
        with pytest.raises(BadInput, match="a folder that is there"):
            copy(folder, tmp_path / "no" / "where")
    with pytest.raises(BadInput, match="is not there"):
        backup(tmp_path, tmp_path / "copy")
    assert modes(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["desk"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE effect SET body = x'7b7d' WHERE seq = 7",
        "DELETE FROM posting WHERE entry = 7",
    ],
)
def test_what_is_not_whole_is_no_backup(folder: Path, tmp_path: Path, statement: str) -> None:
    change(folder / DATABASE, (statement, ()))
    for copy in (backup, restore):
        with pytest.raises(CheckFailed):
            copy(folder, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["desk"]


def test_a_full_disk_leaves_no_backup(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(VoltaDeskError, match="No space left"):
        backup(folder, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["desk"]


# Doctor ---------------------------------------------------------------------------------------------------------------
def bad(folder: Path) -> dict[str, str]:
    return {finding.check: finding.advice for finding in doctor(folder) if not finding.ok}


def test_a_desk_that_is_well(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "FREE_BYTES", 1)
    found = doctor(folder)
    assert [finding.check for finding in found] == [
        "mode of the folder", "mode of desk.sqlite3", "mode of desk.anchor", "mode of keys",
        "integrity", "schema", "anchor", "journal", "tables", "free disk",
    ]  # fmt: skip
    assert bad(folder) == {}
    with pytest.raises(BadInput, match="is not there"):
        doctor(folder / "keys")


def test_what_is_wrong_is_told_with_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "FREE_BYTES", 1)
    for name, mode in ((".", 0o755), (DATABASE, 0o644), ("keys", 0o750), ("keys/olga.key", 0o640)):
        os.chmod(folder / name, mode)
    change(folder / DATABASE, ("UPDATE posting SET amount = amount + 1 WHERE entry = 3", ()))
    found = bad(folder)
    assert set(found) == {
        "mode of the folder", "mode of desk.sqlite3", "mode of keys", "mode of keys/olga.key", "tables",
    }  # fmt: skip
    assert found["mode of keys/olga.key"].startswith("mode 0640: chmod 0600 ")
    assert found["tables"].endswith("run: voltadesk rebuild")
    monkeypatch.setattr(keep, "FREE_BYTES", 1 << 60)
    assert "are wanted: make room" in bad(folder)["free disk"]


@pytest.mark.parametrize(
    ("statement", "checks"),
    [
        ("UPDATE effect SET body = x'7b7d' WHERE seq = 7", {"journal", "tables"}),
        ("DELETE FROM entry WHERE seq = 20", {"integrity", "schema", "anchor", "journal", "tables"}),
        ("PRAGMA user_version = 0", {"schema"}),
    ],
)
def test_each_damage_has_its_finding(folder: Path, statement: str, checks: set[str]) -> None:
    change(folder / DATABASE, (statement, ()))
    assert set(bad(folder)) - {"free disk"} == checks


def test_no_secret_is_told(folder: Path, tmp_path: Path, capfd: Any) -> None:
    os.chmod(folder / "keys" / "olga.key", 0o644)
    secret = (folder / "keys" / "olga.key").read_text().split("secret ")[1].strip()
    assert secret not in repr(doctor(folder))
    backup(folder, tmp_path / "copy")
    assert not any(secret.encode() in path.read_bytes() for path in (tmp_path / "copy").iterdir())
    assert capfd.readouterr() == ("", "")
