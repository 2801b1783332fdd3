"""Time series from CSV files: exact integers on a UTC grid, or one line that says why not.

A file has a header, one column of times and one or more of values; lines that begin with # are skipped. No value
passes through a float. What was decided on the way is said in `Series.notes`.

Roundings made here, both in integers:
  half to even         `read_series(..., rounding="half-even")`: a price with more decimals than the tick
  floor of the total   `split_energy_wh`: energy of an interval shared among its parts, which sum to it exactly
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.clock import IntervalGrid, utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.table import Exact, Table, column_named, exact_numbers, listed, read_table
from voltadesk.feeds.times import STAMP, Span, read_times

Rounding = Literal["refuse", "half-even"]


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


def read_series(
    path: Path | str,
    *,
    field: str = "prices",
    column: str | None = None,
    time_column: str | None = None,
    timezone: str | None = None,
    span: Span | None = None,
    decimals: int = 2,
    unit_scale: int = 1,
    rounding: Rounding = "refuse",
    limit: int = units.PRICE_LIMIT_TICK,
) -> Series:
    """One column of a CSV file as integers of 10**-`decimals`, each value multiplied by `unit_scale` first.

    `column` defaults to the only one that holds no times, or the only one with "price" in its name. Times are ISO 8601
    with Z or an offset, unix seconds, or a plain date and time, which is read on the clock of `timezone` (an IANA
    name), or as UTC without one. Where a `span` is given, only the rows that cover it are checked and read; of the
    others, only that they have a time. With `rounding="half-even"`, values with more decimals are rounded and counted
    in the notes; otherwise they are refused.

    Raises BadInput, naming the file and the line, for a file that can't be read, an unknown column, a cell that is
    blank or no finite number or beyond +-`limit`, a local time that does not exist or is ambiguous, and times that
    repeat, run backwards, leave a gap or keep no step of 5, 10, 15, 30 or 60 minutes, or don't cover the span.
    """
    table, times = read_times(read_table(path, field), time_column, timezone, span)
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


def value_column(table: Table, time_column: int, name: str | None, field: str) -> int:
    """The column of that name, else the only one without times, else the only one with "price" in its name."""
    if name is not None:
        return column_named(table, name, field)
    others = [i for i, cell in enumerate(table.rows[0]) if i != time_column and not STAMP.fullmatch(cell.strip())]
    priced = [i for i in others if "price" in table.columns[i].lower()]
    for candidates in (others, priced):
        if len(candidates) == 1:
            return candidates[0]
    raise BadInput(field, None, f"no column chosen, must be one of the columns {listed(table)}", table.place)


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
