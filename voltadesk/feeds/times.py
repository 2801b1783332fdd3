"""A column of times as a grid of intervals in UTC, or one line that says why it is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import INTERVAL_MINUTES, local_text, time_zone, utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.table import Table, column_named, listed

DAY_S = 86_400
YEARS = ("1970", "2199")

_UNIX = re.compile(r"(\d{8,11})(?:\.0*)?", re.ASCII)
STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.0+)?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


Span = tuple[int, int]  # [UTC s]: from, to before


@dataclass(frozen=True, eq=False)
class Times:
    """The grid that a column of times describes."""

    column: int
    start_utc: int
    step_s: int
    note: str


def read_times(
    table: Table, name: str | None, timezone: str | None, span: Span | None = None, *, counter: bool = False
) -> tuple[Table, Times]:
    """The grid that the file's times describe, and the table's rows on it: of a `span`, only those that cover it.

    A row covers the interval that begins at its time; a `counter` needs a row at the end of the span as well. Raises
    BadInput with the line where the rows describe no grid, or don't cover the span.
    """
    zone = time_zone(timezone) if timezone is not None else None
    column = time_column_of(table, name)
    seconds, local = seconds_of(table, table.cells(column))
    note = "times have no zone: read as UTC" if local and zone is None else ""
    covered = (seconds[0], seconds[-1])
    if local and zone is not None:
        note = f"times read on the clock of {zone.key}"
        covered = (seconds[0] - offset_s(seconds[0], zone, 0), seconds[-1] - offset_s(seconds[-1], zone, 1))
        if span is not None:
            # Clock changes far from the span don't matter; by whole hours, none that repeats is cut in two.
            low, high = ((second + _offset_at_s(second, zone)) // 3600 * 3600 for second in span)
            rows = _between(seconds, low - 7200, high + 7200)
            table, seconds = table.cut(rows), seconds[rows]
        seconds = local_to_utc(table, table.cells(column), seconds, zone)
    if span is not None:
        rows = _covering(seconds, span, counter)
        table, seconds = table.cut(rows), seconds[rows]
    cells = table.cells(column)
    step_s = _step(table, cells, np.array(seconds, np.int64), zone if note else None)
    if seconds[0] % step_s:
        limit = f"must lie on the UTC grid of {step_s // 60} minutes"
        raise BadInput("time", cells[0], limit, table.where(0))
    if span is not None:
        _require_cover(table, covered[0], covered[1] + (0 if counter else step_s), span)
    return table, Times(column, seconds[0], step_s, note)


def seconds_of(table: Table, cells: Sequence[str]) -> tuple[list[int], bool]:
    """Each row's second since 1970: in UTC, or (true) on the clock of stamps without an offset."""
    stamp = STAMP.fullmatch(cells[0])
    if stamp is None:
        return _unix_seconds(table, cells), False
    offsets = stamp[5] is not None
    return _stamps(table, cells, offsets), not offsets


def _covering(seconds: list[int], span: Span, counter: bool) -> slice:
    begin = max((second for second in seconds if second <= span[0]), default=span[0])
    end = min((second for second in seconds if second >= span[1]), default=span[1]) + 1 if counter else span[1]
    return _between(seconds, begin, end)


def _between(seconds: list[int], begin: int, end: int) -> slice:
    """From the first row at or after `begin` to the last one before `end`; two rows at least."""
    first = next((row for row, second in enumerate(seconds) if second >= begin), len(seconds))
    last = next((row for row in reversed(range(len(seconds))) if seconds[row] < end), 0)
    first = min(first, len(seconds) - 2)
    return slice(first, max(last, first + 1) + 1)


def _require_cover(table: Table, begin: int, end: int, span: Span) -> None:
    if begin > span[0] or end < span[1]:
        limit = f"must cover {utc_text(span[0])} to {utc_text(span[1])}"
        raise BadInput("time", f"{utc_text(begin)} to {utc_text(end)}", limit, table.place)


def time_column_of(table: Table, name: str | None) -> int:
    """The column of that name, else the first whose cells are times. Raises BadInput when there is none."""
    if name is not None:
        return column_named(table, name, "time column")
    for pattern in (STAMP, _UNIX):
        for column, cell in enumerate(table.rows[0]):
            if pattern.fullmatch(cell.strip()):
                return column
    limit = f"no column among {listed(table)} holds times such as 2025-01-31T14:00Z or 2025-01-31 14:00"
    raise BadInput("time", table.rows[0][0], limit, table.where(0))


def _unix_seconds(table: Table, cells: Sequence[str]) -> list[int]:
    seconds = []
    for row, cell in enumerate(cells):
        match = _UNIX.fullmatch(cell)
        if not match:
            raise _bad_time(table, row, cell)
        seconds.append(int(match[1]))
    return seconds


def _bad_time(table: Table, row: int, cell: str) -> BadInput:
    limit = "must be a date and time such as 2025-01-31T14:00Z or 2025-01-31 14:00, or unix seconds, all rows alike"
    return BadInput("time", cell, limit, table.where(row))


def _stamps(table: Table, cells: Sequence[str], offsets: bool) -> list[int]:
    """Seconds since 1970 of each stamp: in UTC where stamps carry an offset, else on the stamps' own clock."""
    # Days and times of day recur, so each is understood once.
    days: dict[str, int] = {}
    clocks: dict[str, int] = {}
    seconds: list[int] = []
    for row, cell in enumerate(cells):
        day, clock = cell[:10], cell[10:]
        if day not in days or clock not in clocks:
            try:
                days[day], clocks[clock] = _stamp_parts(cell, offsets)
            except ValueError:
                raise _bad_time(table, row, cell) from None
        seconds.append(days[day] + clocks[clock])
    return seconds


def _stamp_parts(stamp: str, offset: bool) -> tuple[int, int]:
    """Seconds from 1970 to a stamp's day, and from there to its time less its offset. Raises ValueError."""
    match = STAMP.fullmatch(stamp)
    if not match or (match[5] is not None) != offset or not YEARS[0] <= stamp[:4] <= YEARS[1]:
        raise ValueError
    clock = time(int(match[2]), int(match[3]), int(match[4] or 0))
    shift = 0
    if match[5] not in (None, "Z"):
        size = time(int(match[5][1:3]), int(match[5][-2:]))
        shift = (size.hour * 60 + size.minute) * (-60 if match[5][0] == "-" else 60)
    since_midnight = clock.hour * 3600 + clock.minute * 60 + clock.second
    return (date.fromisoformat(match[1]) - date(1970, 1, 1)).days * DAY_S, since_midnight - shift


def local_to_utc(table: Table, cells: Sequence[str], local: list[int], zone: ZoneInfo) -> list[int]:
    """UTC seconds of local clock readings; of two rows with the same reading, the first is the earlier instant."""
    offsets: dict[int, int | None] = {}  # by local day; None on a day with a clock change
    seconds: list[int] = []
    repeated: dict[int, list[int]] = {}
    for row, reading in enumerate(local):
        day = reading // DAY_S
        if day not in offsets:
            begin, end = (offset_s(second, zone, 0) for second in (day * DAY_S, (day + 1) * DAY_S))
            offsets[day] = begin if begin == end else None
        offset = offsets[day]
        if offset is not None:
            seconds.append(reading - offset)
            continue
        instants = sorted({reading - offset_s(reading, zone, fold) for fold in (0, 1)})
        instants = [instant for instant in instants if instant + _offset_at_s(instant, zone) == reading]
        if not instants:
            limit = f"does not exist on the clock of {zone.key}: the clock skips it"
            raise BadInput("time", cells[row], limit, table.where(row))
        if len(instants) == 2:
            repeated.setdefault(reading, []).append(row)
        seconds.append(instants[0])
    for reading, rows in repeated.items():
        if len(rows) == 1:
            limit = f"is ambiguous on the clock of {zone.key}: the hour repeats, and the file has it once"
            raise BadInput("time", cells[rows[0]], limit, table.where(rows[0]))
        seconds[rows[1]] = reading - offset_s(reading, zone, 1)
    return seconds


def offset_s(local: int, zone: ZoneInfo, fold: int) -> int:
    """Offset from UTC at a reading of the local clock [s]; at a skipped or repeated one, before (0) or after (1)."""
    naive = datetime(1970, 1, 1, tzinfo=zone) + timedelta(seconds=local)  # arithmetic on the wall clock
    return _seconds(naive.replace(fold=fold).utcoffset())


def _offset_at_s(instant: int, zone: ZoneInfo) -> int:
    return _seconds(datetime.fromtimestamp(instant, zone).utcoffset())


def _seconds(offset: timedelta | None) -> int:
    return int((offset or timedelta()).total_seconds())


def _step(table: Table, cells: Sequence[str], seconds: NDArray[np.int64], zone: ZoneInfo | None) -> int:
    """The constant step of the times [s]. Raises BadInput at the first row that breaks it."""
    steps = np.diff(seconds)
    back = np.flatnonzero(steps <= 0)
    if back.size:
        raise not_after(table, cells, seconds, int(back[0]) + 1)
    lengths, counts = np.unique(steps, return_counts=True)
    step_s = int(lengths[np.argmax(counts)])
    if step_s % 60 or step_s // 60 not in INTERVAL_MINUTES:
        limit = f"must step by {', '.join(map(str, INTERVAL_MINUTES))} minutes, steps by {step_s / 60:g}"
        raise BadInput("time", cells[1], limit, table.where(1))
    uneven = np.flatnonzero(steps != step_s)
    if uneven.size:
        row = int(uneven[0]) + 1
        instant = int(seconds[row - 1]) + step_s
        missing = local_text(instant, zone) if zone else utc_text(instant)
        limit = f"{missing} is missing before it: the series must have no gap"
        if steps[row - 1] < step_s:
            limit = f"comes {steps[row - 1] / 60:g} minutes after the row before it, must come {step_s // 60}"
        raise BadInput("time", cells[row], limit, table.where(row))
    return step_s


def not_after(table: Table, cells: Sequence[str], seconds: NDArray[np.int64], row: int) -> BadInput:
    """The fault of a row whose time is not after that of the row before: given once more, or out of order."""
    same = np.flatnonzero(seconds[:row] == seconds[row])
    limit = (
        f"is given twice, first at line {table.lines[same[0]]}" if same.size else f"must come after {cells[row - 1]}"
    )
    return BadInput("time", cells[row], limit, table.where(row))
