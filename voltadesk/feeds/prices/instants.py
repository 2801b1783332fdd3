"""Times of price files, in all the ways that they are written, as seconds in UTC."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import offsets, utc_text
from voltadesk.feeds.prices.layout import Finding
from voltadesk.feeds.table import Table
from voltadesk.feeds.times import DAY_S, STAMP, local_to_utc, seconds_of

_SLASHES = re.compile(r"(\d{4})[/-](\d\d?)[/-](\d\d?)[ T](\d\d?)(:\d\d.*)", re.ASCII)
_DAY_FIRST = re.compile(r"(\d\d)[./](\d\d)[./](\d{4}),? (\d\d?)(:\d\d.*)", re.ASCII)
_ENGLISH = re.compile(r"([A-Z][a-z]{2}) (\d\d?), (\d{4}),? (\d\d?)(:\d\d) ([AP])M", re.ASCII)
_MILLISECONDS = re.compile(r"(\d{9,10})000(\.0*)?", re.ASCII)
_MINUTE = re.compile(r"\d{9,10}", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MARKS = {" (CET)": "+01:00", " (CEST)": "+02:00", " (EET)": "+02:00", " (EEST)": "+03:00", " (WET)": "+00:00",
          " (WEST)": "+01:00"}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Instants:
    """The rows that have an instant, in the order of the file or of its reverse, and the second of each in UTC."""

    table: Table
    seconds: NDArray[np.int64]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]


def instants(table: Table, column: int, clock: str | None, zone: ZoneInfo, *, once: bool = False) -> Instants:
    """The second of each row's time. Times without an offset are read on the clock of `zone`, if there is a `clock`.

    A reading that the clock skips, or repeats while it stands there once, is left out and found. `once`: times recur,
    so that the two meanings of a repeated hour can't be told apart by their order.
    """
    cells = table.cells(column)
    plain = as_stamps(cells)
    table = table if plain is cells else _with(table, column, plain)
    if any(cell.endswith(")") for cell in plain):
        table = _with(table, column, _marked(plain, zone))
    readings, local = seconds_of(table, table.cells(column))
    if not local:
        return Instants(table, np.array(readings, np.int64), (), _wrong_offsets(table, column, readings, clock, zone))
    if clock is None:
        return Instants(table, np.array(readings, np.int64), ("times have no zone: read as UTC",), ())
    if sum(a > b for a, b in pairwise(readings)) > len(readings) // 2:
        # Newest first: the order tells the two meanings of a repeated hour.
        table, readings = table.only(range(len(readings) - 1, -1, -1)), readings[::-1]
    untold = _untold(readings, zone, once)
    findings = tuple(
        Finding(
            "clock",
            "hole",
            table.where(row),
            table.rows[row][column].strip(),
            limit,
            count,
            _about(readings[row], zone),
        )
        for row, limit, count in _runs(untold)
    )
    if untold:
        kept = [i for i in range(len(readings)) if i not in untold]
        table, readings = table.only(kept), [readings[i] for i in kept]
    seconds = local_to_utc(table, table.cells(column), readings, zone) if readings else []
    return Instants(table, np.array(seconds, np.int64), (f"times read on the clock of {zone.key}",), findings)


def ends(table: Table, column: int) -> NDArray[np.int64] | None:
    """The second of each row's end, where the column tells instants; an open end is 0."""
    cells = table.cells(column)
    plain = as_stamps(cells)
    told = [i for i, cell in enumerate(plain) if cell]
    if not told:
        return None
    readings, local = seconds_of(table.only(told), [plain[i] for i in told])
    if local:
        return None
    seconds = np.zeros(len(cells), np.int64)
    seconds[told] = readings
    return seconds


def time_text(cell: str) -> str:
    """A time as errors tell it: unix seconds of a whole minute as 2026-05-25T00:00Z, any other as it stands."""
    plain = _milliseconds(cell)
    return utc_text(int(plain)) if _MINUTE.fullmatch(plain) and int(plain) % 60 == 0 else cell


# Ways to write a time -------------------------------------------------------------------------------------------------
def as_stamps(cells: list[str]) -> list[str]:
    """Times written as 2025-01-31 14:00 or as unix seconds, as far as the first one shows another way."""
    first = next((cell for cell in cells if cell), "")
    if STAMP.fullmatch(first):
        return cells
    if " - " in first:
        return as_stamps([cell.partition(" - ")[0].strip() for cell in cells])
    for pattern, write in _WAYS:
        if pattern.match(first):
            known: dict[str, str] = {}
            return [known[cell] if cell in known else known.setdefault(cell, write(cell)) for cell in cells]
    return cells


def _year_first(cell: str) -> str:
    match = _SLASHES.fullmatch(cell)
    return f"{match[1]}-{match[2]:0>2}-{match[3]:0>2} {match[4]:0>2}{match[5]}" if match else cell


def _day_first(cell: str) -> str:
    match = _DAY_FIRST.fullmatch(cell)
    return f"{match[3]}-{match[2]}-{match[1]} {match[4]:0>2}{match[5]}" if match else cell


def _english(cell: str) -> str:
    match = _ENGLISH.fullmatch(cell)
    if match is None or match[1] not in _MONTHS or not 1 <= int(match[4]) <= 12:
        return cell
    hour = int(match[4]) % 12 + (12 if match[6] == "P" else 0)
    return f"{match[3]}-{_MONTHS.index(match[1]) + 1:02}-{match[2]:0>2} {hour:02}{match[5]}"


def _milliseconds(cell: str) -> str:
    match = _MILLISECONDS.fullmatch(cell)
    return match[1] if match else cell


_WAYS: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (_SLASHES, _year_first),
    (_DAY_FIRST, _day_first),
    (_ENGLISH, _english),
    (re.compile(r"\d{12,13}(\.0*)?$", re.ASCII), _milliseconds),
)


def _marked(cells: Sequence[str], zone: ZoneInfo) -> list[str]:
    """Times of which only those of a day with a clock change carry a mark: all with an offset."""
    written = []
    for cell in cells:
        mark = next((mark for mark in _MARKS if cell.endswith(mark)), "")
        plain = cell.removesuffix(mark)
        if not mark and STAMP.fullmatch(plain):
            offset = datetime.fromisoformat(plain).replace(tzinfo=zone).strftime("%z")
            written.append(plain + offset)
        else:
            written.append(plain + _MARKS.get(mark, ""))
    return written


def _with(table: Table, column: int, cells: Sequence[str]) -> Table:
    """The table with other cells in a column."""
    rows = [[*row[:column], cell, *row[column + 1 :]] for row, cell in zip(table.rows, cells, strict=True)]
    return replace(table, rows=rows)


# Clocks ---------------------------------------------------------------------------------------------------------------
def _untold(readings: list[int], zone: ZoneInfo, once: bool) -> dict[int, str]:
    """Rows whose reading the clock skips, or repeats while it does not stand there twice; and what to say of them."""
    changing = {day for day in {reading // DAY_S for reading in readings} if _both(day * DAY_S, zone)[0]
                != _both((day + 1) * DAY_S, zone)[1]}  # fmt: skip
    suspects = {row: reading for row, reading in enumerate(readings) if reading // DAY_S in changing}
    times = Counter(suspects.values())
    untold = {}
    for row, reading in suspects.items():
        before, after = _both(reading, zone)
        if before < after:
            untold[row] = f"does not exist on the clock of {zone.key}: the clock skips it"
        elif before > after and (once or times[reading] == 1):
            untold[row] = f"is ambiguous on the clock of {zone.key}: the hour repeats, and the file has it once"
    return untold


def _runs(untold: dict[int, str]) -> list[tuple[int, str, int]]:
    """Neighbouring rows of which the same is to be said: the first row, what to say, and how many."""
    runs: list[tuple[int, str, int]] = []
    for row, limit in sorted(untold.items()):
        if runs and runs[-1][1] == limit and row == runs[-1][0] + runs[-1][2]:
            runs[-1] = (runs[-1][0], limit, runs[-1][2] + 1)
        else:
            runs.append((row, limit, 1))
    return runs


def _both(reading: int, zone: ZoneInfo) -> tuple[timedelta, timedelta]:
    """Offsets from UTC at a reading of the local clock; they differ where a change skips or repeats it."""
    moment = datetime.fromtimestamp(reading, UTC).replace(tzinfo=zone)
    return moment.utcoffset() or timedelta(), moment.replace(fold=1).utcoffset() or timedelta()


def _about(reading: int, zone: ZoneInfo) -> int:
    return reading - int(_both(reading, zone)[0].total_seconds())


def later_instants(readings: Sequence[int], zone: ZoneInfo) -> NDArray[np.int64]:
    """Local readings in UTC; of two instants the later: nothing may be used before it was known."""
    unique = sorted(set(readings))
    found = [reading - int(min(_both(reading, zone)).total_seconds()) for reading in unique]
    return np.array(found, np.int64)[np.searchsorted(unique, readings)]


# Offsets that can't be ------------------------------------------------------------------------------------------------
def zone_offsets(seconds: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """The clock's offset from UTC at each second [s]."""
    if not len(seconds):
        return np.zeros(0, np.int64)
    parts = offsets(zone, int(seconds.min()), int(seconds.max()) + 1)
    until, offset = (np.array(values, np.int64) for values in zip(*parts, strict=True))
    return offset[np.minimum(np.searchsorted(until, seconds, side="right"), len(offset) - 1)]


def _wrong_offsets(
    table: Table, column: int, readings: list[int], clock: str | None, zone: ZoneInfo
) -> tuple[Finding, ...]:
    """Offsets, other than UTC, that the clock never has at that time."""
    if clock is None:
        return ()
    texts = [cell[-6:] if cell[-6:-5] in ("+", "-") and cell[-3:-2] == ":" else "" for cell in table.cells(column)]
    sizes = {text: (int(text[1:3]) * 3600 + int(text[4:]) * 60) * (-1 if text[0] == "-" else 1)
             for text in set(texts) if text}  # fmt: skip
    told = np.array([sizes.get(text, 0) for text in texts], np.int64)
    if not told.any():
        return ()
    seconds = np.array(readings, np.int64)
    wrong = np.flatnonzero((told != 0) & (told != zone_offsets(seconds, zone)))
    if not wrong.size:
        return ()
    row = int(wrong[0])
    return (_offset_finding(table, row, column, zone, int(wrong.size), int(seconds[row])),)


def unlike_local(table: Table, column: int, seconds: NDArray[np.int64], zone: ZoneInfo) -> tuple[Finding, ...]:
    """Rows whose time on the local clock, in a column of its own, is not the instant that they tell in UTC."""
    readings, local = seconds_of(table, as_stamps(table.cells(column)))
    if not local:
        return ()
    wrong = np.flatnonzero(np.array(readings, np.int64) != seconds + zone_offsets(seconds, zone))
    if not wrong.size:
        return ()
    row = int(wrong[0])
    return (_offset_finding(table, row, column, zone, int(wrong.size), int(seconds[row])),)


def _offset_finding(table: Table, row: int, column: int, zone: ZoneInfo, count: int, second: int) -> Finding:
    limit = f"is not what the clock of {zone.key} reads then"
    return Finding("offset", "suspect", table.where(row), table.rows[row][column].strip(), limit, count, second)
