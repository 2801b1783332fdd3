"""Parquet files as text tables, so that their numbers are read as exactly as those of a CSV file."""

from __future__ import annotations

from pathlib import Path

import duckdb

from voltadesk.errors import BadInput
from voltadesk.feeds.table import Table

_CONFIG: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "autoinstall_known_extensions": False}


def read_parquet(path: Path, field: str) -> Table:
    """A Parquet file's columns and rows as text; moments with a zone become unix seconds. Raises BadInput."""
    quoted = str(path).replace("'", "''")
    try:
        with duckdb.connect(config=_CONFIG) as database:
            database.execute("SET TimeZone = 'UTC'")
            source = database.sql(f"SELECT * FROM read_parquet('{quoted}')")  # noqa: S608
            columns = [str(name) for name in source.columns]
            texts = ", ".join(_text(name, str(kind)) for name, kind in zip(columns, source.types, strict=True))
            rows = database.execute(f"SELECT {texts} FROM read_parquet('{quoted}')").fetchall()  # noqa: S608
    except duckdb.Error as error:
        limit = "must be a Parquet file"
        reason = f"{limit}: {str(error).splitlines()[0]}" if path.exists() else f"no such file or directory, {limit}"
        raise BadInput(field, path, reason) from None
    if len(rows) < 2:
        raise BadInput("rows", len(rows), "must be at least 2", str(path))
    return Table(str(path), columns, [list(row) for row in rows], list(range(1, len(rows) + 1)))


def _text(name: str, kind: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CAST(CAST(epoch({column}) AS BIGINT) AS VARCHAR)"
    return f"coalesce(CAST({column} AS VARCHAR), '')"
