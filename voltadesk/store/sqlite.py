"""A desk's database as an SQLite file: how it is opened, what makes a commit survive a power cut.

Python's sqlite3 opens transactions late and SQLAlchemy lets it: two processes that read, then write, lose updates
without an error. Here a transaction begins when it is begun, and a writing one takes the write lock at once.
Nothing else in the process may open the file: closing it would drop the locks that SQLite holds on it.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from voltadesk.errors import BadInput, CheckFailed, VoltaDeskError
from voltadesk.store.dialect import BUSY_MS, SCHEMA_MARK, Dialect, cause_of, no_desk

WAL_IS_SAFE = (3, 51, 3)  # before it, two writers in WAL could corrupt the file

_SYNCHRONOUS = {"full": 2, "extra": 3}


class SQLite(Dialect):
    """See `Dialect`."""

    like = "{} LIKE ? ESCAPE '\\'"
    listed = listed_numbers = "SELECT value FROM json_each(?)"
    body = "CAST(entry.body AS TEXT)"
    time_utc = f"json_extract({body}, '$.time_utc')"
    said = f"json_extract({body}, '$.kind', '$.outcome', '$.actor', '$.command')"
    leaf = "lower(hex(entry.leaf))"

    def holds(self, column: str, text: str) -> str:
        return f"instr({column}, {text})"

    def minute(self, moment: str) -> str:
        return f"strftime('%Y-%m-%d %H:%M', {moment}, 'unixepoch')"

    def place(self, path: Path, url: str) -> None:
        """A new file, mode 0600."""
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            raise BadInput("desk", path.name, "is there already", str(path.parent)) from None
        except OSError as error:
            raise VoltaDeskError(f"{path}: {error.strerror}") from None
        os.chmod(path, 0o600)  # whatever the umask took away

    def engine(self, path: Path, is_new: bool) -> Engine:
        engine = create_engine(
            f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000}
        )

        @event.listens_for(engine, "connect")
        def _connect(connection: sqlite3.Connection, record: object) -> None:
            connection.isolation_level = None  # sqlite3 begins nothing by itself
            try:
                is_desk = connection.execute("PRAGMA application_id").fetchone()[0] == SCHEMA_MARK
                if not is_desk and not is_new:
                    raise no_desk(path, "is no desk")
                _set_up(connection)
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                raise no_desk(path, "is no desk") from None

        return engine

    def begin(self, connection: Connection, is_reading: bool) -> None:
        connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")

    def claim(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA application_id = {SCHEMA_MARK}")

    def is_projected(self, connection: Connection) -> bool:
        return connection.exec_driver_sql("PRAGMA user_version").scalar() == 1

    def set_projected(self, connection: Connection, is_so: bool) -> None:
        connection.exec_driver_sql(f"PRAGMA user_version = {is_so:d}")

    def settle(self, connection: Connection) -> None:
        """Write what stands there already: SQLite passes over rows that don't change, not over the file's header."""
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        connection.exec_driver_sql(f"PRAGMA user_version = {version}")

    def fault(self, path: Path, error: DBAPIError) -> VoltaDeskError:
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return VoltaDeskError(f"{path}: another process is writing; try again")
        return CheckFailed(f"{path}: the file can't be read: {cause_of(error)}")

    def not_written(self, path: Path, error: DBAPIError) -> VoltaDeskError:
        return VoltaDeskError(f"{path}: nothing was written: {cause_of(error)}")

    def check(self, connection: Connection) -> None:
        said = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check")]
        said += [f"a row of {row[0]} points nowhere" for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]
        if said != ["ok"]:
            raise CheckFailed(f"SQLite finds: {' '.join(said[0].split())}")

    def size(self, path: Path) -> int:
        return path.stat().st_size


def safe_mode(version: tuple[int, ...]) -> tuple[str, str]:
    """The journal mode and `synchronous` by which that SQLite loses no acknowledged commit in a power cut."""
    return ("wal", "full") if version >= WAL_IS_SAFE else ("truncate", "extra")


def _set_up(connection: sqlite3.Connection) -> None:
    """Set what makes commits durable, and read it back: SQLite says nothing when it goes on as before."""
    journal, synchronous = safe_mode(sqlite3.sqlite_version_info)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    got = connection.execute(f"PRAGMA journal_mode = {journal}").fetchone()[0]
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    if got != journal or connection.execute("PRAGMA synchronous").fetchone()[0] != _SYNCHRONOUS[synchronous]:
        raise VoltaDeskError(f"SQLite can't be set to journal mode {journal} and synchronous {synchronous} here")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
