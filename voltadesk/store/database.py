"""The database of a desk: an SQLite file in the desk's folder, or a PostgreSQL database that a file there names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from voltadesk.errors import BadInput, CheckFailed, VoltaDeskError
from voltadesk.store.dialect import Dialect, cause_of, no_desk
from voltadesk.store.postgresql import PostgreSQL
from voltadesk.store.sqlite import SQLite
from voltadesk.store.tables import ENTRY

DATABASE = "desk.sqlite3"  # a desk's journal, in its folder
NAMED = "desk.postgresql"  # or else the URL of the database that holds it
# Every version of the tables, oldest first: the revisions in migrations/versions.
SCHEMA = ("0001", "0002", "0003", "0004")

_READ_ONLY = "voltadesk_read_only"
_SQLITE, _POSTGRESQL = SQLite(), PostgreSQL()
_BY_NAME: dict[str, Dialect] = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


def database_path(folder: Path) -> Path:
    """The file that is the database of the desk in a folder, or names it. Raises BadInput where there are both."""
    if not (folder / NAMED).is_file():
        return folder / DATABASE
    if (folder / DATABASE).exists():
        raise BadInput("desk", folder.name, f"holds both {DATABASE} and {NAMED}: one is too many", str(folder.parent))
    return folder / NAMED


def dialect_at(path: Path) -> Dialect:
    """The words of the database that a file is, or names."""
    return _POSTGRESQL if path.name == NAMED else _SQLITE


def dialect_of(connection: Connection) -> Dialect:
    """The words of the database at the other end."""
    return _BY_NAME[connection.dialect.name]


def create_database(path: Path, url: str = "") -> Engine:
    """A new database with empty tables: a file of mode 0600, or the PostgreSQL database of that URL, named by such a
    file. Raises BadInput when there is a desk already, NoAnswer when no server answers.
    """
    dialect = dialect_at(path)
    dialect.place(path, url)
    engine = _engine(path, is_new=True)
    try:
        with damage_found(path), writing(engine) as connection:
            dialect.claim(connection)
            _create(connection)
            set_projected(connection)
        sync_folder(path.parent)
    except BaseException:
        engine.dispose()
        path.unlink(missing_ok=True)
        raise
    return engine


def discard(folder: Path) -> None:
    """Remove a folder whose desk was not finished, and what its database holds of it."""
    path = folder / NAMED
    if path.is_file():
        engine = _engine(path)
        with suppress(VoltaDeskError, DBAPIError), writing(engine) as connection:
            _POSTGRESQL.drop(connection)
        engine.dispose()
    shutil.rmtree(folder, ignore_errors=True)


def open_database(path: Path) -> Engine:
    """A desk's database; an older schema is brought up to date.

    Raises BadInput when there is none, or it is no desk's, or newer than this program; NoAnswer when no server answers.
    """
    if not path.is_file():
        raise no_desk(path, "is not there; voltadesk init makes a desk")
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
    """Turn what a database says of its damage, or of the way to it, into one line."""
    try:
        yield
    except DBAPIError as error:
        raise dialect_at(path).fault(path, error) from None
    except UnicodeDecodeError:  # what sqlite3 makes of a message about a name that was changed
        raise CheckFailed(f"{path}: the file can't be read: a name in it was changed") from None


def not_written(path: Path, error: DBAPIError) -> VoltaDeskError:
    """Why a transaction was undone, as one line."""
    return dialect_at(path).not_written(path, error)


def insert(connection: Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows to a table."""
    marks = ", ".join("?" * len(rows[0]))
    given = list(rows) if len(rows) > 1 else rows[0]  # many take more words between here and a server than one
    connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", given)  # noqa: S608


def is_projected(connection: Connection) -> bool:
    """Whether the tables hold what the entries did: not after a migration from before there were such tables."""
    return dialect_of(connection).is_projected(connection)


def set_projected(connection: Connection, is_so: bool = True) -> None:
    """Note whether the tables hold what the entries did, in the transaction that makes it so."""
    dialect_of(connection).set_projected(connection, is_so)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _engine(path: Path, is_new: bool = False) -> Engine:
    dialect = dialect_at(path)
    engine = dialect.engine(path, is_new)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        dialect.begin(connection, bool(connection.get_execution_options().get(_READ_ONLY)))

    return engine


def _version(engine: Engine, path: Path) -> str:
    """The schema's version that the database names."""
    try:
        with reading(engine) as connection:
            return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    except DBAPIError as error:
        fault = dialect_at(path).fault(path, error)
        if not isinstance(fault, CheckFailed):
            raise fault from None
        raise no_desk(path, f"can't be read as a desk ({cause_of(error)})") from None
    except UnicodeDecodeError:
        raise no_desk(path, "can't be read as a desk") from None


def _create(connection: Connection) -> None:
    """Make at once the tables that all revisions make one after the other."""
    ENTRY.metadata.create_all(connection, checkfirst=False)
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    insert(connection, "alembic_version", [(SCHEMA[-1],)])


def _migrate(connection: Connection) -> None:
    """Bring the tables to the newest version, within the connection's transaction."""
    from alembic import command  # slow to import, and not needed to make or to open a desk
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
