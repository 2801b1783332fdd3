"""Series on a grid of intervals: prices repeat on a finer one, energies are shared or summed.

The one rounding made here is the floor of the running total (`split_energy_wh`): energy of an interval shared among its
parts, which sum to it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import IntervalGrid, utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.table import Table, column_named, listed
from voltadesk.feeds.times import STAMP


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


def value_column(table: Table, time_column: int, name: str | None, field: str) -> int:
    """The column of that name, else the only one without times, else the only one with "price" in its name."""
    if name is not None:
        return column_named(table, name, field)
    others = [i for i, cell in enumerate(table.rows[0]) if i != time_column and not STAMP.fullmatch(cell.strip())]
    priced = [i for i in others if "price" in table.columns[i].lower()]
    for candidates in (others, priced):
        if len(candidates) == 1:
            return candidates[0]
    names = listed(table, without=time_column)
    raise BadInput(field, None, f"no column chosen, must be one of the columns {names}", table.place)


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
