"""Copying a desk's tables from one database into another, of the same kind or not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlmodel import SQLModel

from voltadesk.errors import CheckFailed
from voltadesk.store.anchor import NOTHING, Head
from voltadesk.store.database import (
    DATABASE,
    create_database,
    damage_found,
    dialect_at,
    insert,
    is_projected,
    reading,
    set_projected,
    writing,
)

ROWS = 1000  # that are held in memory


def copy_database(source: Engine, target: Path, url: str) -> Head:
    """Copy a desk's database as it is at one moment into a new one, made as `create_database` does; returns the last
    entry there.
    """
    if source.dialect.name == "sqlite" and target.name == DATABASE:
        return _copy_file(source, target)
    made = create_database(target, url)
    try:
        with reading(source) as old, damage_found(target), writing(made) as new:
            for table in SQLModel.metadata.sorted_tables:
                _copy_table(old, new, table.name)
            set_projected(new, is_projected(old))
            row = new.exec_driver_sql("SELECT seq, leaf FROM entry ORDER BY seq DESC LIMIT 1").first()
    finally:
        made.dispose()
    return Head(*row) if row else Head(-1, NOTHING)


def _copy_table(old: Connection, new: Connection, name: str) -> None:
    rows = old.execution_options(stream_results=True).exec_driver_sql(f"SELECT * FROM {name}")  # noqa: S608
    for some in rows.partitions(ROWS):
        insert(new, name, [tuple(row) for row in some])


def _copy_file(source: Engine, target: Path) -> Head:
    """SQLite's own way, which keeps nobody from writing."""
    dialect_at(target).place(target, "")
    try:
        with source.connect() as connection, closing(sqlite3.connect(target)) as copy:
            own = connection.connection.driver_connection
            assert isinstance(own, sqlite3.Connection)
            own.backup(copy)
            row = copy.execute("SELECT seq, leaf FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
            copy.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error as error:
        raise CheckFailed(f"it can't be copied: {error}") from None
    return Head(*row) if row else Head(-1, NOTHING)
