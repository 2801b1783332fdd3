"""What was published ahead of prices: values with the time they speak of and the time from which they were known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import time_zone
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.choice import choose
from voltadesk.feeds.prices.formats import TABLE
from voltadesk.feeds.prices.instants import as_stamps, instants, later_instants, time_text
from voltadesk.feeds.prices.layout import PLAIN, Layout
from voltadesk.feeds.prices.rows import steps_of, ticks_of
from voltadesk.feeds.prices.series import PriceFile, read_prices
from voltadesk.feeds.prices.tables import price_table
from voltadesk.feeds.table import Table, listed
from voltadesk.feeds.times import seconds_of

KNOWN_COLUMNS = ("known", "published")
PREDISPATCH_COLUMN = "PREDISPATCHSEQNO"  # day and number of a run, the first of the day at four in the morning
PREDISPATCH_FIRST_S, PREDISPATCH_STEP_S = 4 * 3600, 1800

_RUN = re.compile(r"(\d{8})(\d\d)", re.ASCII)


@dataclass(frozen=True, eq=False)
class PublishedFile:
    """Values that were published ahead, by when they were known."""

    known_utc: NDArray[np.int64]  # (n,) rising [s]
    target_utc: NDArray[np.int64]  # (n,) begin of what each speaks of [s]
    value_tick: NDArray[np.int64]  # (n,) [0.01/MWh]
    step_s: int  # for how long each holds
    notes: tuple[str, ...]
    columns: tuple[str, ...]  # of the file


def read_published(path: Path | str, layout: Layout = PLAIN, field: str = "forecast") -> PublishedFile:
    """What was published ahead: rows with the time they speak of, a value, and when it was known.

    A file without a column that says so holds day-ahead prices: those of a local day are known from noon of the day
    before. Raises BadInput as `read_prices`, but gaps are none here: what is missing wasn't published.
    """
    table = price_table(Path(path), field)
    known_column = _known_column(table)
    if known_column is None:
        return day_ahead(read_prices(path, layout, field))
    choice = choose(table, TABLE, layout, field, known_column)
    zone = time_zone(layout.timezone or "UTC")
    read = instants(choice.table, choice.time, layout.timezone, zone, once=True)
    table, seconds = read.table, read.seconds
    ticks, rounded = ticks_of(table, choice, field, layout)
    blank = np.flatnonzero(ticks == NO_PRICE_TICK)
    if blank.size and layout.gaps == "refuse":
        row = int(blank[0])
        raise BadInput(field, table.cells(choice.value)[row], "is blank: the value must be there", table.where(row))
    step_s = int(np.min(steps_of(table, choice.time, seconds, "start")))
    target = seconds - (step_s if layout.stamps == "end" else 0)
    known = _known(table, known_column, layout, zone, field)
    told = np.flatnonzero(ticks != NO_PRICE_TICK)
    order = told[np.lexsort((target[told], known[told]))]
    again = np.flatnonzero((np.diff(known[order]) == 0) & (np.diff(target[order]) == 0))
    if again.size:
        row = int(order[again[0] + 1])
        limit = "stands twice for one time of publication"
        raise BadInput("time", time_text(table.rows[row][choice.time].strip()), limit, table.where(row))
    counts = (
        (sum(finding.count for finding in read.findings), "rows left out: the clock has their time never, or twice"),
        (int(blank.size), "rows without a value"),
        (rounded, "values rounded to 0.01, halves to even"),
    )
    notes = (*choice.notes, *read.notes, *(f"{count:,} {what}" for count, what in counts if count))
    return PublishedFile(known[order], target[order], ticks[order], step_s, notes, tuple(table.columns))


def day_ahead(file: PriceFile) -> PublishedFile:
    """Day-ahead prices: those of a local day are known from noon of the day before."""
    there = file.price_tick != NO_PRICE_TICK
    target = file.grid.starts_utc[there]
    known = _noon_before(target, file.grid.zone)
    return PublishedFile(known, target, file.price_tick[there], file.grid.step_s, file.notes, file.columns)


def _known_column(table: Table) -> int | None:
    """The column that says when a row was known, if there is one."""
    found = [i for i, name in enumerate(table.columns) if name == PREDISPATCH_COLUMN or _says_known(name)]
    if len(found) > 1:
        raise BadInput("known", listed(table), "must be one column", table.place)
    return found[0] if found else None


def _says_known(name: str) -> bool:
    return any(word in KNOWN_COLUMNS for word in name.lower().replace("-", "_").split("_"))


def _known(table: Table, column: int, layout: Layout, zone: ZoneInfo, field: str) -> NDArray[np.int64]:
    if table.columns[column] == PREDISPATCH_COLUMN:
        return _run_times(table, column, zone)
    readings, local = seconds_of(table, as_stamps(table.cells(column)))
    if not local or layout.timezone is None:
        return np.array(readings, np.int64)
    return later_instants(readings, zone)


def _run_times(table: Table, column: int, zone: ZoneInfo) -> NDArray[np.int64]:
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
