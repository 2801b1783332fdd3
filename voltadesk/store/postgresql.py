"""A desk's database in PostgreSQL: the file `desk.postgresql` in the desk's folder holds its URL, and no secret.

The desk's tables stand in the first schema of the search path. Text is ordered and compared by its bytes (`C`),
whatever the server's language is. A writer holds an advisory lock of that schema to the end of its transaction; the
server lets go of it when the writer's process or machine is gone. Reading sees one moment (REPEATABLE READ).

The URL is libpq's, and so is everything that it leaves out: https://www.postgresql.org/docs/current/libpq-connect.html
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from voltadesk.errors import BadInput, CheckFailed, MissingExtra, NoAnswer, VoltaDeskError, one_line
from voltadesk.store.dialect import BUSY_MS, SCHEMA_MARK, Dialect, cause_of, no_desk
from voltadesk.store.keys import Refused

if TYPE_CHECKING:
    import psycopg

OLDEST = 13  # PostgreSQL's first version that is taken
_FILLED, _EMPTY = "VoltaDesk: tables filled", "VoltaDesk: tables to be filled"
_SECRET = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
# For what a URL leaves out: an answer is waited for that long, and a machine that is gone is noticed [s, ms].
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_SETTINGS = f"""
    SET lock_timeout = {BUSY_MS};
    SET statement_timeout = 0;
    SET idle_in_transaction_session_timeout = 0;
    SET standard_conforming_strings = on;
    SET row_security = off;
    SET tcp_keepalives_idle = 30;
    SET tcp_keepalives_interval = 10;
    SET tcp_keepalives_count = 3
"""
_SERVER = """
    SELECT current_setting('server_version_num')::integer / 10000, current_setting('server_encoding'),
      current_setting('fsync'), set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),
      (SELECT oid::integer FROM pg_namespace WHERE nspname = current_schema()),
      obj_description(to_regclass(quote_ident(current_schema()) || '.alembic_version'), 'pg_class')
"""
# A NUL, which PostgreSQL's JSON can't hold, stands for something that canonical text doesn't escape while it is read.
_NUL, _NO_NUL = "'\\u0000'", "'\\u0041'"


class PostgreSQL(Dialect):
    """See `Dialect`."""

    like = "({}) COLLATE \"C\" ILIKE ? ESCAPE '\\'"
    listed = "SELECT json_array_elements_text(?::json)"
    listed_numbers = "SELECT json_array_elements_text(?::json)::bigint"
    body = "convert_from(entry.body, 'UTF8')"
    _json = f"replace({body}, {_NUL}, {_NO_NUL})::json"
    time_utc = f"({_json} ->> 'time_utc')::bigint"
    said = (
        f"replace(concat('[', {_json} -> 'kind', ',', {_json} -> 'outcome', ',', {_json} -> 'actor', ',', "
        f"{_json} -> 'command', ']'), {_NO_NUL}, {_NUL})"
    )
    leaf = "encode(entry.leaf, 'hex')"

    def holds(self, column: str, text: str) -> str:
        return f"position({text}::bytea IN {column}) > 0"

    def minute(self, moment: str) -> str:
        return f"to_char(to_timestamp({moment}) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')"

    def place(self, path: Path, url: str) -> None:
        """A file of mode 0600 with the URL."""
        text = f"{url}\n"
        _parameters(url)
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(file, "w", encoding="utf-8") as made:
                made.write(text)
                made.flush()
                os.fsync(file)
        except FileExistsError:
            raise BadInput("desk", path.name, "is there already", str(path.parent)) from None
        except OSError as error:
            raise VoltaDeskError(f"{path}: {error.strerror}") from None

    def engine(self, path: Path, is_new: bool) -> Engine:
        parameters = _PATIENCE | {"application_name": "voltadesk"} | _parameters(_url(path), str(path))
        parameters |= {"client_encoding": "UTF8", "autocommit": True}  # nothing begins by itself

        def connect() -> psycopg.Connection[Any]:
            import psycopg

            return psycopg.connect(**parameters)

        engine = create_engine("postgresql+psycopg://", creator=connect, pool_pre_ping=True, use_native_hstore=False)

        @event.listens_for(engine, "connect")
        def _connect(connection: psycopg.Connection[Any], record: Any) -> None:
            connection.execute(_SETTINGS)
            record.info["schema"], mark = _set_up(connection, path)
            if mark not in (_FILLED, _EMPTY) and not is_new:
                raise no_desk(path, "names a database that holds no desk")

        @event.listens_for(engine, "before_cursor_execute", retval=True)
        def _translate(by: object, cursor: object, statement: str, values: Any, context: Any, many: bool) -> Any:
            return (statement if context.compiled is not None else _marked(statement)), values

        return engine

    def begin(self, connection: Connection, is_reading: bool) -> None:
        if is_reading:
            connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        else:  # what others wrote while this waited for the lock is seen, as each statement looks anew
            schema = connection.info["schema"]
            lock = f"SELECT pg_advisory_xact_lock({SCHEMA_MARK}, {schema})"
            connection.exec_driver_sql(f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {lock}")

    def claim(self, connection: Connection) -> None:
        """Tables of a desk whose making was cut short, before anything was in it, make room."""
        names = [*(table.name for table in reversed(SQLModel.metadata.sorted_tables)), "alembic_version"]
        query = "SELECT relname FROM pg_class WHERE relnamespace = ?::integer::oid AND relname = ANY(?)"
        found = {row[0] for row in connection.exec_driver_sql(query, (connection.info["schema"], names))}
        if not found:
            return
        if self._mark(connection) not in (_FILLED, _EMPTY):
            raise BadInput("database", sorted(found)[0], "is a table there already: a desk wants a schema of its own")
        if connection.exec_driver_sql("SELECT EXISTS (SELECT FROM entry)").scalar_one():
            raise BadInput("database", self._name(connection), "holds a desk already")
        connection.exec_driver_sql(f"DROP TABLE {', '.join(name for name in names if name in found)}")

    def drop(self, connection: Connection) -> None:
        """Take a desk's tables away."""
        names = [*(table.name for table in SQLModel.metadata.sorted_tables), "alembic_version"]
        connection.exec_driver_sql(f"DROP TABLE {', '.join(names)}")

    def is_projected(self, connection: Connection) -> bool:
        return self._mark(connection) == _FILLED

    def set_projected(self, connection: Connection, is_so: bool) -> None:
        connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{_FILLED if is_so else _EMPTY}'")

    def settle(self, connection: Connection) -> None:
        """A transaction with a number of its own is written to the log, which is put on disk up to there."""
        connection.exec_driver_sql("SELECT txid_current()")

    def fault(self, path: Path, error: DBAPIError) -> VoltaDeskError:
        return _fault(path, error, "")

    def not_written(self, path: Path, error: DBAPIError) -> VoltaDeskError:
        return _fault(path, error, "nothing was written: ")

    def check(self, connection: Connection) -> None:
        query = "SELECT count(*) FROM effect LEFT JOIN entry ON entry.seq = effect.seq WHERE entry.seq IS NULL"
        if connection.exec_driver_sql(query).scalar_one():
            raise CheckFailed("a row of effect points nowhere")
        invalid = (
            "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid AND indrelid = ANY(?::regclass[])"
        )
        names = [table.name for table in SQLModel.metadata.sorted_tables]
        for (name,) in connection.exec_driver_sql(invalid, (names,)):
            raise CheckFailed(f"PostgreSQL finds: the index {name} is not valid")

    def size(self, path: Path) -> int:
        names = [table.name for table in SQLModel.metadata.sorted_tables]
        query = "SELECT sum(pg_total_relation_size(to_regclass(name)))::bigint FROM unnest(?::text[]) AS name"
        engine = self.engine(path, is_new=False)
        try:
            with engine.connect() as connection:
                return int(connection.exec_driver_sql(query, (names,)).scalar() or 0)
        except (DBAPIError, VoltaDeskError):
            return 0
        finally:
            engine.dispose()

    def _mark(self, connection: Connection) -> str | None:
        query = "SELECT obj_description(to_regclass('alembic_version'), 'pg_class')"
        mark: str | None = connection.exec_driver_sql(query).scalar()
        return mark

    def _name(self, connection: Connection) -> str:
        query = "SELECT current_database() || ', schema ' || current_schema()"
        return str(connection.exec_driver_sql(query).scalar())


# The URL --------------------------------------------------------------------------------------------------------------
def _url(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise no_desk(path, "can't be read") from None


def _parameters(url: str, where: str = "") -> dict[str, Any]:
    """What a URL says, as libpq reads it. Raises BadInput for one that is none, or holds a secret.

    No error repeats any of it: what can't be read may hold a password, wherever it stands.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise MissingExtra("postgres", "a desk in PostgreSQL") from None
    shape = "must be postgresql://USER@HOST/DATABASE"
    if not url.startswith(("postgresql://", "postgres://")) or not url.isprintable():
        raise BadInput("database", None, shape, where)
    try:
        parameters: dict[str, Any] = dict(conninfo_to_dict(url))
    except ProgrammingError as error:
        said = re.sub('".*"', "…", one_line(str(error)))
        raise BadInput("database", None, f"{shape}: {said}", where) from None
    if any(name in parameters for name in _SECRET):
        raise BadInput("database", None, "must hold no password: PGPASSWORD or ~/.pgpass is where it belongs", where)
    if not re.fullmatch("[0-9,]*", str(parameters.get("port", ""))):  # as in USER:PASS/WORD@HOST
        raise BadInput("database", None, f"{shape}, with a number as its port if it has one", where)
    return parameters


# Connections ----------------------------------------------------------------------------------------------------------
def _set_up(connection: psycopg.Connection[Any], path: Path) -> tuple[int, str | None]:
    """The number of the desk's schema and what marks it. Raises Refused where the server can't keep a desk."""
    row = connection.execute(_SERVER).fetchone()
    assert row is not None
    version, encoding, fsync, synchronous, schema, mark = row
    place = f"database = {_url(path)}"
    if version < OLDEST:
        raise Refused(f"{place}: the server is PostgreSQL {version}, a desk wants {OLDEST} or newer")
    if encoding != "UTF8":
        raise Refused(f"{place}: the database's encoding is {encoding}, a desk wants UTF8")
    if fsync != "on" or synchronous == "off":
        what = "fsync" if fsync != "on" else "synchronous_commit"
        raise Refused(f"{place}: the server has {what} off: what it acknowledges a power cut could undo")
    if schema is None:
        raise Refused(f"{place}: the database has no schema to put a desk in: look at its search_path")
    return schema, mark


@lru_cache(maxsize=256)
def _marked(statement: str) -> str:
    """A statement with the marks for values that psycopg knows."""
    return statement.replace("%", "%%").replace("?", "%s")


def _fault(path: Path, error: DBAPIError, begun: str) -> VoltaDeskError:
    """By the error's SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
    state, place = getattr(error.orig, "sqlstate", None), f"database = {_url(path)}"
    said = getattr(getattr(error.orig, "diag", None), "message_primary", None) or cause_of(error)
    if _asked_for_password(error.orig):
        return Refused(f"{place}: {begun}{said}")
    if error.connection_invalidated or state is None or state[:2] == "08" or state[:3] == "57P" or state == "53300":
        return NoAnswer(f"{place}: {begun}no answer: {said}")
    if state == "42501":
        return Refused(f"{place}: {begun}{said}")
    if state == "55P03":
        return VoltaDeskError(f"{place}: {begun}another process is writing; try again")
    if not begun and state[:2] in ("XX", "58", "42", "22"):
        return CheckFailed(f"{place}: it can't be read: {said}")
    return VoltaDeskError(f"{place}: {begun}{said}")


def _asked_for_password(error: BaseException | None) -> bool:
    """Whether a server sent a new connection away that wanted a password of it; such an error has no SQLSTATE."""
    connection = getattr(error, "pgconn", None)  # of no other error
    return connection is not None and bool(connection.needs_password or connection.used_password)
