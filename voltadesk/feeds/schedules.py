"""What batteries do interval by interval, out of the tables that replays and backtests write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import INTERVAL_MINUTES, utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.parquet import DATABASE, parquet_columns, sql_file

Ints = NDArray[np.int64]

# Columns of a table: who, when, into the battery, out of it, at the end of the interval.
REPLAY = ("battery", "start_utc_s", "charge_wh", "discharge_wh", "fill_wh")
BACKTEST = ("strategy", "start_utc_s", "bought_wh", "sold_wh", "fill_wh")
FORMATS = (".parquet", ".csv", ".json")
FILES = tuple(f"{table}{ending}" for table in ("batteries", "intervals") for ending in FORMATS)  # the first counts
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT")


@dataclass(frozen=True, eq=False)
class Schedule:
    """One battery, or all of a backtest by one strategy, in consecutive intervals."""

    name: str
    start_utc: Ints  # (n,) rising by step_s [s]
    step_s: int
    charge_wh: Ints  # (n,) at the grid's side [Wh]
    discharge_wh: Ints  # (n,)
    fill_wh: Ints  # (n,) at the end of the interval


def read_schedules(path: Path, name: str | None = None) -> list[Schedule]:
    """The schedules of a table or a folder of results, in the order of their names; of several, the one of that name.

    Raises BadInput for what is no such table, a name that isn't in it, several strategies of which none is asked for,
    and intervals that don't follow each other.
    """
    if path.is_dir():
        found = [path / file for file in FILES if (path / file).is_file()]
        if not found:
            raise BadInput("results", path, f"must hold one of {', '.join(FILES)}")
        path = found[0]
    if path.suffix not in FORMATS or not path.is_file():
        limit = f"must be a folder that --out has filled, or a file of it ({', '.join(FORMATS)})"
        raise BadInput("results", path, limit)
    known, columns = _columns(path)
    schedules = list(_schedules(path, columns))
    names = [schedule.name for schedule in schedules]
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    if name is None:
        if known is BACKTEST and len(names) > 1:
            raise BadInput("only", None, f"must be given, as one strategy is a plan: the table has {shown}", str(path))
        return schedules
    if name not in names:
        raise BadInput("only", name, f"is not in the table, which has {shown}", str(path))
    return [schedules[names.index(name)]]


def _schedules(path: Path, columns: dict[str, Any]) -> Iterator[Schedule]:
    who, start, charge, discharge, fill = (columns[name] for name in ("who", "start", "charge", "discharge", "fill"))
    if any(np.ma.is_masked(column) for column in columns.values()):
        raise BadInput("results", path, "must have a value in every cell")
    firsts = np.flatnonzero(np.append(True, who[1:] != who[:-1])).tolist()
    for first, last in zip(firsts, [*firsts[1:], len(who)], strict=True):
        span = slice(first, last)
        yield _schedule(str(path), str(who[first]), start[span], charge[span], discharge[span], fill[span])


def _schedule(place: str, name: str, start: Ints, charge: Ints, discharge: Ints, fill: Ints) -> Schedule:
    if len(start) < 2:
        raise BadInput("intervals", len(start), f"must be at least 2 of {name}", place)
    step_s = int(start[1] - start[0])
    if step_s // 60 not in INTERVAL_MINUTES or step_s % 60:
        minutes = ", ".join(map(str, INTERVAL_MINUTES))
        raise BadInput("start_utc_s", utc_text(int(start[1])), f"must step by {minutes} minutes for {name}", place)
    if (off := np.flatnonzero(np.diff(start) != step_s)).size:
        later = utc_text(int(start[off[0] + 1]))
        raise BadInput("start_utc_s", later, f"must come {step_s // 60} minutes after the one before for {name}", place)
    for column, values in (("charge", charge), ("discharge", discharge), ("fill", fill)):
        if (values < 0).any():
            raise BadInput(column, int(values.min()), f"must not be negative for {name}", place)
    return Schedule(name, start, step_s, charge, discharge, fill)


def _columns(path: Path) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Which table it is, and its columns by what they are."""
    try:
        with duckdb.connect(config=DATABASE) as database:
            kinds = {column.name: column.kind for column in parquet_columns(database, _source(path))}
            known = next((kind for kind in (REPLAY, BACKTEST) if set(kind) <= set(kinds)), None)
            if known is None:
                limit = f"must have the columns {', '.join(REPLAY)}, or {', '.join(BACKTEST)}"
                raise BadInput("results", path, limit)
            if not database.execute(f"SELECT 1 FROM {_source(path)} LIMIT 1").fetchall():  # noqa: S608
                raise BadInput("results", path, "must hold at least 2 intervals")
            who, *numbers = known
            for column in numbers:
                if kinds[column] not in WHOLE:  # a cast would round them
                    raise BadInput(column, kinds[column].lower(), "must be whole numbers", str(path))
            asked = ", ".join(
                f"CAST({column} AS BIGINT) AS {name}"
                for column, name in zip(numbers, ("start", "charge", "discharge", "fill"), strict=True)
            )
            source = _source(path, {who: "VARCHAR"} | dict.fromkeys(numbers, "BIGINT"))  # a battery may be called 007
            query = f"SELECT CAST({who} AS VARCHAR) AS who, {asked} FROM {source} ORDER BY who, start"  # noqa: S608
            return known, database.execute(query).fetchnumpy()
    except duckdb.Error as error:
        raise BadInput("results", path, f"can't be read: {str(error).splitlines()[0]}") from None


def _source(path: Path, types: dict[str, str] | None = None) -> str:
    """The table as SQL has it; without types of its columns all rows tell them, as DuckDB rounds what comes later."""
    file, told = sql_file(path), "" if types is None else str(types)
    if path.suffix == ".parquet":
        return f"read_parquet({file})"
    if path.suffix == ".csv":
        return f"read_csv({file}, header = true, {f'types = {told}' if told else 'sample_size = -1'})"
    return f"read_json({file}, format = 'array', {f'columns = {told}' if told else 'sample_size = -1'})"
