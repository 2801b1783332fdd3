"""The SQLite file of a desk: how it is opened, which tables it has, what makes a commit survive a power cut.

Python's sqlite3 opens transactions late and SQLAlchemy lets it: two processes that read, then write, lose updates
without an error. Here a transaction begins when it is begun, and a writing one takes the write lock at once.
Nothing else in the process may open the file: closing it would drop the locks that SQLite holds on it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    LargeBinary,
    Text,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.dialects.sqlite import INTEGER
from sqlalchemy.exc import DBAPIError
from sqlmodel import Field, SQLModel

from voltadesk.errors import BadInput, CheckFailed, VoltaDeskError

SCHEMA = ("0001",)  # every version of the tables, oldest first: the revisions in migrations/versions
APPLICATION_ID = 0x564F4C44  # "VOLD" in the file's header: what tells a desk from any other database
WAL_IS_SAFE = (3, 51, 3)  # before it, two writers in WAL could corrupt the file
BUSY_MS = 10_000
NOTHING = bytes(32)  # what the first entry names as the one before

_SYNCHRONOUS = {"full": 2, "extra": 3}
_READ_ONLY = "voltadesk_read_only"


def _integer() -> Any:
    """64 bits everywhere; SQLite's strict tables know them as INTEGER."""
    return BigInteger().with_variant(INTEGER(), "sqlite")


class EntryRow(SQLModel, table=True):
    """An entry of the journal. `idempotency_key` is empty when nobody's key was used up by it."""

    __tablename__: ClassVar[Any] = "entry"
    __table_args__: ClassVar[Any] = (UniqueConstraint("actor", "idempotency_key"), {"sqlite_strict": True})

    seq: int = Field(sa_column=Column(_integer(), primary_key=True, autoincrement=False))
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    actor: str = Field(sa_column=Column(Text, nullable=False))
    idempotency_key: str | None = Field(sa_column=Column(Text, nullable=True))


class EffectRow(SQLModel, table=True):
    """What an entry did, as canonical JSON; the entry holds its hash."""

    __tablename__: ClassVar[Any] = "effect"
    __table_args__: ClassVar[Any] = ({"sqlite_strict": True},)

    seq: int = Field(sa_column=Column(_integer(), ForeignKey("entry.seq"), primary_key=True, autoincrement=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Head(NamedTuple):
    """The last entry of a journal; of an empty one, -1 and `NOTHING`."""

    seq: int
    leaf: bytes


class Anchor:
    """The last acknowledged entry in a file of its own, which is also what writers lock.

    Two records of fixed width are written in turn, so that a write cut short leaves the one before.
    """

    _SLOTS = (0, 4096)
    _WIDTH = 20 + 1 + 64 + 1 + 64 + 1

    def __init__(self, path: Path) -> None:
        self.path, self._is_new = path, True
        try:
            self._file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise CheckFailed(f"{path}: the anchor can't be read ({error.strerror}): is the journal whole?") from None

    @classmethod
    def create(cls, path: Path) -> Anchor:
        """The anchor of a journal without entries, on disk. Raises BadInput when there is one already."""
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise BadInput("anchor", path.name, "is there already", str(path.parent)) from None
        os.fchmod(file, 0o600)
        for slot in cls._SLOTS:
            os.pwrite(file, _record(Head(-1, NOTHING)), slot)
        os.fsync(file)
        os.close(file)
        return cls(path)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer. Raises VoltaDeskError when another stays one for too long."""
        until = time.monotonic() + BUSY_MS / 1000
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise VoltaDeskError(f"{self.path.parent}: another process is writing; try again") from None
                time.sleep(0.0005)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def read(self) -> Head:
        """The last acknowledged entry. Raises CheckFailed when no record is whole."""
        return self._records()[0][0]

    def write(self, head: Head) -> None:
        """Set the last acknowledged entry; on disk when this returns. An older one changes nothing.

        The first time, the same one is written again: what can be read is not on disk if a write failed before.
        """
        newest, place = self._records()[0]
        if head.seq > newest.seq or (self._is_new and head.seq == newest.seq):
            os.pwrite(self._file, _record(head), next(slot for slot in self._SLOTS if slot != place))
            os.fdatasync(self._file)
            self._is_new = False

    def _records(self) -> list[tuple[Head, int]]:
        """The whole records and where they stand, the newest first."""
        found = []
        for slot in self._SLOTS:
            data = os.pread(self._file, self._WIDTH, slot)
            size, leaf = data[:20], data[21:85]
            if size.isdigit() and all(c in b"0123456789abcdef" for c in leaf):
                head = Head(int(size) - 1, bytes.fromhex(leaf.decode()))
                if _record(head) == data:
                    found.append((head, slot))
        if not found:
            raise CheckFailed(f"{self.path}: the anchor is damaged")
        return sorted(found, reverse=True)


def anchor_path(path: Path) -> Path:
    """Where the anchor of a journal stands."""
    return path.with_suffix(".anchor")


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
        _sync_folder(path.parent)
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_database(path: Path) -> Engine:
    """A desk's file; an older schema is brought up to date.

    Raises BadInput when there is no file, or it is no desk's, or newer than this program.
    """
    if not path.is_file():
        raise _no_desk(path, "is not there")
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
        raise CheckFailed(f"{path}: the file can't be read: {cause}") from None


def safe_mode(version: tuple[int, ...]) -> tuple[str, str]:
    """The journal mode and `synchronous` by which that SQLite loses no acknowledged commit in a power cut."""
    return ("wal", "full") if version >= WAL_IS_SAFE else ("truncate", "extra")


def _record(head: Head) -> bytes:
    """An anchor's record: the number of entries, the last one's leaf hash, a checksum."""
    text = f"{head.seq + 1:020d} {head.leaf.hex()}"
    return f"{text} {sha256(text.encode()).hexdigest()}\n".encode()


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
        except sqlite3.DatabaseError as error:
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


def _migrate(connection: Connection) -> None:
    """Bring the tables to the newest version, within the connection's transaction."""
    from alembic import command  # slow to import, and not needed to open a desk
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _no_desk(path: Path, what: str) -> BadInput:
    return BadInput("desk", path.name, what, str(path.parent))
