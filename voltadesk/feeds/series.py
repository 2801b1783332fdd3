"""Time series from CSV files: exact integers on a UTC grid, or one line that says why not.

A file has a header, one column of times and one or more of values; lines that begin with # are skipped. No value
passes through a float. What was decided on the way is said in `Series.notes`.

Roundings made here, both in integers:
  half to even         `read_series(..., rounding="half-even")`: a price with more decimals than the tick
  floor of the total   `split_energy_wh`: energy of an interval shared among its parts, which sum to it exactly
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import gcd
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.clock import INTERVAL_MINUTES, IntervalGrid, local_text, time_zone, utc_text
from voltadesk.errors import BadInput

FILE_LIMIT_BYTES = 512 * 1024 * 1024
DECIMALS_LIMIT = 30  # decimals of a value as it stands in a file
DAY_S = 86_400
YEARS = ("1970", "2199")

Rounding = Literal["refuse", "half-even"]

_PLAIN_COLUMN = re.compile(r"(?:[+-]?\d{1,18}(?:\.\d{0,30})?(?:\n|\Z))*+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_UNIX = re.compile(r"(\d{8,11})(?:\.0*)?", re.ASCII)
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.0+)?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Series:
    """Values [10**-decimals of the column's unit] of consecutive intervals of `step_s` from `start_utc`."""

    start_utc: int
    step_s: int
    values: NDArray[np.int64]  # shape (count,), read-only
    column: str
    notes: tuple[str, ...] = ()

    @property
    def end_utc(self) -> int:
        return self.start_utc + len(self.values) * self.step_s


@dataclass(frozen=True, eq=False)
class Table:
    """A CSV file as text: `rows[i]` stood in line `lines[i]`; every row is as wide as `columns`."""

    place: str
    columns: list[str]
    rows: list[list[str]]
    lines: list[int]

    def where(self, row: int) -> str:
        return f"{self.place}: line {self.lines[row]}"

    def cells(self, column: int) -> list[str]:
        return [row[column].strip() for row in self.rows]


@dataclass(frozen=True, eq=False)
class Times:
    """The grid that a column of times describes."""

    column: int
    start_utc: int
    step_s: int
    note: str


@dataclass(frozen=True, eq=False)
class Exact:
    """A column of numbers without loss: `values[i]` x 10**-decimals. Python integers, so that nothing overflows."""

    values: list[int]
    decimals: int


def read_series(
    path: Path | str,
    *,
    field: str = "prices",
    column: str | None = None,
    time_column: str | None = None,
    timezone: str | None = None,
    decimals: int = 2,
    unit_scale: int = 1,
    rounding: Rounding = "refuse",
    limit: int = units.PRICE_LIMIT_TICK,
) -> Series:
    """One column of a CSV file as integers of 10**-`decimals`, each value multiplied by `unit_scale` first.

    `column` defaults to the only one that holds no times, or the only one with "price" in its name. Times are ISO 8601
    with Z or an offset, unix seconds, or a plain date and time, which is read on the clock of `timezone` (an IANA
    name), or as UTC without one. With `rounding="half-even"`, values with more decimals are rounded and counted in the
    notes; otherwise they are refused.

    Raises BadInput, naming the file and the line, for a file that can't be read, an unknown column, a cell that is
    blank or no finite number or beyond +-`limit`, a local time that does not exist or is ambiguous, and times that
    repeat, run backwards, leave a gap or keep no step of 5, 10, 15, 30 or 60 minutes.
    """
    table = read_table(path, field)
    times = read_times(table, time_column, timezone)
    chosen = value_column(table, times.column, column, field)
    exact = exact_numbers(table, chosen, field)
    values, rounded = _to_decimals(table, chosen, exact, decimals, unit_scale, rounding, field)
    for row, value in enumerate(values):
        if not -limit <= value <= limit:
            high = units.decimal_text(limit, decimals)
            raise BadInput(field, table.cells(chosen)[row], f"must lie between -{high} and {high}", table.where(row))
    notes = [times.note] if times.note else []
    if rounded:
        notes.append(f"rounded to the tick: {rounded:,} of {len(values):,} values")
    array = np.array(values, np.int64)
    array.flags.writeable = False
    return Series(times.start_utc, times.step_s, array, table.columns[chosen], tuple(notes))


# The file -------------------------------------------------------------------------------------------------------------
def read_table(path: Path | str, field: str) -> Table:
    """A CSV file's header and rows as text. Raises BadInput when it can't be read or a row is too long or short."""
    place = str(path)
    lines = _text(Path(path), field).split("\n")
    # A comment becomes an empty line, so that the reader's count of lines stays the file's.
    reader = csv.reader(("" if line.startswith("#") else line for line in lines), strict=True)
    columns: list[str] = []
    rows: list[list[str]] = []
    numbers: list[int] = []
    try:
        for row in reader:
            if not row:
                continue
            if not columns:
                columns = [name.strip() for name in row]
            elif len(row) != len(columns):
                limit = f"must have {len(columns)} columns like the header, has {len(row)}"
                raise BadInput("row", ",".join(row), limit, f"{place}: line {reader.line_num}")
            else:
                rows.append(row)
                numbers.append(reader.line_num)
    except csv.Error as error:
        raise BadInput("row", str(error), "must be CSV text", f"{place}: line {reader.line_num}") from None
    if len(rows) < 2:
        raise BadInput(field, f"{len(rows)} rows", "must have a header and at least 2 rows", place)
    return Table(place, columns, rows, numbers)


def _text(path: Path, field: str) -> str:
    limit = "must be a CSV file in UTF-8"
    try:
        if path.stat().st_size > FILE_LIMIT_BYTES:
            raise BadInput(
                field, f"{path.stat().st_size} bytes", f"must be at most {FILE_LIMIT_BYTES} bytes", str(path)
            )
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise BadInput(field, "no such file", limit, str(path)) from None
    except IsADirectoryError:
        raise BadInput(field, "a directory", limit, str(path)) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(field, f"byte 0x{error.object[error.start]:02x}", limit, f"{path}: line {line}") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise BadInput(field, str(error), limit, str(path)) from None
    if not text.strip():
        raise BadInput(field, "an empty file", limit, str(path))
    return text


def column_named(table: Table, name: str, field: str) -> int:
    """The place of the column of that name. Raises BadInput listing the columns when it is missing or stands twice."""
    places = [i for i, column in enumerate(table.columns) if column == name.strip()]
    if len(places) != 1:
        problem = "stands more than once in" if places else "is not among"
        raise BadInput(field, name, f"{problem} the columns {_listed(table)}", table.place)
    return places[0]


def value_column(table: Table, time_column: int, name: str | None, field: str) -> int:
    """The column of that name, else the only one without times, else the only one with "price" in its name."""
    if name is not None:
        return column_named(table, name, field)
    others = [i for i, cell in enumerate(table.rows[0]) if i != time_column and not _STAMP.fullmatch(cell.strip())]
    priced = [i for i in others if "price" in table.columns[i].lower()]
    for candidates in (others, priced):
        if len(candidates) == 1:
            return candidates[0]
    raise BadInput(field, "no column chosen", f"must be one of the columns {_listed(table)}", table.place)


def _listed(table: Table) -> str:
    return ", ".join(name or "(no name)" for name in table.columns)


# Numbers --------------------------------------------------------------------------------------------------------------
def exact_numbers(table: Table, column: int, field: str) -> Exact:
    """A column's numbers at the scale of the one with the most decimals.

    Raises BadInput with the line for a cell that is blank, no number, not finite, or too long.
    """
    digits: list[str] = []  # without the point
    places: list[int] = []  # how many of them stand behind it
    cells = table.cells(column)
    text = "\n".join(cells)
    plain = text.count("\n") == len(cells) - 1 and _PLAIN_COLUMN.fullmatch(text)
    for row, cell in enumerate(cells):
        whole, _, part = cell.partition(".") if plain else _number(cell, field, table.where(row)).partition(".")
        part = part.rstrip("0")
        digits.append(whole + part)
        places.append(len(part))
    most = max(places)
    factors = [10 ** (most - place) for place in range(most + 1)]
    return Exact([int(number) * factors[place] for number, place in zip(digits, places, strict=True)], most)


def _number(cell: str, field: str, where: str) -> str:
    """A number as text without exponent. Raises BadInput."""
    if not cell:
        raise BadInput(field, cell, "is blank: the series must have no gap", where)
    try:
        number = units.parse_decimal(cell, field)
    except BadInput as error:
        raise error.at(where) from None
    if not _NUMBER.fullmatch(cell):  # Decimal also takes underscores and digits of other scripts
        raise BadInput(field, cell, "must be a number", where)
    text = format(number, "f")
    if len(text.partition(".")[2].rstrip("0")) > DECIMALS_LIMIT:
        raise BadInput(field, cell, f"must have at most {DECIMALS_LIMIT} decimals", where)
    return text


def _to_decimals(
    table: Table, column: int, exact: Exact, decimals: int, unit_scale: int, rounding: Rounding, field: str
) -> tuple[list[int], int]:
    """Integers of 10**-decimals, and how many of them had to be rounded (half to even)."""
    if exact.decimals <= decimals:
        factor = unit_scale * 10 ** (decimals - exact.decimals)
        return [value * factor for value in exact.values], 0
    divisor, values, rounded = 10 ** (exact.decimals - decimals), [], 0
    for row, value in enumerate(exact.values):
        whole, rest = divmod(value * unit_scale, divisor)
        if rest:
            if rounding == "refuse":
                limit = f"must have at most {decimals} decimals"
                raise BadInput(field, table.rows[row][column].strip(), limit, table.where(row))
            rounded += 1
            if 2 * rest > divisor or (2 * rest == divisor and whole % 2):
                whole += 1
        values.append(whole)
    return values, rounded


# Times ----------------------------------------------------------------------------------------------------------------
def read_times(table: Table, name: str | None, timezone: str | None) -> Times:
    """The grid that the file's times describe. Raises BadInput with the line where they don't describe one."""
    zone = time_zone(timezone) if timezone is not None else None
    column = _time_column(table, name)
    cells = table.cells(column)
    stamp = _STAMP.fullmatch(cells[0])
    if stamp is None:
        seconds, note = _unix_seconds(table, cells), ""
    elif stamp[5] is not None:
        seconds, note = _stamps(table, cells, offsets=True), ""
    elif zone is None:
        seconds, note = _stamps(table, cells, offsets=False), "times have no zone: read as UTC"
    else:
        seconds = _local_to_utc(table, cells, _stamps(table, cells, offsets=False), zone)
        note = f"times read on the clock of {zone.key}"
    step_s = _step(table, cells, np.array(seconds, np.int64), zone if note else None)
    if seconds[0] % step_s:
        limit = f"must lie on the UTC grid of {step_s // 60} minutes"
        raise BadInput("time", cells[0], limit, table.where(0))
    return Times(column, seconds[0], step_s, note)


def _time_column(table: Table, name: str | None) -> int:
    if name is not None:
        return column_named(table, name, "time column")
    for pattern in (_STAMP, _UNIX):
        for column, cell in enumerate(table.rows[0]):
            if pattern.fullmatch(cell.strip()):
                return column
    limit = f"no column among {_listed(table)} holds times such as 2025-01-31T14:00Z or 2025-01-31 14:00"
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
    match = _STAMP.fullmatch(stamp)
    if not match or (match[5] is not None) != offset or not YEARS[0] <= stamp[:4] <= YEARS[1]:
        raise ValueError
    clock = time(int(match[2]), int(match[3]), int(match[4] or 0))
    shift = 0
    if match[5] not in (None, "Z"):
        size = time(int(match[5][1:3]), int(match[5][-2:]))
        shift = (size.hour * 60 + size.minute) * (-60 if match[5][0] == "-" else 60)
    since_midnight = clock.hour * 3600 + clock.minute * 60 + clock.second
    return (date.fromisoformat(match[1]) - date(1970, 1, 1)).days * DAY_S, since_midnight - shift


def _local_to_utc(table: Table, cells: Sequence[str], local: list[int], zone: ZoneInfo) -> list[int]:
    """UTC seconds of local clock readings; of two rows with the same reading, the first is the earlier instant."""
    offsets: dict[int, int | None] = {}  # by local day; None on a day with a clock change
    seconds: list[int] = []
    repeated: dict[int, list[int]] = {}
    for row, reading in enumerate(local):
        day = reading // DAY_S
        if day not in offsets:
            begin, end = (_offset_s(second, zone, 0) for second in (day * DAY_S, (day + 1) * DAY_S))
            offsets[day] = begin if begin == end else None
        offset = offsets[day]
        if offset is not None:
            seconds.append(reading - offset)
            continue
        instants = sorted({reading - _offset_s(reading, zone, fold) for fold in (0, 1)})
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
        seconds[rows[1]] = reading - _offset_s(reading, zone, 1)
    return seconds


def _offset_s(local: int, zone: ZoneInfo, fold: int) -> int:
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
        row = int(back[0]) + 1
        limit = "stands twice" if steps[row - 1] == 0 else f"must come after {cells[row - 1]}"
        raise BadInput("time", cells[row], limit, table.where(row))
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


# Onto a grid ----------------------------------------------------------------------------------------------------------
def split_energy_wh(energy_wh: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """Each energy [Wh] shared among `parts` equal spans, shape (count * parts,); floor of the running total.

    The parts of one energy sum to it exactly and differ by at most 1 Wh.
    """
    share = np.arange(parts + 1, dtype=np.int64)
    totals = energy_wh[:, None] // parts * share + energy_wh[:, None] % parts * share // parts  # no product overflows
    return np.diff(totals, axis=1).reshape(-1)


def resample(series: Series, grid: IntervalGrid, kind: Literal["price", "energy"]) -> NDArray[np.int64]:
    """The series on a grid, shape (count,): prices repeat, energies are shared or summed.

    Prices on a coarser grid are refused where they would have to be averaged. Raises BadInput for that, and for a
    series that does not cover the grid.
    """
    if series.start_utc > grid.start_utc or series.end_utc < grid.end_utc:
        covers = f"covers {utc_text(series.start_utc)} to {utc_text(series.end_utc)}"
        needs = f"needs {utc_text(grid.start_utc)} to {utc_text(grid.end_utc)}"
        raise BadInput("series", series.column, f"{covers}, {needs}")
    cell_s = gcd(series.step_s, grid.step_s)
    parts = series.step_s // cell_s
    cells = np.repeat(series.values, parts) if kind == "price" else split_energy_wh(series.values, parts)
    first = (grid.start_utc - series.start_utc) // cell_s
    per_interval = grid.step_s // cell_s
    intervals = cells[first : first + grid.count * per_interval].reshape(grid.count, per_interval)
    if kind == "energy":
        sums: NDArray[np.int64] = intervals.sum(axis=1)
        return sums
    changing = np.flatnonzero((intervals != intervals[:, :1]).any(axis=1))
    if changing.size:
        when = utc_text(grid.start_utc + int(changing[0]) * grid.step_s)
        limit = f"prices step by {series.step_s // 60} minutes and change within {grid.step_s // 60} minutes of {when}"
        raise BadInput("series", series.column, f"{limit}: choose a shorter interval")
    return intervals[:, 0].copy()
