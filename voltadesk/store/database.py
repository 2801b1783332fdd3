"""The SQLite file of a desk: how it is opened, what makes a commit survive a power cut.

Python's sqlite3 opens transactions late and SQLAlchemy lets it: two processes that read, then write, lose updates
without an error. Here a transaction begins when it is begun, and a writing one takes the write lock at once.
Nothing else in the process may open the file: closing it would drop the locks that SQLite holds on it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from voltadesk.errors import BadInput, CheckFailed, VoltaDeskError
from voltadesk.store.anchor import LOCK_S

# Every version of the tables, oldest first: the revisions in migrations/versions.
SCHEMA = ("0001", "0002", "0003", "0004")
APPLICATION_ID = 0x564F4C44  # "VOLD" in the file's header: what tells a desk from any other database
WAL_IS_SAFE = (3, 51, 3)  # before it, two writers in WAL could corrupt the file
BUSY_MS = LOCK_S * 1000

_SYNCHRONOUS = {"full": 2, "extra": 3}
_READ_ONLY = "voltadesk_read_only"


def create_database(path: Path) -> Engine:
    """A new file, mode 0600, with empty tables. Raises BadInput when there is one already."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        raise BadInput("desk", path.name, "is there already", str(path.parent)) from None
    except OSError as error:
        raise VoltaDeskError(f"{path}: {error.strerror}") from None
    os.chmod(path, 0o600)  # whatever the umask took away
    engine = _engine(path, is_new=True)
    try:
        with writing(engine) as connection:
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            _migrate(connection)
            set_projected(connection)
        sync_folder(path.parent)
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_database(path: Path) -> Engine:
    """A desk's file; an older schema is brought up to date.

    Raises BadInput when there is no file, or it is no desk's, or newer than this program.
    """
    if not path.is_file():
        raise _no_desk(path, "is not there; voltadesk init makes a desk")
    engine = _engine(path)
    try:
        version = _version(engine, path)
        if version not in SCHEMA:
            what = f"the desk was written by a newer program, this one knows schemas up to {SCHEMA[-1]}"
            raise BadInput("schema", version, what, str(path))
        if version != SCHEMA[-1]:
            with writing(engine) as connection:
                _migrate(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: it does not keep others from writing. Keep it short."""
    with engine.connect().execution_options(**{_READ_ONLY: True}) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the write lock from its beginning; committed at the end, rolled back by an exception."""
    with engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def damage_found(path: Path) -> Iterator[None]:
    """Turn what SQLite says of a damaged file into one line."""
    try:
        yield
    except DBAPIError as error:
        cause = error.orig
        if getattr(cause, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise VoltaDeskError(f"{path}: another process is writing; try again") from None
        raise CheckFailed(f"{path}: the file can't be read: {' '.join(str(cause).split())}") from None
    except UnicodeDecodeError:  # what sqlite3 makes of a message about a name that was changed
        raise CheckFailed(f"{path}: the file can't be read: a name in it was changed") from None


def is_projected(connection: Connection) -> bool:
    """Whether the tables hold what the entries did: not after a migration from before there were such tables."""
    return connection.exec_driver_sql("PRAGMA user_version").scalar() == 1


def set_projected(connection: Connection) -> None:
    """Note that the tables hold what the entries did, in the transaction that makes it so."""
    connection.exec_driver_sql("PRAGMA user_version = 1")


def rewrite_header(connection: Connection) -> None:
    """Write what stands there already: SQLite passes over rows that don't change, but not over the file's header."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    connection.exec_driver_sql(f"PRAGMA user_version = {version}")


def safe_mode(version: tuple[int, ...]) -> tuple[str, str]:
    """The journal mode and `synchronous` by which that SQLite loses no acknowledged commit in a power cut."""
    return ("wal", "full") if version >= WAL_IS_SAFE else ("truncate", "extra")


def _engine(path: Path, is_new: bool = False) -> Engine:
    """The engine of a file; of one that is not new, nothing is touched before it is known to be a desk's."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000})

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None  # sqlite3 begins nothing by itself
        try:
            is_desk = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
            if not is_desk and not is_new:
                raise _no_desk(path, "is no desk")
            _set_up(connection)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise _no_desk(path, "is no desk") from None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        is_reading = connection.get_execution_options().get(_READ_ONLY)
        connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")

    return engine


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


def _version(engine: Engine, path: Path) -> str:
    """The schema's version that the file names."""
    try:
        with reading(engine) as connection:
            return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    except DBAPIError as error:
        raise _no_desk(path, f"can't be read as a desk ({error.orig})") from None
    except UnicodeDecodeError:
        raise _no_desk(path, "can't be read as a desk") from None


def _migrate(connection: Connection) -> None:
    """Bring the tables to the newest version, within the connection's transaction."""
    from alembic import command  # slow to import, and not needed to open a desk
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _no_desk(path: Path, what: str) -> BadInput:
    return BadInput("desk", path.name, what, str(path.parent))
