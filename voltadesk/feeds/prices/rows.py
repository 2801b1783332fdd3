"""The rows of one series in one file: when each begins, how long it lasts, its price in whole ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.clock import INTERVAL_MINUTES, time_zone, utc_text
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.choice import Choice, choose
from voltadesk.feeds.prices.formats import Format, clock_of, column_of, format_of
from voltadesk.feeds.prices.instants import ends, instants, time_text, unlike_local
from voltadesk.feeds.prices.layout import Finding, Layout
from voltadesk.feeds.prices.publication import MINUTES
from voltadesk.feeds.prices.tables import price_table
from voltadesk.feeds.table import Table, exact_cells
from voltadesk.feeds.times import Span

Ints = NDArray[np.int64]

BLANK = {"", "na", "n/a", "n/e", "nan", "null", "none", "-"}
STEPS_S = tuple(minutes * 60 for minutes in INTERVAL_MINUTES)
STEADY = 6  # equal steps in a row that are a resolution of their own, and no gap


@dataclass(frozen=True, eq=False)
class Rows:
    """What one file says of one series, in its own order."""

    table: Table
    cells: list[str]  # texts of their times
    start_utc: Ints  # (n,) [s]
    step_s: Ints  # (n,) for how long each holds [s]
    price_tick: Ints  # (n,) [0.01/MWh]; NO_PRICE_TICK where the cell is blank
    known: Format
    column: str
    zone: str
    currency: str
    timezone: str
    field: str  # what its prices are called in errors
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def end_utc(self) -> Ints:
        return self.start_utc + self.step_s

    def only(self, numbers: Sequence[int]) -> Rows:
        """The rows of these numbers."""
        start, step, tick = (each[numbers] for each in (self.start_utc, self.step_s, self.price_tick))
        cells = [self.cells[row] for row in numbers]
        return replace(self, table=self.table.only(numbers), cells=cells, start_utc=start, step_s=step, price_tick=tick)


def rows_of(path: Path, layout: Layout, field: str = "prices", span: Span | None = None) -> Rows:
    """The rows of the series that the layout asks for; of a `span`, only those that touch it.

    Raises BadInput with the file and the line: for a file that is none, a series that must be chosen, a cell that is no
    price or no time, and rows that keep no step.
    """
    table = price_table(path, field)
    known = format_of(table.columns, layout.format, table.place)
    choice = choose(table, known, layout, field)
    clock = clock_of(known, choice.table.columns)
    zone = time_zone(clock or layout.timezone or "UTC")
    # An offset is compared with the clock that is asked for, times without one are read on the format's own.
    read = instants(choice.table, choice.time, clock or layout.timezone, zone)
    table, seconds = read.table, read.seconds
    if not len(seconds):
        raise BadInput("time", None, "no row has one that can be told", table.place)
    start, step = _intervals(table, choice, known, seconds, layout)
    findings = read.findings + _compared(table, known, start)
    if span is not None:
        table, start, step, findings = _within(table, start, step, findings, span)
    _require_grid(table, choice.time, start, step)
    tick, rounded = ticks_of(table, choice, field, layout)
    if rounded:
        limit = f"of {len(tick):,} values rounded to 0.01, halves to even"
        findings += (Finding("rounded", "told", table.place, "", limit, rounded, int(start[0])),)
    days = column_of(table.columns, known.timezone)
    timezone = layout.timezone or clock or ("UTC" if days is None else table.rows[0][days])
    time_zone(timezone)
    return Rows(
        table, table.cells(choice.time), start, step, tick, known, table.columns[choice.value], choice.zone,
        choice.currency, timezone, field, (*choice.notes, *read.notes), findings,
    )  # fmt: skip


def _compared(table: Table, known: Format, start: Ints) -> tuple[Finding, ...]:
    """Whether the same instants on a local clock, where the format has them, are the same."""
    if known.local is None:
        return ()
    pattern, clock = known.local
    column = column_of(table.columns, (pattern,))
    return () if column is None else unlike_local(table, column, start, time_zone(clock))


# Intervals ------------------------------------------------------------------------------------------------------------
def _intervals(table: Table, choice: Choice, known: Format, seconds: Ints, layout: Layout) -> tuple[Ints, Ints]:
    """Begin and length of each row's interval: as the row says, else as its neighbours let it be known."""
    stamps, alone_s = layout.stamps or known.stamps, layout.step_s
    column = column_of(table.columns, known.length)
    if column is not None:
        step = _lengths(table, column)
    elif (end := _ends(table, known)) is not None:
        step = np.where(end > 0, end - seconds, 0)
        if (open_end := np.flatnonzero(step == 0)).size:
            step[open_end] = steps_of(table, choice.time, seconds, stamps, alone_s)[open_end]
    else:
        step = steps_of(table, choice.time, seconds, stamps, alone_s)
    return (seconds - step if stamps == "end" else seconds), step


def _require_grid(table: Table, column: int, start: Ints, step: Ints) -> None:
    """Raises BadInput at the first row that is of no known length or does not begin at a multiple of it."""
    known = np.isin(step, STEPS_S)
    off = np.flatnonzero(~known | (start % np.where(known, step, 1) != 0))
    if not off.size:
        return
    row = int(off[0])
    if not known[row]:
        raise _step_error(table, column, row, int(step[row]))
    limit = f"must lie on the UTC grid of {int(step[row]) // 60} minutes"
    raise BadInput("time", time_text(table.rows[row][column].strip()), limit, table.where(row))


def _ends(table: Table, known: Format) -> Ints | None:
    column = column_of(table.columns, known.end)
    return None if column is None else ends(table, column)


def _lengths(table: Table, column: int) -> Ints:
    lengths = []
    for row, cell in enumerate(table.cells(column)):
        if cell not in MINUTES:
            limit = f"must be one of {', '.join(MINUTES)}"
            raise BadInput(table.columns[column], cell, limit, table.where(row))
        lengths.append(MINUTES[cell] * 60)
    return np.array(lengths, np.int64)


def steps_of(table: Table, column: int, seconds: Ints, stamps: str, alone_s: int | None = None) -> Ints:
    """The resolution around each time [s]: the most frequent step, and any other that keeps on for a while.

    A step that stands alone is a gap, or a row out of place; so the resolution beside it goes on through it.
    Of one time alone it is `alone_s`. Raises BadInput where that is not known, and for a step that none may have.
    """
    times, back = np.unique(seconds, return_inverse=True)
    if len(times) < 2 and alone_s is not None:
        return np.full(len(seconds), alone_s)
    if len(times) < 2:
        raise BadInput(
            "time", time_text(table.rows[0][column].strip()), "must be at least two different times", table.place
        )
    steps = np.diff(times)
    lengths, counts = np.unique(steps, return_counts=True)
    usual = int(lengths[np.argmax(np.where(np.isin(lengths, STEPS_S), counts, 0))])
    if usual not in STEPS_S:
        raise _step_error(table, column, min(1, len(table.rows) - 1), int(lengths[np.argmax(counts)]))
    begins = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1))
    runs = np.diff(begins, append=len(steps))
    steady = np.repeat((runs >= STEADY) & np.isin(steps[begins], STEPS_S), runs) | (steps == usual)
    # A usual step on its own inside a stretch of another resolution is none of its own.
    at = np.flatnonzero(steady)
    count = len(times)
    places = np.arange(count) if stamps == "start" else np.arange(count) - 1
    near = np.searchsorted(at, np.clip(places, 0, len(steps) - 1), side="right") - 1
    around: Ints = steps[at[np.maximum(near, 0)]]
    return around[back]


def _step_error(table: Table, column: int, row: int, step_s: int) -> BadInput:
    limit = f"must step by {', '.join(map(str, INTERVAL_MINUTES))} minutes, steps by {step_s / 60:g}"
    return BadInput("time", time_text(table.rows[row][column].strip()), limit, table.where(row))


def _within(
    table: Table, start: Ints, step: Ints, findings: tuple[Finding, ...], span: Span
) -> tuple[Table, Ints, Ints, tuple[Finding, ...]]:
    """What touches a span, of rows and of findings. Raises BadInput where the rows don't reach over it."""
    begin, end = int(start.min()), int((start + step).max())
    if begin > span[0] or end < span[1]:
        limit = f"must cover {utc_text(span[0])} to {utc_text(span[1])}"
        raise BadInput("time", f"{utc_text(begin)} to {utc_text(end)}", limit, table.place)
    rows = np.flatnonzero((start < span[1]) & (start + step > span[0]))
    found = tuple(finding for finding in findings if span[0] <= finding.second_utc < span[1])
    return table.only(rows.tolist()), start[rows], step[rows], found


# Prices ---------------------------------------------------------------------------------------------------------------
def ticks_of(table: Table, choice: Choice, field: str, layout: Layout) -> tuple[Ints, int]:
    """The prices [0.01/MWh], halves to even, none where a cell is blank; and how many had to be rounded."""
    cells = _with_points(table.cells(choice.value))
    told = [row for row, cell in enumerate(cells) if cell.lower() not in BLANK]
    ticks = np.full(len(cells), NO_PRICE_TICK, np.int64)
    if not told:
        return ticks, 0
    exact = exact_cells([cells[row] for row in told], field, lambda row: table.where(told[row]))
    shift = choice.unit.shift - exact.decimals
    divisor, factor = 10 ** max(-shift, 0), 10 ** max(shift, 0)
    values = exact.values if factor == 1 else [value * factor for value in exact.values]
    rounded = 0
    if divisor > 1:
        finer = [row for row, value in zip(told, values, strict=True) if value % divisor]
        if finer and layout.rounding == "refuse":
            raise BadInput(field, cells[finer[0]], "must have at most 2 decimals", table.where(finer[0]))
        rounded = len(finer)
        values = [units.half_even(value, divisor) for value in values]
    limit = units.PRICE_LIMIT_TICK
    if min(values) < -limit or max(values) > limit:
        row = next(told[n] for n, value in enumerate(values) if abs(value) > limit)
        high = units.decimal_text(limit, 2)
        raise BadInput(field, table.cells(choice.value)[row], f"must lie between -{high} and {high}", table.where(row))
    ticks[told] = values
    return ticks, rounded


def _with_points(cells: Sequence[str]) -> list[str]:
    """Numbers with a decimal comma as with a point. Where a column has both marks, the last one is the decimal."""
    if not any("," in cell for cell in cells):
        return list(cells)
    both = next((cell for cell in cells if "," in cell and "." in cell), "")
    if both.rfind(".") > both.rfind(","):
        return [cell.replace(",", "") for cell in cells]
    return [cell.replace(".", "").replace(",", ".") if "," in cell else cell for cell in cells]
