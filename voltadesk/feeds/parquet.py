"""Parquet files as text tables, so that their numbers are read as exactly as those of a CSV file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from voltadesk.errors import BadInput
from voltadesk.feeds.table import FILE_LIMIT_BYTES, Table, require_size

if TYPE_CHECKING:
    import duckdb

DATABASE: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "autoinstall_known_extensions": False}


def sql_text(text: object) -> str:
    """A text, or the name of a file to write, as SQL has it."""
    return "'" + str(text).replace("'", "''") + "'"


def sql_file(path: Path) -> str:
    """The name of one file to read, as SQL has it: DuckDB would read `*`, `?` and `[` as a pattern of several."""
    return sql_text(re.sub(r"[*?\[]", r"[\g<0>]", str(path)))


def read_parquet(path: Path, field: str, least: int = 2) -> Table:
    """A Parquet file's columns and rows, `least` or more, as text; moments with a zone become unix seconds.

    Raises BadInput.
    """
    import duckdb  # where it is needed: every start of a desk comes by here

    source = f"read_parquet({sql_file(path)})"
    try:
        with duckdb.connect(config=DATABASE) as database:
            columns = parquet_columns(database, source)
            texts = ", ".join(column.text for column in columns)
            _require_size(database, source, columns, str(path))
            rows = database.execute(f"SELECT {texts} FROM {source}").fetchall()  # noqa: S608
    except duckdb.Error as error:
        limit = "must be a Parquet file"
        reason = f"{limit}: {str(error).splitlines()[0]}" if path.exists() else f"no such file or directory, {limit}"
        raise BadInput(field, path, reason) from None
    if len(rows) < least:
        raise BadInput("rows", len(rows), f"must be at least {least}", str(path))
    names = [column.name for column in columns]
    return Table(str(path), names, [list(row) for row in rows], list(range(1, len(rows) + 1)))


def _require_size(
    database: duckdb.DuckDBPyConnection, source: str, columns: Sequence[ParquetColumn], place: str
) -> None:
    """Raises BadInput for what a few bytes stand for too much of: rows, or long texts that are repeated."""
    lengths = " + ".join(f"strlen({column.text})" for column in columns)
    ((count, size),) = database.execute(f"SELECT count(*), sum({lengths}) FROM {source}").fetchall()  # noqa: S608
    require_size(count, len(columns), place)
    if (size or 0) > FILE_LIMIT_BYTES:
        raise BadInput("text", f"{size} bytes", f"must be at most {FILE_LIMIT_BYTES}", place)


@dataclass(frozen=True)
class ParquetColumn:
    """A column of a Parquet file and its type, as DuckDB calls it."""

    name: str
    kind: str

    @property
    def quoted(self) -> str:
        return '"' + self.name.replace('"', '""') + '"'

    @property
    def text(self) -> str:
        """An expression for its cells as text."""
        if self.kind == "TIMESTAMP WITH TIME ZONE":
            return f"CAST(CAST(epoch({self.quoted}) AS BIGINT) AS VARCHAR)"
        return f"coalesce(CAST({self.quoted} AS VARCHAR), '')"


def parquet_columns(database: duckdb.DuckDBPyConnection, source: str) -> list[ParquetColumn]:
    """The columns of a table; times with a zone are read in UTC from then on."""
    database.execute("SET TimeZone = 'UTC'")
    table = database.sql(f"SELECT * FROM {source}")  # noqa: S608
    return [ParquetColumn(str(name), str(kind)) for name, kind in zip(table.columns, table.types, strict=True)]
