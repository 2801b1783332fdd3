"""One register of one meter: from the cells of a table to whole watt-hours on a grid, and how good each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import INTERVAL_MINUTES, time_zone
from voltadesk.errors import BadInput
from voltadesk.feeds.meter_columns import MEASURED, MISSING, QUALITIES, Kind, Register
from voltadesk.feeds.table import Table, exact_cells
from voltadesk.feeds.times import _local_to_utc, _seconds_of, not_after
from voltadesk.units import ENERGY_LIMIT_WH

Stamps = Literal["start", "end"]
Ints = NDArray[np.int64]

TOTAL_LIMIT_WH = 10**17  # of one register in one file

_BLANK = {"", "na", "n/a", "nan", "null", "none", "-"}


@dataclass(frozen=True, eq=False)
class Reading:
    """One register of one meter in one file: energy of consecutive intervals of `step_s` from `start_utc`."""

    meter: str
    register: Register
    start_utc: int
    step_s: int
    energy_wh: Ints  # (count,) [Wh]; 0 where it is missing
    quality: NDArray[np.int8]  # (count,): MEASURED, ESTIMATED or MISSING
    line: Ints  # (count,) of the file; where there is no row, that of the row after it
    place: str

    @property
    def end_utc(self) -> int:
        return self.start_utc + len(self.energy_wh) * self.step_s


@dataclass(frozen=True)
class Series:
    """Cells of one register of one meter."""

    meter: str
    register: Register
    unit_wh: int
    kind: Kind
    column: int
    rows: Sequence[int] | None  # of the table; None: all
    quality: int | None  # column

    @property
    def name(self) -> str:
        return f"{self.meter} {self.register}"


class Reader:
    """Reads the series of one table; series with the same times share them."""

    def __init__(self, table: Table, time: int, timezone: str | None, stamps: Stamps) -> None:
        self.table, self.time, self.stamps = table, time, stamps
        self.zone = time_zone(timezone) if timezone is not None else None
        self.kinds: set[str] = set()
        self.units: set[int] = set()
        self.notes: list[str] = []
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
        self.kinds.add("counter readings" if series.kind == "cumulative" else "energy per interval")
        self.units.add(series.unit_wh)
        if table is not self.table:
            seconds = self._times(table)
        elif self._of_all is None:
            seconds = self._of_all = self._times(table)
        else:
            seconds = self._of_all
        step_s = _step(table, self.time, seconds)
        field = series.name
        quality = _qualities(table, series.quality)
        cells = table.cells(series.column)
        if "," in "".join(cells):
            cells = [cell.replace(",", ".") for cell in cells]  # decimal commas
        blank = {cell for cell in set(cells) if cell.lower() in _BLANK}
        missing = quality == MISSING
        if blank:
            missing |= np.array([cell in blank for cell in cells])
        present = np.flatnonzero(~missing)
        quality[missing] = MISSING
        lines = np.array(table.lines, np.int64)
        total_wh = _totals_wh(table, self.time, series, cells, present, field)
        counter = series.kind == "cumulative"
        if counter:
            starts, energy_wh = seconds[:-1], np.zeros(max(len(seconds) - 1, 0), np.int64)
            known = ~missing[1:] & ~missing[:-1] & (np.diff(seconds) == step_s)
            at = np.zeros(len(seconds), np.int64)
            at[present] = total_wh
            energy_wh[known] = np.diff(at)[known]
            flags = np.maximum(quality[1:], quality[:-1])
            flags[~known] = MISSING
            lines = lines[1:]
        else:
            starts = seconds - (step_s if self.stamps == "end" else 0)
            energy_wh = np.zeros(len(seconds), np.int64)
            energy_wh[present] = np.diff(total_wh, prepend=0)
            flags = quality
        if (over := np.flatnonzero(energy_wh > ENERGY_LIMIT_WH)).size:
            where = f"{table.place}: line {lines[over[0]]}"
            raise BadInput(field, f"{energy_wh[over[0]]} Wh", f"must be at most {ENERGY_LIMIT_WH} Wh", where)
        return _on_grid(series, table, step_s, starts, energy_wh, flags, lines)

    def _times(self, table: Table) -> Ints:
        cells = table.cells(self.time)
        key = tuple(cells)
        if key not in self._seconds:
            seconds, local = _seconds_of(table, cells)
            note = ""
            if local and self.zone is None:
                note = "times have no zone: read as UTC"
            elif local and self.zone is not None:
                note = f"times read on the clock of {self.zone.key}"
                seconds = _local_to_utc(table, cells, seconds, self.zone)
            if note and note not in self.notes:
                self.notes.append(note)
            self._seconds[key] = np.array(seconds, np.int64)
        return self._seconds[key]


def _step(table: Table, column: int, seconds: Ints) -> int:
    """The step of the times [s]. Raises BadInput at the first row that repeats, runs backwards or stands between."""
    steps = np.diff(seconds)

    def refuse(row: int, limit: str) -> BadInput:
        return BadInput("time", table.rows[row][column].strip(), limit, table.where(row))

    if not len(steps):
        raise refuse(0, "must have a row after it")
    if (back := np.flatnonzero(steps <= 0)).size:
        raise not_after(table, table.cells(column), seconds, int(back[0]) + 1)
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


def _totals_wh(table: Table, time: int, series: Series, cells: Sequence[str], present: Ints, field: str) -> Ints:
    """Floor of the running total after each row with a value, or of the counter there less its first reading [Wh]."""
    if not present.size:
        return np.zeros(0, np.int64)
    known = cells if present.size == len(cells) else [cells[row] for row in present.tolist()]

    def where(row: int) -> str:
        return table.where(int(present[row]))

    def refuse(row: int, limit: str) -> BadInput:
        when = table.rows[int(present[row])][time].strip()
        return BadInput(f"{field} at {when}", known[row], limit, where(row))

    exact = exact_cells(known, field, where)
    # Numbers with many decimals can be longer than 64 bits: Python's own integers then, in the same expressions.
    fits = sum(map(abs, exact.values)) * series.unit_wh < 1 << 62
    values = np.array(exact.values, np.int64 if fits else object)
    if series.kind == "cumulative":
        if (back := np.flatnonzero(values[1:] < values[:-1])).size:
            row = int(back[0]) + 1
            raise refuse(row, f"must not be less than the reading before it ({known[row - 1]}): it runs backwards")
        totals = values - values[0]
    else:
        if (negative := np.flatnonzero(values < 0)).size:
            raise refuse(int(negative[0]), "must not be negative")
        totals = np.cumsum(values)
    total_wh = totals * series.unit_wh // 10**exact.decimals
    if total_wh[-1] >= TOTAL_LIMIT_WH:
        raise refuse(-1, f"makes more than {TOTAL_LIMIT_WH} Wh in all")
    return np.asarray(total_wh, np.int64)


def _on_grid(
    series: Series, table: Table, step_s: int, starts: Ints, energy_wh: Ints, flags: NDArray[np.int8], lines: Ints
) -> Reading:
    """The rows on a grid without gaps; intervals without a row are missing."""
    places = (starts - starts[0]) // step_s
    count = int(places[-1]) + 1
    if count == len(starts):
        return Reading(series.meter, series.register, int(starts[0]), step_s, energy_wh, flags, lines, table.place)
    everything = np.zeros(count, np.int64)
    quality = np.full(count, MISSING, np.int8)
    everything[places], quality[places] = energy_wh, flags
    line = lines[np.searchsorted(places, np.arange(count))]
    return Reading(series.meter, series.register, int(starts[0]), step_s, everything, quality, line, table.place)
