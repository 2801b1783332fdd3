"""Prices of a market from a CSV file, and what others published ahead, as they come: with gaps, on local clocks.

A file of prices holds one price for each interval of one step, in currency per MWh. A file of what was published ahead
may hold many values for an interval, each with the time when it was known: a column `known` or `published`, or the
run numbers of the Australian operator's predispatch. Times are stamped at the beginning or the end of what they speak
of. No price passes through a float; one with more decimals than the tick is rounded half to even, and counted.

What gaps are: intervals without a row, blank cells, and readings of a local clock that no instant has or two instants
have and only one row. They are refused with their line, or left without a price and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.clock import INTERVAL_MINUTES, IntervalGrid, time_zone, utc_text
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput
from voltadesk.feeds.series import value_column
from voltadesk.feeds.table import Exact, Table, column_named, exact_numbers, listed, read_table
from voltadesk.feeds.times import DAY_S, STAMP, _local_to_utc, _seconds_of, _time_column, not_after

Stamps = Literal["start", "end"]
Gaps = Literal["refuse", "skip"]

INTERVALS_LIMIT = 2_200_000  # twenty years of five minutes
KNOWN_COLUMNS = ("known", "published")
PREDISPATCH_COLUMN = "PREDISPATCHSEQNO"  # day and number of a run, the first of the day at four in the morning
PREDISPATCH_FIRST_S, PREDISPATCH_STEP_S = 4 * 3600, 1800
NOON_BEFORE_S = 12 * 3600

_BLANK = {"", "na", "n/a", "nan", "null", "none"}
_SLASHES = re.compile(r"(\d{4})[/-](\d\d?)[/-](\d\d?)[ T](\d\d?)(:\d\d.*)", re.ASCII)
_RUN = re.compile(r"(\d{8})(\d\d)", re.ASCII)


@dataclass(frozen=True)
class Layout:
    """How to read a file. `where` holds (column, text) that a row must have to be read, as far as the file has it."""

    column: str | None = None
    timezone: str | None = None
    stamps: Stamps = "start"
    gaps: Gaps = "refuse"
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class PriceFile:
    """Prices of consecutive intervals; `notes` say what was decided on the way."""

    grid: IntervalGrid
    price_tick: NDArray[np.int64]  # (count,) [0.01/MWh]; NO_PRICE_TICK in gaps
    column: str
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PublishedFile:
    """Values that were published ahead, by when they were known."""

    known_utc: NDArray[np.int64]  # (n,) rising [s]
    target_utc: NDArray[np.int64]  # (n,) begin of what each speaks of [s]
    value_tick: NDArray[np.int64]  # (n,) [0.01/MWh]
    step_s: int  # for how long each holds
    notes: tuple[str, ...]


def read_prices(path: Path | str, layout: Layout = Layout(), field: str = "prices") -> PriceFile:
    """The prices of a file, on the grid of its times.

    A plain date and time is read on the clock of `layout.timezone`, or as UTC without one; that clock also tells the
    grid's days. Raises BadInput with the file and the line: for an unknown column, a cell that is no price, a time that
    repeats or runs backwards, and for gaps unless they are skipped.
    """
    table, notes = _rows(path, layout, field)
    column, value = _columns(table, layout, field)
    table, blank = _without_blanks(table, value, layout, field)
    notes += _counted(blank, "rows without a price")
    table, seconds, more = _instants(table, column, layout, once=False)
    grid, places = _grid(table, column, seconds, layout)
    ticks, rounded = _ticks(table, value, field)
    price_tick = np.full(grid.count, NO_PRICE_TICK, np.int64)
    price_tick[places] = ticks
    missing = int((price_tick == NO_PRICE_TICK).sum())
    notes += [*more, *_counted(missing, f"of {grid.count:,} intervals have no price"), *rounded]
    return PriceFile(grid, price_tick, table.columns[value], tuple(notes))


def read_published(path: Path | str, layout: Layout = Layout(), field: str = "forecast") -> PublishedFile:
    """What was published ahead: rows with the time they speak of, a value, and when it was known.

    A file without a column that says so holds day-ahead prices: those of a local day are known from noon of the day
    before. Raises BadInput as `read_prices`, but gaps are none here: what is missing wasn't published.
    """
    table, notes = _rows(path, layout, field)
    known_column = _known_column(table)
    column, value = _columns(table, layout, field, known_column)
    table, blank = _without_blanks(table, value, layout, field)
    notes += _counted(blank, "rows without a value")
    table, seconds, more = _instants(table, column, layout, once=known_column is not None)
    step_s = _step(table, column, np.unique(seconds))
    target = seconds - (step_s if layout.stamps == "end" else 0)
    if known_column is None:
        _require_rising(table, column, seconds)
        known = _noon_before(target, _zone(layout))
    elif table.columns[known_column] == PREDISPATCH_COLUMN:
        known = _run_times(table, known_column, _zone(layout), field)
    else:
        known = _known_times(table, known_column, layout)
    ticks, rounded = _ticks(table, value, field)
    order = np.lexsort((target, known))
    again = np.flatnonzero((np.diff(known[order]) == 0) & (np.diff(target[order]) == 0))
    if again.size:
        row = int(order[again[0] + 1])
        raise BadInput("time", table.rows[row][column], "stands twice for one time of publication", table.where(row))
    return PublishedFile(known[order], target[order], ticks[order], step_s, (*notes, *more, *rounded))


# Rows and columns -----------------------------------------------------------------------------------------------------
def _rows(path: Path | str, layout: Layout, field: str) -> tuple[Table, list[str]]:
    """The file's rows that have what `where` asks for."""
    table = _with_plain_times(read_table(path, field))
    given = [(column_named(table, name, "where"), text) for name, text in layout.where if name in table.columns]
    if not given:
        return table, []
    kept = [i for i, row in enumerate(table.rows) if all(row[column].strip() == text for column, text in given)]
    wanted = ", ".join(f"{table.columns[column]}={text}" for column, text in given)
    if len(kept) < 2:
        raise BadInput("where", wanted, f"must leave at least 2 rows, leaves {len(kept)}", table.place)
    return _only(table, kept), [f"rows with {wanted}: {len(kept):,} of {len(table.rows):,}"]


def _only(table: Table, rows: list[int]) -> Table:
    return Table(table.place, table.columns, [table.rows[i] for i in rows], [table.lines[i] for i in rows])


def _columns(table: Table, layout: Layout, field: str, known_column: int | None = None) -> tuple[int, int]:
    """The column of the times that are spoken of, and that of the values."""
    shown = [i for i in range(len(table.columns)) if i != known_column]
    part = Table(table.place, [table.columns[i] for i in shown], [[table.rows[0][i] for i in shown]], table.lines[:1])
    time = _time_column(part, None)
    return shown[time], shown[value_column(part, time, layout.column, field)]


def _without_blanks(table: Table, value: int, layout: Layout, field: str) -> tuple[Table, int]:
    """The rows that have a value, if gaps are to be skipped, and how many have none."""
    if layout.gaps == "refuse":
        return table, 0
    kept = [i for i, row in enumerate(table.rows) if row[value].strip().lower() not in _BLANK]
    if len(kept) < 2:
        raise BadInput(field, table.columns[value], f"must have at least 2 values, has {len(kept)}", table.place)
    return _only(table, kept), len(table.rows) - len(kept)


def _with_plain_times(table: Table) -> Table:
    """The table with dates such as 2021/1/9 0:00 written as 2021-01-09 00:00."""
    columns = [c for c, cell in enumerate(table.rows[0]) if _SLASHES.fullmatch(cell.strip()) and not _is_stamp(cell)]
    if not columns:
        return table
    rows = [list(row) for row in table.rows]
    for row in rows:
        for column in columns:
            if match := _SLASHES.fullmatch(row[column].strip()):
                year, month, day, hour, rest = match.groups()
                row[column] = f"{year}-{month:0>2}-{day:0>2} {hour:0>2}{rest}"
    return Table(table.place, table.columns, rows, table.lines)


def _is_stamp(cell: str) -> bool:
    return STAMP.fullmatch(cell.strip()) is not None


def _ticks(table: Table, column: int, field: str) -> tuple[NDArray[np.int64], list[str]]:
    """A column's prices [0.01/MWh], halves to even, and a note where any had to be rounded."""
    exact: Exact = exact_numbers(table, column, field)
    divisor, factor = 10 ** max(exact.decimals - 2, 0), 10 ** max(2 - exact.decimals, 0)
    ticks, rounded = [], 0
    for row, value in enumerate(exact.values):
        whole, rest = divmod(value * factor, divisor)
        rounded += rest != 0
        whole += 2 * rest > divisor or (2 * rest == divisor and whole % 2 == 1)
        if not -units.PRICE_LIMIT_TICK <= whole <= units.PRICE_LIMIT_TICK:
            high = units.decimal_text(units.PRICE_LIMIT_TICK, 2)
            raise BadInput(field, table.cells(column)[row], f"must lie between -{high} and {high}", table.where(row))
        ticks.append(whole)
    return np.array(ticks, np.int64), _counted(rounded, f"of {len(ticks):,} values rounded to 0.01")


def _counted(count: int, what: str) -> list[str]:
    return [f"{count:,} {what}"] if count else []


# Times ----------------------------------------------------------------------------------------------------------------
def _zone(layout: Layout) -> ZoneInfo:
    return time_zone(layout.timezone or "UTC")


def _instants(table: Table, column: int, layout: Layout, *, once: bool) -> tuple[Table, NDArray[np.int64], list[str]]:
    """The second of each row's time in UTC, and the rows that have one.

    `once`: times recur, so that the two meanings of a repeated hour can't be told apart by their order.
    """
    readings, local = _seconds_of(table, table.cells(column))
    if not local:
        return table, np.array(readings, np.int64), []
    if layout.timezone is None:
        return table, np.array(readings, np.int64), ["times have no zone: read as UTC"]
    zone, notes = _zone(layout), [f"times read on the clock of {layout.timezone}"]
    if layout.gaps == "skip" or once:
        untold = _untold(readings, zone, once)
        if untold:
            kept = [i for i in range(len(readings)) if i not in untold]
            table, readings = _only(table, kept), [readings[i] for i in kept]
            notes += _counted(len(untold), "rows left out: the clock has their time never, or twice")
    return table, np.array(_local_to_utc(table, table.cells(column), readings, zone), np.int64), notes


def _untold(readings: list[int], zone: ZoneInfo, once: bool) -> set[int]:
    """Rows whose reading of the clock is skipped by it, or repeats and does not stand there twice."""
    changing = {day for day in {reading // DAY_S for reading in readings} if _offsets(day * DAY_S, zone)[0]
                != _offsets((day + 1) * DAY_S, zone)[1]}  # fmt: skip
    suspects = {row: reading for row, reading in enumerate(readings) if reading // DAY_S in changing}
    times = Counter(suspects.values())
    untold = set()
    for row, reading in suspects.items():
        before, after = _offsets(reading, zone)
        if before < after or (before > after and (once or times[reading] == 1)):
            untold.add(row)
    return untold


def _offsets(reading: int, zone: ZoneInfo) -> tuple[timedelta, timedelta]:
    """Offsets from UTC at a reading of the local clock; they differ where a change skips or repeats it."""
    moment = datetime.fromtimestamp(reading, UTC).replace(tzinfo=zone)
    return moment.utcoffset() or timedelta(), moment.replace(fold=1).utcoffset() or timedelta()


def _require_rising(table: Table, column: int, seconds: NDArray[np.int64]) -> None:
    steps = np.diff(seconds)
    back = np.flatnonzero(steps <= 0)
    if back.size:
        raise not_after(table, table.cells(column), seconds, int(back[0]) + 1)


def _step(table: Table, column: int, rising: NDArray[np.int64]) -> int:
    """The most frequent step of rising times [s]."""
    if len(rising) < 2:
        raise BadInput("time", table.rows[0][column], "must be at least two different times", table.place)
    lengths, counts = np.unique(np.diff(rising), return_counts=True)
    step_s = int(lengths[np.argmax(counts)])
    if step_s % 60 or step_s // 60 not in INTERVAL_MINUTES:
        limit = f"must step by {', '.join(map(str, INTERVAL_MINUTES))} minutes, steps by {step_s / 60:g}"
        raise BadInput("time", table.rows[1][column], limit, table.where(1))
    return step_s


def _grid(
    table: Table, column: int, seconds: NDArray[np.int64], layout: Layout
) -> tuple[IntervalGrid, NDArray[np.int64]]:
    """The grid that the times lie on, and each row's place on it. Raises BadInput at the first row that breaks it."""
    _require_rising(table, column, seconds)
    step_s = _step(table, column, seconds)
    cells, starts = table.cells(column), seconds - (step_s if layout.stamps == "end" else 0)
    if starts[0] % step_s:
        raise BadInput("time", cells[0], f"must lie on the UTC grid of {step_s // 60} minutes", table.where(0))
    steps = np.diff(starts)
    uneven = np.flatnonzero(steps % step_s if layout.gaps == "skip" else steps != step_s)
    if uneven.size:
        row = int(uneven[0]) + 1
        limit = f"comes {steps[row - 1] / 60:g} minutes after the row before it, must come {step_s // 60}"
        if steps[row - 1] % step_s == 0:
            missing = utc_text(int(seconds[row - 1]) + step_s)
            limit = f"{missing} is missing before it: the series must have no gap unless gaps are skipped"
        raise BadInput("time", cells[row], limit, table.where(row))
    places = (starts - starts[0]) // step_s
    count = int(places[-1]) + 1
    if count > INTERVALS_LIMIT:
        raise BadInput("intervals", count, f"must be at most {INTERVALS_LIMIT:,}", table.place)
    return IntervalGrid(int(starts[0]), step_s, count, _zone(layout)), places


# Times of publication -------------------------------------------------------------------------------------------------
def _known_column(table: Table) -> int | None:
    """The column that says when a row was known, if there is one."""
    found = [i for i, name in enumerate(table.columns) if name == PREDISPATCH_COLUMN or _says_known(name)]
    if len(found) > 1:
        raise BadInput("known", listed(table), "must be one column", table.place)
    return found[0] if found else None


def _says_known(name: str) -> bool:
    return any(word in KNOWN_COLUMNS for word in name.lower().replace("-", "_").split("_"))


def _known_times(table: Table, column: int, layout: Layout) -> NDArray[np.int64]:
    readings, local = _seconds_of(table, table.cells(column))
    if not local or layout.timezone is None:
        return np.array(readings, np.int64)
    zone, unique = _zone(layout), sorted(set(readings))
    # Of two instants the later: nothing may be used before it was known.
    instants = [reading - int(min(_offsets(reading, zone)).total_seconds()) for reading in unique]
    return np.array(instants, np.int64)[np.searchsorted(unique, readings)]


def _run_times(table: Table, column: int, zone: ZoneInfo, field: str) -> NDArray[np.int64]:
    """When a predispatch run began: run 01 of a day at 04:00, then every half hour, on the market's clock."""
    runs: dict[str, int] = {}
    cells = table.cells(column)
    for row, cell in enumerate(cells):
        if cell in runs:
            continue
        match = _RUN.fullmatch(cell)
        try:
            begin = datetime.strptime(match[1] if match else "", "%Y%m%d").replace(tzinfo=zone)
        except ValueError:
            limit = "must be a day and a run such as 2021010101"
            raise BadInput(PREDISPATCH_COLUMN, cell, limit, table.where(row)) from None
        after_s = PREDISPATCH_FIRST_S + (int(cell[8:]) - 1) * PREDISPATCH_STEP_S
        runs[cell] = int(begin.timestamp()) + after_s
    return np.array([runs[cell] for cell in cells], np.int64)


def _noon_before(target_utc: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """Noon of the local day before each time [s UTC]."""
    known = np.empty_like(target_utc)
    noons: dict[int, int] = {}  # by the local day: days since 1970
    for i, second in enumerate(target_utc.tolist()):
        moment = datetime.fromtimestamp(second, zone)
        day = moment.toordinal()
        if day not in noons:
            noon = moment.replace(hour=12, minute=0, second=0, fold=0) - timedelta(days=1)  # on the wall clock
            noons[day] = int(noon.timestamp())
        known[i] = noons[day]
    return known
