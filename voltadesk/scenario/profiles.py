"""The shipped tables of load, sun and wind, and the series they make on a grid of intervals.

The tables are integers made by `data/make_profiles.py`; each file's comment says from what. Nothing here uses a float,
so a profile is the same on every machine.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest
from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import voltadesk
from voltadesk.clock import IntervalGrid
from voltadesk.errors import BadInput

QUARTER_S = 900
DAY_S = 86_400
DAY_TYPES = ("workday", "saturday", "sunday")
ANCHOR_DAY = 15  # day of the month that a row of clear_sky.csv describes
MWH_PER_WH = 1_000  # thousandths of a watt-hour


def data_folder() -> Path:
    """The folder of shipped data: `voltadesk/data` in an installed package, else `data/` of the source tree.

    Raises BadInput when neither is there.
    """
    package = Path(voltadesk.__file__).resolve().parent
    for folder in (package / "data", package.parent / "data"):
        if (folder / "profiles").is_dir():
            return folder
    raise BadInput("data folder", str(package / "data"), "is missing from this installation")


# Tables ---------------------------------------------------------------------------------------------------------------
def standard_load() -> dict[str, NDArray[np.int64]]:
    """Standard load profiles by name (H25, G25, L25, P25, S25): [Wh per quarter-hour per 1e9 Wh a year].

    Each is read-only, shape (12, 3, 96): month, day type (workday, saturday, sunday), quarter-hour of the local day.
    Source: BDEW Standardlastprofile Strom 2025; see `data/profiles/standard_load.csv`.
    """
    return dict(_standard_load())


def clear_sky() -> dict[str, NDArray[np.int64]]:
    """Clear-sky yield by orientation (south, east, west, flat, facade): [Wh per quarter-hour per kW of peak power].

    Each is read-only, shape (12, 96): the 15th of the month, UTC quarter-hour. Source: pvlib's Ineichen model at
    48 N 9 E; see `data/profiles/clear_sky.csv`.
    """
    return dict(_clear_sky())


@lru_cache(maxsize=1)
def wind_ppm() -> NDArray[np.int64]:
    """Capacity factor of a synthetic wind farm [ppm], read-only, shape (365, 24): day of the year, UTC hour.

    Source: a seeded model, described in `data/profiles/wind.csv`.
    """
    expected = [(str(day),) for day in range(1, 366)]
    return _frozen(np.array(_table("wind.csv", expected, 24), np.int64))


@lru_cache(maxsize=1)
def _standard_load() -> dict[str, NDArray[np.int64]]:
    names = ("H25", "G25", "L25", "P25", "S25")
    keys = [(name, str(month), day_type) for name in names for month in range(1, 13) for day_type in DAY_TYPES]
    table = np.array(_table("standard_load.csv", keys, 96), np.int64).reshape(len(names), 12, 3, 96)
    return {name: _frozen(table[i]) for i, name in enumerate(names)}


@lru_cache(maxsize=1)
def _clear_sky() -> dict[str, NDArray[np.int64]]:
    names = ("south", "east", "west", "flat", "facade")
    keys = [(name, str(month)) for name in names for month in range(1, 13)]
    table = np.array(_table("clear_sky.csv", keys, 96), np.int64).reshape(len(names), 12, 96)
    return {name: _frozen(table[i]) for i, name in enumerate(names)}


def _frozen(values: NDArray[np.int64]) -> NDArray[np.int64]:
    values.flags.writeable = False
    return values


def _table(name: str, keys: Sequence[tuple[str, ...]], columns: int) -> list[list[int]]:
    """The rows of a shipped table, which must stand in the order of `keys`."""
    path = data_folder() / "profiles" / name
    with path.open(encoding="ascii", newline="") as file:
        rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")][1:]
    width = len(keys[0])
    for row, key in zip_longest(rows, keys):
        expected = ",".join(key or ("the end",))
        if row is None or key is None or tuple(row[:width]) != key or len(row) != width + columns:
            raise BadInput(
                "row", ",".join((row or ["missing"])[:3]), f"must be {expected} with {columns} values", str(path)
            )
    return [[int(cell) for cell in row[width:]] for row in rows]


# Series on a grid -----------------------------------------------------------------------------------------------------
def load_profile(name: str, grid: IntervalGrid, pad: int = 0) -> NDArray[np.int64]:
    """A standard load profile on the grid's local clock [Wh per interval per 1e9 Wh a year], shape (count + 2 * pad,).

    `pad` intervals are added before and after the grid. Intervals longer than a quarter-hour sum its quarters; shorter
    ones share it by the floor of the running total, so that the parts of a quarter-hour sum to it exactly. On days the
    clock changes, the hour that is skipped is missing and the one that repeats counts twice. Public holidays are not
    known here. Raises BadInput when there is no profile of that name.
    """
    table = _named(_standard_load(), name, "profile")
    cells = _cells(grid, pad)
    month, weekday, second = cells.local_fields()
    day_type = np.maximum(weekday - 4, 0)  # Monday to Friday 0, Saturday 1, Sunday 2
    quarters = table[month - 1, day_type, second // QUARTER_S]
    return _on_grid(quarters, second, cells.step_s, grid.step_s)


def clear_sky_profile(orientation: str, grid: IntervalGrid) -> NDArray[np.int64]:
    """Clear-sky yield [thousandths of Wh per interval per kW of peak power], shape (count,).

    Between the 15ths of two months the table is interpolated by whole UTC days,
    `(earlier * (span - passed) + later * passed) // span`, in integers; quarter-hours are then summed or shared as in
    `load_profile`. Raises BadInput when there is no such orientation.
    """
    table = _named(_clear_sky(), orientation, "orientation") * MWH_PER_WH
    cells = _cells(grid, 0)
    day, second = np.divmod(cells.starts_utc, DAY_S)
    shifted = (day - (ANCHOR_DAY - 1)).astype("datetime64[D]")  # the 15th becomes the first
    month = shifted.astype("datetime64[M]")
    first = month.astype("datetime64[D]")
    passed = (shifted - first).astype(np.int64)
    # Anchors are the true 15ths, so the span is the length of the earlier month.
    span = ((month + 1).astype("datetime64[D]") - first).astype(np.int64)
    earlier, quarter = month.astype(np.int64) % 12, second // QUARTER_S
    later = (earlier + 1) % 12
    quarters = (table[earlier, quarter] * (span - passed) + table[later, quarter] * passed) // span
    return _on_grid(quarters, second, cells.step_s, grid.step_s)


def wind_profile(grid: IntervalGrid) -> NDArray[np.int64]:
    """Capacity factor of the shipped wind farm in each interval [ppm], shape (count,).

    Intervals shorter than an hour repeat the hour's factor. 31 December of a leap year repeats the day before.
    """
    day, second = np.divmod(grid.starts_utc, DAY_S)
    date = day.astype("datetime64[D]")
    day_of_year = (date - date.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    factors: NDArray[np.int64] = wind_ppm()[np.minimum(day_of_year, 364), second // 3600]
    return factors


def _named(tables: dict[str, NDArray[np.int64]], name: str, field: str) -> NDArray[np.int64]:
    if name not in tables:
        raise BadInput(field, name, f"must be one of {', '.join(tables)}")
    return tables[name]


def _cells(grid: IntervalGrid, pad: int) -> IntervalGrid:
    """The padded grid cut into cells that no quarter-hour and no interval crosses: 5 or 15 minutes."""
    if pad < 0:
        raise BadInput("pad", pad, "must not be negative")
    step_s = gcd(grid.step_s, QUARTER_S)
    count = (grid.count + 2 * pad) * (grid.step_s // step_s)
    return IntervalGrid(grid.start_utc - pad * grid.step_s, step_s, count, grid.zone)


def _on_grid(quarters: NDArray[np.int64], second: NDArray[np.int64], cell_s: int, step_s: int) -> NDArray[np.int64]:
    """Values of the quarter-hour that each cell lies in, shared among its cells and summed to intervals."""
    parts = QUARTER_S // cell_s
    part = second % QUARTER_S // cell_s
    cells = quarters * (part + 1) // parts - quarters * part // parts
    sums: NDArray[np.int64] = cells.reshape(-1, step_s // cell_s).sum(axis=1)
    return sums
