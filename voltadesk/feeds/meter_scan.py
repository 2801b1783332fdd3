"""A meter file scanned column by column, as fast as DuckDB reads it: texts as codes, values as floats.

Only plain files can be: what is out of the ordinary raises NotPlain, and is left to be read as text (`feeds.table`),
which takes longer and can name line and fault. Floats stand for decimal numbers that have no more digits than a float
keeps, or are what a float is written as, so the numbers of the file can be had back from them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from voltadesk.feeds.parquet import parquet_columns, sql_file
from voltadesk.feeds.table import Table, delimiter_of

Codes = tuple[NDArray[Any], list[str]]  # what stands in each row, as a place in the list of all that does
Floats = NDArray[np.float64]

CELLS_LIMIT = 1 << 29  # of a Parquet file, whose bytes don't say how much it holds: 4 GiB as numbers
KEPT = 16  # characters of a number, with its point: two of them never become the same float

_NONE = ("", "na", "NA", "n/a", "N/A", "nan", "NaN", "null", "NULL", "none", "None", "-")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_CHUNK_BYTES = 1 << 24


class NotPlain(Exception):
    """A file that has to be read as text."""


class Scan(ABC):
    """A file that is open in a database; columns are told by their place. First `look`, then `read`."""

    head: Table  # the header and the first row, as text
    at_once: int  # how many columns may be read in one go

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self.database = database

    @abstractmethod
    def look(self, keys: Sequence[int], values: Sequence[int]) -> int:
        """Find out what stands in the keys' columns; tells the number of rows. Raises NotPlain."""

    @abstractmethod
    def read(self, keys: Sequence[int], values: Sequence[int]) -> tuple[list[Codes], dict[int, Floats]]:
        """Codes of some columns, and values of others, not a number where there is none."""

    def decimals(self, column: int) -> int | None:
        """How many decimals the values of a column have, where its type says so."""
        return None

    def _look(self, source: str, texts: dict[int, str], checks: Sequence[str]) -> tuple[Any, ...]:
        """Make a type of what stands in each column; tells what the checks are."""
        distinct = [f"list(DISTINCT {text}) AS k{c}" for c, text in texts.items()]
        named = [f"{check} AS check{n}" for n, check in enumerate(checks)]
        self.database.execute(f"CREATE TEMP TABLE seen AS SELECT {', '.join([*named, *distinct])} FROM {source}")  # noqa: S608
        for c in texts:
            self.database.execute(f"CREATE TYPE key{c} AS ENUM (SELECT unnest(k{c}) FROM seen)")  # noqa: S608
        asked = ", ".join(f"check{n}" for n in range(len(checks)))
        (found,) = self.database.execute(f"SELECT {asked} FROM seen").fetchall()  # noqa: S608
        return tuple(found)

    def _read(
        self, source: str, texts: dict[int, str], numbers: dict[int, str]
    ) -> tuple[list[Codes], dict[int, Floats]]:
        parts = [f"enum_code(CAST({text} AS key{c})) AS k{c}" for c, text in texts.items()]
        parts += [f"{number} AS v{c}" for c, number in numbers.items()]
        found = self.database.execute(f"SELECT {', '.join(parts)} FROM {source}").fetchnumpy()  # noqa: S608
        codes = []
        for c in texts:
            ((names,),) = self.database.execute(f"SELECT CAST(enum_range(NULL::key{c}) AS VARCHAR[])").fetchall()
            codes.append((np.asarray(found.pop(f"k{c}")), [str(name) for name in names]))
        return codes, {c: np.ma.filled(found.pop(f"v{c}"), np.nan) for c in numbers}


class CsvScan(Scan):
    """A CSV file without empty lines, comments or cells that go over lines."""

    at_once = 1 << 20  # all: each scan goes through the whole file

    def __init__(self, database: duckdb.DuckDBPyConnection, path: Path, delimiters: str) -> None:
        super().__init__(database)
        self.path = path
        with path.open("rb") as file:
            header, first = file.readline(), file.readline()
            self._end = "\\r\\n" if header.endswith(b"\r\n") else "\\n"
            ends, last = 0, first
            for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
                ends, last = ends + chunk.count(b"\n"), chunk
            self._rows = 1 + ends + (0 if last.endswith(b"\n") or last is first else 1)
        text = header.decode("utf-8-sig").rstrip("\r\n")
        self.delimiter = delimiter_of(text, delimiters)
        columns, cells = text.split(self.delimiter), first.decode().rstrip("\r\n").split(self.delimiter)
        if text.startswith("#") or '"' in text + first.decode() or len(columns) != len(cells):
            raise NotPlain
        self.head = Table(str(path), [name.strip() for name in columns], [cells], [2])
        self._comma = False

    def look(self, keys: Sequence[int], values: Sequence[int]) -> int:
        source, cells = self._source(()), [f"c{c}" for c in values]
        # An underscore DuckDB would read as part of a number; one that is long may have more digits than a float.
        checks = ["count(*)", f"max(greatest({', '.join(f'length({cell})' for cell in cells)}))"]
        for sign in "_,":
            found = " OR ".join(f"contains({cell}, '{sign}')" for cell in cells)
            checks.append(f"bool_or({found})")
        checks.append("bool_or(starts_with(c0, '#'))")
        rows, longest, has_underscore, self._comma, has_comment = self._look(source, self._texts(keys), checks)
        if has_underscore or has_comment or rows != self._rows:
            raise NotPlain
        if (longest or 0) > KEPT and not self._are_floats(source, cells):
            raise NotPlain
        return int(rows)

    def _are_floats(self, source: str, cells: Sequence[str]) -> bool:
        """Whether all long numbers stand as a float is written."""
        longer = " OR ".join(
            f"(length({cell}) > {KEPT} AND coalesce({cell} <> CAST(TRY_CAST({cell} AS DOUBLE) AS VARCHAR), true))"
            for cell in cells
        )
        ((differs,),) = self.database.execute(f"SELECT bool_or({longer}) FROM {source}").fetchall()  # noqa: S608
        return not differs

    def read(self, keys: Sequence[int], values: Sequence[int]) -> tuple[list[Codes], dict[int, Floats]]:
        codes, floats = self._read(self._source(values), self._texts(keys), {c: f"c{c}" for c in values})
        if any(text in _NONE[1:] for _, texts in codes for text in texts):  # among the values they are none
            raise NotPlain
        return codes, floats

    @staticmethod
    def _texts(keys: Sequence[int]) -> dict[int, str]:
        return {c: f"coalesce(trim(c{c}), '')" for c in keys}

    def _source(self, values: Sequence[int]) -> str:
        kinds = dict.fromkeys(range(len(self.head.columns)), "VARCHAR") | dict.fromkeys(values, "DOUBLE")
        columns = ", ".join(f"'c{c}': '{kind}'" for c, kind in kinds.items())
        nulls = ", ".join(f"'{text}'" for text in (_NONE if values else _NONE[:1]))
        separator = "," if self._comma else "."
        return (
            f"read_csv({sql_file(self.path)}, columns = {{{columns}}}, auto_detect = false, header = true, "
            f"delim = '{self.delimiter}', quote = '\"', escape = '\"', new_line = '{self._end}', nullstr = [{nulls}], "
            f"decimal_separator = '{separator}')"
        )


class ParquetScan(Scan):
    """A Parquet file whose values are numbers."""

    at_once = 256

    def __init__(self, database: duckdb.DuckDBPyConnection, path: Path) -> None:
        super().__init__(database)
        self._source = f"read_parquet({sql_file(path)})"
        self._columns = parquet_columns(database, self._source)
        texts = ", ".join(column.text for column in self._columns)
        rows = database.execute(f"SELECT {texts} FROM {self._source} LIMIT 1").fetchall()  # noqa: S608
        if not rows:
            raise NotPlain
        self.head = Table(str(path), [column.name for column in self._columns], [list(rows[0])], [1])

    def look(self, keys: Sequence[int], values: Sequence[int]) -> int:
        if not all(self._is_number(c) for c in values):
            raise NotPlain
        ((rows,),) = self.database.execute(f"SELECT count(*) FROM {self._source}").fetchall()  # noqa: S608
        if rows * (len(keys) + len(values)) > CELLS_LIMIT:
            raise NotPlain
        (rows,) = self._look(self._source, self._texts(keys), ["count(*)"])
        return int(rows)

    def read(self, keys: Sequence[int], values: Sequence[int]) -> tuple[list[Codes], dict[int, Floats]]:
        return self._read(self._source, self._texts(keys), {c: self._number(c) for c in values})

    def decimals(self, column: int) -> int | None:
        kind = self._columns[column].kind
        if kind in _INTEGERS:
            return 0
        return int(kind[:-1].rpartition(",")[2]) if kind.startswith("DECIMAL(") else None

    def _texts(self, keys: Sequence[int]) -> dict[int, str]:
        return {c: f"trim({self._columns[c].text})" for c in keys}

    def _is_number(self, column: int) -> bool:
        return self._columns[column].kind in ("FLOAT", "DOUBLE") or self.decimals(column) is not None

    def _number(self, column: int) -> str:
        quoted, kind = self._columns[column].quoted, self._columns[column].kind
        # What a number of 32 bits is written as, not what it is exactly.
        return f"CAST(CAST({quoted} AS VARCHAR) AS DOUBLE)" if kind == "FLOAT" else f"CAST({quoted} AS DOUBLE)"
