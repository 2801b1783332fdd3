"""Tables as files: Parquet, CSV or JSON, every number as exact as it is in its column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.feeds import parquet
from voltadesk.feeds.parquet import sql_text
from voltadesk.report.folder import OutFolder

Format = Literal["parquet", "csv", "json"]
Columns = dict[str, NDArray[Any]]
Shape = Mapping[str, str]  # columns, and what each holds: one of these
INTEGER, TEXT, CENTS, YES_OR_NO = "BIGINT", "VARCHAR", "DECIMAL(18, 2)", "BOOLEAN"
ROWS_AT_ONCE = 1 << 16
FORMATS: tuple[Format, ...] = ("parquet", "csv", "json")
WRITE: dict[Format, str] = {
    "parquet": "(FORMAT parquet, COMPRESSION zstd)",
    "csv": "(FORMAT csv, HEADER)",
    "json": "(FORMAT json, ARRAY true)",
}
# Threads of its own for writing would wait for each other for ever when a statement is interrupted (DuckDB 2.0).
DATABASE = parquet.DATABASE | {"async_threads": 0}


def write_table(columns: Columns, target: Path, form: Format) -> None:
    """Write columns of one length as a table; what is masked in them is left empty."""
    with duckdb.connect(config=DATABASE) as database:
        database.register("columns_now", columns)
        database.execute(f"COPY (SELECT * FROM columns_now) TO {sql_text(target)} {WRITE[form]}")  # noqa: S608


class RowFiles:
    """Tables of rows that come one by one, however many: they wait in a file of their own, not in memory.

    What is None is left empty, and so is a price that is not there.
    """

    def __init__(self, folder: OutFolder, form: Format) -> None:
        self.folder, self.form = folder, form
        self._part = folder.path("part.duckdb")

    def write(self, name: str, columns: Shape, rows: Iterable[Sequence[Any]]) -> int:
        """Write the table of that name; tells how many rows there were."""
        told = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        count = 0
        with duckdb.connect(str(self._part), config=DATABASE) as database:
            database.execute(f"CREATE TABLE rows ({told})")
            for some in _batches(rows, ROWS_AT_ONCE):
                count += len(some)
                database.register("columns_now", _columns(columns, some))
                database.execute("INSERT INTO rows SELECT * FROM columns_now")
                database.unregister("columns_now")
            target = sql_text(self.folder.path(f"{name}.{self.form}"))
            database.execute(f"COPY rows TO {target} {WRITE[self.form]}")
        self._part.unlink()
        return count


def _batches(rows: Iterable[Sequence[Any]], size: int) -> Iterator[list[Sequence[Any]]]:
    waiting = iter(rows)
    while some := list(islice(waiting, size)):
        yield some


def _columns(columns: Shape, rows: list[Sequence[Any]]) -> Columns:
    made: Columns = {}
    for (name, kind), values in zip(columns.items(), zip(*rows, strict=True), strict=True):
        if kind == INTEGER:
            is_known = [value is not None for value in values]
            numbers = np.array([value or 0 for value in values], np.int64)
            is_known &= ~((numbers == NO_PRICE_TICK) & name.endswith("_tick"))
            made[name] = np.ma.masked_array(numbers, ~np.asarray(is_known))
        else:
            made[name] = np.array(values, object)
    return made
