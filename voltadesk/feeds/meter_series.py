"""One register of one meter: from the cells of a table to whole watt-hours on a grid, and how good each is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import INTERVAL_MINUTES, time_zone, utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.meter_columns import MEASURED, MISSING, QUALITIES, Kind, Register, Unit
from voltadesk.feeds.table import Exact, Table, exact_cells
from voltadesk.feeds.times import local_to_utc, not_after, seconds_of
from voltadesk.units import ENERGY_LIMIT_WH

Stamps = Literal["start", "end"]
Ints = NDArray[np.int64]
# In as few bits as are enough (a year of ten thousand members is 700 million values): to be widened before it is used.
Wh = NDArray[np.int64] | NDArray[np.int32] | NDArray[np.int16]
WIDTHS = (np.int16, np.int32, np.int64)

TOTAL_LIMIT_WH = 10**17  # of one register in one file

BLANK = {"", "na", "n/a", "nan", "null", "none", "-"}


@dataclass(frozen=True, eq=False)
class Reading:
    """One register of one meter in one file: energy of consecutive intervals of `step_s` from `start_utc`."""

    meter: str
    register: Register
    start_utc: int
    step_s: int
    energy_wh: Wh  # (count,) [Wh]; 0 where it is missing
    quality: NDArray[np.int8]  # (count,): MEASURED, ESTIMATED or MISSING
    line: Ints | range  # (count,) of the file; where there is no row, that of the row after it
    place: str

    @property
    def end_utc(self) -> int:
        return self.start_utc + len(self.energy_wh) * self.step_s


@dataclass(frozen=True)
class Series:
    """Cells of one register of one meter."""

    meter: str
    register: Register
    unit: Unit
    kind: Kind
    column: int
    rows: Sequence[int] | Ints | None  # of the table; None: all
    quality: int | None  # column

    @property
    def name(self) -> str:
        return f"{self.meter} {self.register}"


class Said:
    """What was understood of a file."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self.units: set[Unit] = set()
        self.times: list[str] = []  # how they were read

    def add(self, series: Series) -> None:
        """The kind and the unit of a series."""
        each = "mean power of each interval" if series.unit.is_power else "energy per interval"
        self.kinds.add("counter readings" if series.kind == "cumulative" else each)
        self.units.add(series.unit)

    def clock(self, is_local: bool, zone: ZoneInfo | None) -> None:
        """How times were read that carry no zone."""
        note = "times have no zone: read as UTC" if zone is None else f"times read on the clock of {zone.key}"
        if is_local and note not in self.times:
            self.times.append(note)


class Reader:
    """Reads the series of one table; series with the same times share them."""

    def __init__(self, table: Table, time: int, timezone: str | None, stamps: Stamps) -> None:
        self.table, self.time, self.stamps = table, time, stamps
        self.zone = time_zone(timezone) if timezone is not None else None
        self.said = Said()
        self._of_all: Ints | None = None  # of a wide file, whose series all have the same rows
        self._seconds: dict[tuple[str, ...], Ints] = {}

    def read(self, series: Series) -> Reading:
        """A series' reading. Raises BadInput: of a value by the series' name, else (`time`, `quality`) of its rows."""
        table = self.table
        if series.rows is not None:
            rows, lines = table.rows, table.lines
            table = Table(table.place, table.columns, [rows[r] for r in series.rows], [lines[r] for r in series.rows])
        return self._read(table, series)

    def _read(self, table: Table, series: Series) -> Reading:
        self.said.add(series)
        if table is not self.table:
            seconds = self._times(table)
        elif self._of_all is None:
            seconds = self._of_all = self._times(table)
        else:
            seconds = self._of_all

        def bad_time(row: int, limit: str | None) -> BadInput:
            times = table.cells(self.time)
            if limit is None:
                return not_after(table, times, seconds, row)
            return BadInput("time", times[row], limit, table.where(row))

        field = series.name
        step_s = step_of(seconds, bad_time)
        quality = _qualities(table, series.quality)
        cells = table.cells(series.column)
        if "," in "".join(cells):
            cells = [cell.replace(",", ".") for cell in cells]  # decimal commas
        blank = {cell for cell in set(cells) if cell.lower() in BLANK}
        missing = quality == MISSING
        if blank:
            missing |= np.array([cell in blank for cell in cells])
        present = np.flatnonzero(~missing)
        known = cells if present.size == len(cells) else [cells[row] for row in present.tolist()]

        def where(row: int) -> str:
            return table.where(int(present[row]))

        def refuse(row: int, limit: str) -> BadInput:
            when = table.rows[int(present[row])][self.time].strip()
            when = utc_text(int(seconds[present[row]])) if when.isdigit() else when  # Green Button counts seconds
            return BadInput(f"{field} at {when}", known[row], limit, where(row))

        exact = exact_cells(known, field, where) if known else Exact([], 0)
        total_wh = totals_wh(series, step_s, exact.values, exact.decimals, known.__getitem__, refuse)
        cut = Cut(series, table.place, step_s, seconds, quality, missing, np.array(table.lines, np.int64))
        return cut.reading(total_wh, self.stamps)

    def _times(self, table: Table) -> Ints:
        cells = table.cells(self.time)
        key = tuple(cells)
        if key not in self._seconds:
            seconds, local = seconds_of(table, cells)
            self.said.clock(local, self.zone)
            if local and self.zone is not None:
                seconds = local_to_utc(table, cells, seconds, self.zone)
            self._seconds[key] = np.array(seconds, np.int64)
        return self._seconds[key]


def step_of(seconds: Ints, refuse: Callable[[int, str | None], BadInput]) -> int:
    """The step of the times [s]. Raises BadInput at the first row that repeats, runs backwards or stands between.

    `refuse` makes the fault of a row's time; without a limit, that of one which is not after the row before.
    """
    steps = np.diff(seconds)
    if not len(steps):
        raise refuse(0, "must have a row after it")
    if (back := np.flatnonzero(steps <= 0)).size:
        raise refuse(int(back[0]) + 1, None)
    lengths, counts = np.unique(steps, return_counts=True)
    step_s = int(lengths[np.argmax(counts)])
    if step_s % 60 or step_s // 60 not in INTERVAL_MINUTES:
        limit = f"must step by {', '.join(map(str, INTERVAL_MINUTES))} minutes, steps by {step_s / 60:g}"
        raise refuse(1, limit)
    if (uneven := np.flatnonzero(steps % step_s)).size:
        row = int(uneven[0]) + 1
        raise refuse(row, f"comes {steps[row - 1] / 60:g} minutes after the row before it: intervals overlap")
    if seconds[0] % step_s:
        raise refuse(0, f"must lie on the UTC grid of {step_s // 60} minutes")
    return step_s


def _qualities(table: Table, column: int | None) -> NDArray[np.int8]:
    if column is None:
        return np.full(len(table.rows), MEASURED, np.int8)
    cells = [cell.lower() for cell in table.cells(column)]
    for row, cell in enumerate(cells):
        if cell not in QUALITIES:
            raise BadInput("quality", cell, "must be measured, estimated or missing", table.where(row))
    return np.array([QUALITIES[cell] for cell in cells], np.int8)


def totals_wh(
    series: Series,
    step_s: int,
    numbers: Sequence[int] | Ints,
    decimals: int,
    text: Callable[[int], str],
    refuse: Callable[[int, str], BadInput],
) -> Ints:
    """Floor of the running total after each value, or of the counter there less its first reading [Wh].

    numbers, decimals  the values are numbers x 10**-decimals, in the unit of the series
    text, refuse       what stands for the value with a number, and the fault of it
    """
    if not len(numbers):
        return np.zeros(0, np.int64)
    factor, divisor = series.unit.wh, 10**decimals
    if series.unit.is_power:
        factor, divisor = factor * step_s, divisor * 3600
    most = max(int(np.max(numbers)), -int(np.min(numbers)))
    # Numbers with many decimals can be longer than 64 bits: Python's own integers then, in the same expressions.
    fits = most * len(numbers) * factor < 1 << 62
    values = np.asarray(numbers, np.int64 if fits else object)
    if series.kind == "cumulative":
        if (back := np.flatnonzero(values[1:] < values[:-1])).size:
            row = int(back[0]) + 1
            raise refuse(row, f"must not be less than the reading before it ({text(row - 1)}): it runs backwards")
        totals = values - values[0]
    else:
        if (negative := np.flatnonzero(values < 0)).size:
            raise refuse(int(negative[0]), "must not be negative")
        totals = np.cumsum(values)
    total_wh = totals * factor // divisor
    if total_wh[-1] >= TOTAL_LIMIT_WH:
        raise refuse(len(values) - 1, f"makes more than {TOTAL_LIMIT_WH} Wh in all")
    return np.asarray(total_wh, np.int64)


@dataclass(frozen=True, eq=False)
class Cut:
    """The rows of one register, before they are put on a grid; arrays are (rows,)."""

    series: Series
    place: str
    step_s: int
    seconds: Ints  # [UTC s]
    quality: NDArray[np.int8]
    missing: NDArray[np.bool_]
    lines: Ints | range

    def reading(self, total_wh: Ints, stamps: Stamps) -> Reading:
        """The register on its grid, from the totals of the rows that are not missing. Raises BadInput."""
        seconds, missing, lines, step_s = self.seconds, self.missing, self.lines, self.step_s
        present = np.flatnonzero(~missing)
        quality = np.where(missing, np.int8(MISSING), self.quality)
        if self.series.kind == "cumulative":
            starts, energy_wh = seconds[:-1], np.zeros(max(len(seconds) - 1, 0), np.int64)
            known = ~missing[1:] & ~missing[:-1] & (np.diff(seconds) == step_s)
            at = np.zeros(len(seconds), np.int64)
            at[present] = total_wh
            energy_wh[known] = np.diff(at)[known]
            flags = np.maximum(quality[1:], quality[:-1])
            flags[~known] = MISSING
            lines = lines[1:]
        else:
            starts = seconds - (step_s if stamps == "end" else 0)
            energy_wh = np.zeros(len(seconds), np.int64)
            energy_wh[present] = np.diff(total_wh, prepend=0)
            flags = quality
        if (over := np.flatnonzero(energy_wh > ENERGY_LIMIT_WH)).size:
            where = f"{self.place}: line {lines[int(over[0])]}"
            raise BadInput(self.series.name, f"{energy_wh[over[0]]} Wh", f"must be at most {ENERGY_LIMIT_WH} Wh", where)
        return self._on_grid(starts, energy_wh, flags, lines)

    def _on_grid(self, starts: Ints, energy_wh: Ints, flags: NDArray[np.int8], lines: Ints | range) -> Reading:
        """The rows on a grid without gaps; intervals without a row are missing."""
        places = (starts - starts[0]) // self.step_s
        count = int(places[-1]) + 1
        if count > len(starts):
            rows = (energy_wh, flags)
            energy_wh, flags = np.zeros(count, np.int64), np.full(count, MISSING, np.int8)
            energy_wh[places], flags[places] = rows
            lines = np.asarray(lines, np.int64)[np.searchsorted(places, np.arange(count))]
        kind = next(kind for kind in WIDTHS if energy_wh.max() <= np.iinfo(kind).max)
        narrow: Wh = energy_wh.astype(kind)  # type: ignore[assignment]  # one of the three
        if (flags == flags[0]).all():
            flags = np.broadcast_to(flags[0], len(flags))  # held once
        series = self.series
        return Reading(series.meter, series.register, int(starts[0]), self.step_s, narrow, flags, lines, self.place)
