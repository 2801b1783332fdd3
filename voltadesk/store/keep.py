"""Keeping a desk: copies that are proved before they are called copies, and a check-up of all there is.

A backup is a folder like a desk's: the database and its anchor. It has been opened, carried out again from its first
entry and compared when `backup` returns. Private keys are left out unless asked for: whoever has them acts as their
actors.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from voltadesk.errors import BadInput, CheckFailed, NoAnswer, VoltaDeskError
from voltadesk.store.anchor import Anchor, Head, anchor_path
from voltadesk.store.audit import Verified, verify
from voltadesk.store.database import (
    DATABASE,
    NAMED,
    SCHEMA,
    database_path,
    dialect_at,
    dialect_of,
    discard,
    is_projected,
    sync_folder,
)
from voltadesk.store.journal import Journal

KEYS = "keys"  # the folder of private keys in a desk's
FREE_BYTES = 1 << 30  # less than this on the disk is a finding


class Finding(NamedTuple):
    """One check of `doctor`: what was looked at, whether it is well, and what to do if not."""

    check: str
    ok: bool
    advice: str


def backup(folder: Path, target: Path, with_keys: bool = False) -> Verified:
    """Copy a desk into a new folder, open the copy, carry it out again and compare it; the desk may be in use.

    The copy is an SQLite file, whatever the desk is kept in.

    Raises BadInput when there is something at the target, CheckFailed when the desk or the copy is not whole. There is
    no target then.
    """
    return _copy(folder, target, with_keys)


def restore(backup_folder: Path, target: Path, url: str = "") -> Verified:
    """Put a backup in a new place, proved like a backup before it stands there; its keys too, if it holds any.

    With the URL of a PostgreSQL database, that is what holds the desk then; else a file does, as in every backup.
    Raises as `backup` does. What was acknowledged after the backup is not in it.
    """
    return _copy(backup_folder, target, with_keys=True, url=url)


def doctor(folder: Path) -> list[Finding]:
    """Check all there is of a desk; whatever is wrong is a finding, not an error.

    Raises BadInput when there is no desk at all, NoAnswer when its database doesn't answer.
    """
    if not database_path(folder).is_file():
        raise BadInput("desk", folder.name, "is not there", str(folder.parent))
    return [
        *_modes(folder),
        _finding("integrity", "restore a backup", lambda: _check_integrity(folder)),
        _finding("schema", "use the program that wrote it, or run: voltadesk rebuild", lambda: _check_schema(folder)),
        _finding("anchor", "restore a backup; find out who replaced the file", lambda: _check_anchor(folder)),
        _finding("journal", "restore a backup; compare with a checkpoint", lambda: _check_journal(folder)),
        _finding("tables", "run: voltadesk rebuild", lambda: verify(folder, with_tables=True)),
        _space(folder),
    ]


# Copies ---------------------------------------------------------------------------------------------------------------
def _copy(folder: Path, target: Path, with_keys: bool, url: str = "") -> Verified:
    """Copy into a folder beside the target, prove it, then give it the target's name."""
    if target.exists() or target.is_symlink():
        raise BadInput("folder", target.name, "must be new", str(target.parent))
    if not target.parent.is_dir():
        raise BadInput("folder", target.name, "must stand in a folder that is there", str(target.parent))
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    beside.mkdir(mode=0o700)
    try:
        head = _copy_database(folder, beside, url)
        if with_keys and (folder / KEYS).is_dir():
            _copy_keys(folder / KEYS, beside / KEYS)
        verified = verify(beside, with_tables=True)
        if verified.entries != head.seq + 1:
            raise CheckFailed(f"the copy holds {verified.entries} entries, the desk held {head.seq + 1}")
        sync_folder(beside)
        os.rename(beside, target)
        sync_folder(target.parent)
    except BaseException as error:
        discard(beside)
        if isinstance(error, OSError):
            raise VoltaDeskError(f"{target}: {error.strerror}") from None
        raise
    return verified


def _copy_database(folder: Path, target: Path, url: str) -> Head:
    """Copy the database as it is at one moment and anchor the copy at its last entry, which is returned."""
    path = target / (NAMED if url else DATABASE)
    with Journal.open(database_path(folder)) as journal:
        head = journal.copy_to(path, url)
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
    with closing(Anchor.create(anchor_path(path))) as anchor:
        anchor.write(head)
    return head


def _copy_keys(source: Path, target: Path) -> None:
    target.mkdir(mode=0o700)
    for path in sorted(source.glob("*.key")):
        file = os.open(target / path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as made:
            made.write(path.read_bytes())
            made.flush()
            os.fsync(file)
    sync_folder(target)


# Check-up -------------------------------------------------------------------------------------------------------------
def _finding(check: str, advice: str, look: object) -> Finding:
    assert callable(look)
    try:
        look()
    except NoAnswer:
        raise  # nothing can be said of the desk then
    except VoltaDeskError as error:
        return Finding(check, False, f"{error}; {advice}")
    return Finding(check, True, "")


def _modes(folder: Path) -> Iterator[Finding]:
    """Nobody else may read a desk's files, or enter the folder of its keys."""
    for name in ("", database_path(folder).name, anchor_path(Path(DATABASE)).name, KEYS):
        path = folder / name
        if path.exists():
            mode, wanted = stat.S_IMODE(path.stat().st_mode), 0o700 if path.is_dir() else 0o600
            open_for = "" if not mode & 0o077 else f"mode {mode:04o}: chmod {wanted:04o} {path}"
            yield Finding(f"mode of {name or 'the folder'}", not open_for, open_for)
    for path in sorted((folder / KEYS).glob("*.key")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & 0o077:
            yield Finding(f"mode of {KEYS}/{path.name}", False, f"mode {mode:04o}: chmod 0600 {path}")


def _check_integrity(folder: Path) -> None:
    with Journal.open(database_path(folder)) as journal, journal.reading() as connection:
        dialect_of(connection).check(connection)


def _check_schema(folder: Path) -> None:
    with Journal.open(database_path(folder)) as journal, journal.reading() as connection:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        if version != SCHEMA[-1] or not is_projected(connection):
            raise CheckFailed(f"the schema is {version}, its tables are not filled")


def _check_anchor(folder: Path) -> None:
    Journal.open(database_path(folder)).close()


def _check_journal(folder: Path) -> None:
    with Journal.open(database_path(folder)) as journal:
        journal.verify()


def _space(folder: Path) -> Finding:
    path = database_path(folder)
    free, size = shutil.disk_usage(folder).free, dialect_at(path).size(path)
    wanted = max(FREE_BYTES, 2 * size)  # a backup or a rebuild takes as much again
    advice = f"{free >> 20} MiB are free, {wanted >> 20} are wanted: make room"
    return Finding("free disk", free >= wanted, "" if free >= wanted else advice)
