"""The way of every price series: rows of one or more files put in order, checked, their gaps dealt with as told.

What is found is a `Finding`. Nothing is repaired that was not asked for: a row that stands twice with one price is
dropped and counted; one with two prices, rows that overlap, and (unless told otherwise) gaps are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import INTERVAL_MINUTES, IntervalGrid, time_zone, utc_text
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.checks import Places, filled, holes, once, out_of_order
from voltadesk.feeds.prices.kept import name_of
from voltadesk.feeds.prices.layout import PLAIN, Finding, Gaps, Layout, Suspects, Weight
from voltadesk.feeds.prices.rows import Rows, rows_of
from voltadesk.feeds.prices.suspects import suspects as suspicious
from voltadesk.feeds.series import Series
from voltadesk.feeds.times import Span

Ints = NDArray[np.int64]

INTERVALS_LIMIT = 2_200_000  # twenty years of five minutes


@dataclass(frozen=True, eq=False)
class PriceSeries:
    """Prices in the order of time, each for as long as its source has it; nothing stands in gaps."""

    start_utc: Ints  # (n,) rising [s]
    step_s: Ints  # (n,) [s]
    price_tick: Ints  # (n,) [0.01/MWh]
    column: str
    zone: str
    currency: str
    timezone: str
    formats: tuple[str, ...]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    def faults(self, suspects: Suspects, gaps: Gaps) -> list[Finding]:
        """What stands in the way, in the order of time, if suspects and gaps are to be dealt with so."""
        passed: set[Weight] = {"told"}
        passed |= {"hole"} if gaps != "refuse" else set()
        passed |= {"suspect"} if suspects == "keep" else set()
        return sorted((f for f in self.findings if f.weight not in passed), key=lambda f: f.second_utc)

    def counts(self) -> list[str]:
        """What was found, each kind in a few words with its count."""
        totals: dict[str, int] = {}
        for found in self.findings:
            said = _SAID.get(found.kind, found.limit)
            totals[said] = totals.get(said, 0) + found.count
        return [f"{count:,} {said}" for said, count in totals.items()]

    @property
    def finest_s(self) -> int:
        """The step of a grid that all rows lie on [s]."""
        return gcd(*np.unique(self.step_s).tolist())


@dataclass(frozen=True, eq=False)
class PriceFile:
    """Prices of consecutive intervals; `notes` say what was decided on the way."""

    grid: IntervalGrid
    price_tick: Ints  # (count,) [0.01/MWh]; NO_PRICE_TICK in gaps
    column: str
    notes: tuple[str, ...]
    name: str  # of the file, or of the imported series
    currency: str = ""  # where it is known
    columns: tuple[str, ...] = ()  # of the file


def read_prices(path: Path | str, layout: Layout = PLAIN, field: str = "prices") -> PriceFile:
    """The prices of a file, on the grid of its times.

    Its days are those of `layout.timezone`, else of the format's clock, else UTC. Raises BadInput with the file and the
    line: for a file, series, cell or time that is none, two prices for one time, and gaps unless they are dealt with.
    """
    rows = rows_of(Path(path), layout, field)
    series = checked([rows], layout.gaps)
    if faults := series.faults("keep", layout.gaps):
        raise faults[0].error()
    grid, price_tick = on_grid(series)
    missing = int((price_tick == NO_PRICE_TICK).sum())
    notes = [*series.notes, *series.counts()]
    if missing:
        notes.append(f"{missing:,} of {grid.count:,} intervals have no price")
    columns = tuple(rows.table.columns)
    return PriceFile(grid, price_tick, series.column, tuple(notes), name_of(Path(path)), series.currency, columns)


def read_series(
    path: Path | str,
    *,
    field: str = "prices",
    column: str | None = None,
    timezone: str | None = None,
    span: Span | None = None,
    rounding: str = "refuse",
) -> Series:
    """The prices of a file without a gap, in ticks; of a `span`, what covers it, and nothing else is checked.

    With `rounding="half-even"`, values with more decimals are rounded and counted in the notes; otherwise they are
    refused. Raises BadInput as `read_prices`, and where the rows don't cover the span.
    """
    layout = Layout(column, timezone, rounding="half-even" if rounding == "half-even" else "refuse")
    series = checked([rows_of(Path(path), layout, field, span)], "refuse", span)
    if faults := series.faults("keep", "refuse"):
        raise faults[0].error()
    grid, price_tick = on_grid(series)
    price_tick.flags.writeable = False
    notes = (*series.notes, *series.counts())
    return Series(grid.start_utc, grid.step_s, price_tick, series.column, notes)


def series_of(prices: Sequence[tuple[int, int]], step_s: int, currency: str, timezone: str) -> PriceSeries:
    """A series of (start [s UTC], price [tick]) that no file has to tell; intervals without a price are left out.

    Raises BadInput where none has one.
    """
    rows = np.array([row for row in prices if row[1] != NO_PRICE_TICK], np.int64).reshape(-1, 2)
    if not len(rows):
        raise BadInput("prices", None, "must be at least one, and no interval has had a trade yet")
    steps = np.full(len(rows), step_s)
    return PriceSeries(rows[:, 0], steps, rows[:, 1], "price_tick", "", currency, timezone, (), (), ())


_SAID = {
    "clock": "rows left out: the clock has their time never, or twice",
    "blank": "rows without a price",
    "duplicate": "rows that stand twice, alike",
    "gap": "intervals without a row",
    "order": "rows out of order",
    "rounded": "values rounded to 0.01, halves to even",
    "zeros": "intervals of a long run of zeros",
    "repeated": "intervals that repeat the day before",
    "offset": "times that are not what the local clock reads",
}


def on_grid(series: PriceSeries) -> tuple[IntervalGrid, Ints]:
    """The series on its finest step: a price that holds for longer stands in each of its intervals."""
    step = series.finest_s
    if step // 60 not in INTERVAL_MINUTES:
        raise BadInput("interval", f"{step // 60} minutes", "must be a step that all rows share")
    parts = series.step_s // step
    first = int(series.start_utc[0])
    count = int(series.start_utc[-1] + series.step_s[-1] - first) // step
    places = np.repeat((series.start_utc - first) // step - (np.cumsum(parts) - parts), parts) + np.arange(parts.sum())
    price_tick = np.full(count, NO_PRICE_TICK, np.int64)
    price_tick[places] = np.repeat(series.price_tick, parts)
    return IntervalGrid(first, step, count, time_zone(series.timezone)), price_tick


# The way --------------------------------------------------------------------------------------------------------------
def checked(parts: Sequence[Rows], gaps: Gaps, span: Span | None = None, suspects: Suspects = "keep") -> PriceSeries:
    """The rows of one or more files as one series, with all that is found in them; gaps are filled as told.

    Of a `span`, what is missing at its edges is a gap as well. Suspects are kept and found, or taken for gaps. Raises
    BadInput for files of different series, for rows that hold no price, and for a series that is too long.
    """
    one = _one_series(parts)
    findings = [finding for part in parts for finding in part.findings]
    start, step, tick = (np.concatenate([getattr(part, name) for part in parts])
                         for name in ("start_utc", "step_s", "price_tick"))  # fmt: skip
    place = Places(parts)
    findings += out_of_order(start, place)
    order = np.lexsort((np.arange(len(start)), start))
    order, more = once(order, start, step, tick, place)
    findings += more
    findings += holes(order, start, step, tick, place, time_zone(one.timezone))
    priced = order[tick[order] != NO_PRICE_TICK]
    if not priced.size:
        raise BadInput("prices", "no price at all", "must hold at least one", parts[0].table.place)
    start, step, tick, lines = start[priced], step[priced], tick[priced], priced
    if (count := int(start[-1] + step[-1] - start[0]) // int(step.min())) > INTERVALS_LIMIT:
        raise BadInput("intervals", count, f"must be at most {INTERVALS_LIMIT:,}", parts[0].table.place)
    kept = np.ones(len(start), np.bool_)
    for first, last, found in suspicious(start, step, tick):
        where, cell = place(int(lines[first]))
        findings.append(replace(found, where=where, value=cell, weight="hole" if suspects == "gap" else "suspect"))
        kept[first : last + 1] &= suspects != "gap"
    start, step, tick = start[kept], step[kept], tick[kept]
    if gaps in ("previous", "interpolate"):
        start, step, tick = filled(start, step, tick, gaps)
    if span is not None and start[0] > span[0]:
        raise BadInput("time", utc_text(int(start[0])), f"must begin by {utc_text(span[0])}", parts[0].table.place)
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    formats = tuple(dict.fromkeys(part.known.name for part in parts))
    return PriceSeries(start, step, tick, one.column, one.zone, one.currency, one.timezone, formats, notes,
                       tuple(findings))  # fmt: skip


def _one_series(parts: Sequence[Rows]) -> Rows:
    """The first file's series, which the others must go on. Raises BadInput where one is of something else."""
    one = parts[0]
    for part in parts[1:]:
        for name in ("zone", "currency"):
            ours, theirs = getattr(one, name), getattr(part, name)
            if ours and theirs and ours != theirs:
                raise BadInput(name, theirs, f"must be {ours} as in {parts[0].table.place}", part.table.place)
        one = replace(one, zone=one.zone or part.zone, currency=one.currency or part.currency)
    return one
