"""Where an axis has its ticks, and how series too long for their columns are thinned without losing an extreme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from voltadesk.ui.cells import Cells, row_from_top
from voltadesk.ui.inks import FAINT, GRID
from voltadesk.ui.text import clock_text

Ints64 = NDArray[np.int64]
NO_VALUE = int(np.iinfo(np.int64).min)  # a gap in a series
# Steps of a time axis [s] from 5 minutes to two years.
_TIME_STEPS = (300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_DAY_STEPS = tuple(86_400 * days for days in (2, 7, 14, 30, 91, 182, 365, 730))


def nice_ticks(low: int, high: int, most: int) -> list[int]:
    """At most `most` multiples of 1, 2 or 5 times a power of ten within [low, high], as exact integers."""
    if most < 1 or high < low:
        return []
    step, n = 1, 0
    while (high // step) - -(-low // step) + 1 > most:
        n += 1
        step = (1, 2, 5)[n % 3] * 10 ** (n // 3)
    return list(range(-(-low // step) * step, high + 1, step))


def widened(low: int, high: int, share: int = 20) -> tuple[int, int]:
    """A range with a margin of 1/`share` on both sides, never empty."""
    margin = max(1, (high - low) // share)
    return low - margin, high + margin


def value_axis(cells: Cells, left: int, low: int, high: int, label: Callable[[int], str]) -> None:
    """Labels right-aligned before column `left`, and faint lines to their right, over the full height of `cells`."""
    for tick in nice_ticks(low, high, max(3, (cells.h + 1) // 3)):
        row = row_from_top(tick, low, high, cells.h)
        cells.put_right(left - 1, row, label(tick), FAINT)
        line = cells.part(left, row, cells.w, 1)
        line.glyph[:], line.ink[:] = ord("┈"), GRID


class Tick(NamedTuple):
    column: int
    text: str


def time_ticks(starts_utc: Ints64, zone: ZoneInfo, room: int = 9) -> list[Tick]:
    """Ticks on the market's clock, about `room` cells apart, of cells that start at `starts_utc`.

    A tick stands where the local time passes a multiple of the step: hours on the hour, days at local midnight, also
    through a clock change, where the repeated hour shows twice.
    """
    if len(starts_utc) < 2:
        return []
    local = starts_utc + _offsets_s(starts_utc, zone)
    span = max(1, int(starts_utc[-1] - starts_utc[0])) / (len(starts_utc) - 1)  # seconds a cell
    step = next((s for s in (*_TIME_STEPS, *_DAY_STEPS) if s >= span * room), _DAY_STEPS[-1])
    passed = local // step
    begins = np.full(len(local), local[0] % step == 0)
    begins[1:] = (passed[1:] != passed[:-1]) | (local[1:] < local[:-1])  # passed, or the clock was put back
    columns = np.flatnonzero(begins)
    ticks: list[Tick] = []
    for column in columns.tolist():
        at = int(starts_utc[column] - (local[column] - passed[column] * step))
        if not ticks or column >= ticks[-1].column + len(ticks[-1].text) + 2:
            ticks.append(Tick(column, _tick_text(at, zone, step)))
    return ticks


def _tick_text(second_utc: int, zone: ZoneInfo, step: int) -> str:
    local = datetime.fromtimestamp(second_utc, zone)
    if step >= 30 * 86_400:
        return f"{local:%b %Y}"
    if step >= 86_400:
        return f"{local.day} {local:%b}"
    if local.hour == local.minute == 0:
        return f"{local:%a} {local.day}"
    return clock_text(second_utc, zone)


def _offsets_s(starts_utc: Ints64, zone: ZoneInfo) -> Ints64:
    """Offset of the local clock from UTC [s] at each start."""
    first, last = _offset_s(int(starts_utc[0]), zone), _offset_s(int(starts_utc[-1]), zone)
    if first == last and starts_utc[-1] - starts_utc[0] < 60 * 86_400:
        return np.full(len(starts_utc), first, np.int64)
    return np.array([_offset_s(second, zone) for second in starts_utc.tolist()], np.int64)


@lru_cache(maxsize=1024)  # the same few hundred cells are asked about in picture after picture
def _offset_s(second_utc: int, zone: ZoneInfo) -> int:
    return int((datetime.fromtimestamp(second_utc, zone).utcoffset() or timedelta()).total_seconds())


@dataclass(frozen=True)
class View:
    """The part of a series that is seen: `columns` cells from interval `begin` on, each `group` / `pitch` intervals.

    One of the two is 1 but for a view that is fitted to its width, where they may be any.
    """

    begin: int
    group: int
    pitch: int
    columns: int
    count: int  # intervals in the whole series

    @property
    def end(self) -> int:
        """First interval no longer seen."""
        return min(self.count, self.begin - (-self.columns * self.group // self.pitch))

    def edges(self, parts: int = 1) -> Ints64:
        """First interval of each column, or of each of its `parts`, as far as there are intervals."""
        edges = self.begin + np.arange(parts * self.columns) * self.group // (parts * self.pitch)
        return edges[edges < self.count]

    @property
    def starts(self) -> Ints64:
        """First interval of each whole group, `pitch` cells apart."""
        return np.arange(self.begin, min(self.end, self.begin + self.columns // self.pitch * self.group), self.group)

    @property
    def step(self) -> int:
        """Intervals that the cursor moves by, to move at all."""
        return max(1, self.group // self.pitch)

    def start_of(self, interval: int) -> int:
        """First interval of the group that one is in."""
        return self.begin + (interval - self.begin) // self.group * self.group

    def column_of(self, interval: int) -> int:
        """First cell column of an interval; may lie outside."""
        at = interval - self.begin
        return min(-(-at * self.pitch // self.group), -(-(at + 1) * self.pitch // self.group) - 1)

    def interval_at(self, column: int) -> int:
        """First interval at a cell column, clipped to the series."""
        return max(0, min(self.count - 1, self.begin + column * self.group // self.pitch))


def extremes(values: Ints64, edges: Ints64, end: int, missing: int) -> tuple[Ints64, Ints64]:
    """Least and greatest of values[edges[i] : edges[i + 1]], the last up to `end`; least > greatest where none is.

    Edges may repeat: then both stand for the one value there.
    """
    part = values[edges[0] : end] if len(edges) else values[:0]
    if not len(part):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    at = edges - edges[0]
    least = part if part.min() > missing else np.where(part <= missing, np.iinfo(np.int64).max, part)
    return np.minimum.reduceat(least, at), np.maximum.reduceat(part, at)
