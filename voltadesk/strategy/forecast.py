"""What prices are expected, as it could be known at the time: shapes of the day, series published ahead, one's own.

A forecast gives stretches: spans of intervals in which it stays as it is, and what it expects from the first of them
on. Nothing in a stretch rests on a price after that of its first interval, or on what was published after it began.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import IntervalGrid
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput
from voltadesk.strategy.trader import Prices, Published

Floats = NDArray[np.float64]
Ints64 = NDArray[np.int64]


class Stretch(NamedTuple):
    """Intervals `begin` to `end` - 1, and the prices expected in them and in the `horizon` ones that follow [tick]."""

    begin: int
    end: int
    expected_tick: Floats  # (end - begin + horizon,)


class Forecast(Protocol):
    """Something that expects prices."""

    def stretches(self, prices: Prices, begin: int, horizon: int) -> Iterator[Stretch]:
        """Stretches from interval `begin` to the last, one after the other. Raises BadInput for what is missing."""
        ...


# Days -----------------------------------------------------------------------------------------------------------------
class Days(NamedTuple):
    """Local day and place in it of the intervals of a grid and of the horizon behind it."""

    day: Ints64  # (T + H,) from 0
    slot: Ints64  # (T + H,)
    per_day: int

    def starts(self, begin: int, end: int) -> list[int]:
        """The intervals of a span with which a day, or the span itself, begins; and its end."""
        return [begin, *(begin + 1 + np.flatnonzero(np.diff(self.day[begin:end]))).tolist(), end]


def days_of(grid: IntervalGrid, horizon: int) -> Days:
    """The days of a grid on its zone's clock."""
    longer = IntervalGrid(grid.start_utc, grid.step_s, grid.count + horizon, grid.zone)
    local = longer.starts_utc + longer.offsets_s
    return Days(local // 86_400 - int(local[0]) // 86_400, local % 86_400 // grid.step_s, 86_400 // grid.step_s)


def mid_tick(prices: Prices) -> Floats:
    """Half-way between buying and selling (T,) [tick]; the last one known where there is none, NaN before the first."""
    known = (prices.buy_tick != NO_PRICE_TICK) & (prices.sell_tick != NO_PRICE_TICK)
    latest = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    mid = (prices.buy_tick + prices.sell_tick) / 2
    return np.where(latest >= 0, mid[np.maximum(latest, 0)], np.nan)


def shapes(values: Floats, days: Days, span_days: float) -> Floats:
    """The usual course of a day as it is known when each day begins (D, slots) [tick]; NaN while nothing is known.

    A mean over past days in which each counts less than the next by exp(-1 / span_days). `values` (T,), NaN where
    unknown.
    """
    count = len(values)
    table = np.full((int(days.day[-1]) + 1, days.per_day), np.nan)
    table[days.day[:count], days.slot[:count]] = values
    known, weight = np.full_like(table, np.nan), 1 - np.exp(-1 / span_days)
    course = np.full(days.per_day, np.nan)
    for day, row in enumerate(table):
        known[day] = course
        is_new = ~np.isnan(row)
        if not is_new.any():
            continue
        # What a day doesn't tell is as before, or as the rest of it.
        before = np.where(np.isnan(course), np.mean(row[is_new]), course)
        first = np.isnan(course)
        course = np.where(is_new, np.where(first, row, before + weight * (row - before)), before)
    return known


# Forecasts ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class UsualDay:
    """Every day like the days before it."""

    span_days: float = 10.0

    def stretches(self, prices: Prices, begin: int, horizon: int) -> Iterator[Stretch]:
        days, mid = days_of(prices.grid, horizon), mid_tick(prices)
        known = shapes(mid, days, self.span_days)
        starts = days.starts(begin, prices.grid.count)
        for first, end in itertools.pairwise(starts):
            expected = known[days.day[first]][days.slot[first : end + horizon]]
            # On the very first day the price of its first interval is all there is.
            yield Stretch(first, end, np.where(np.isnan(expected), np.nan_to_num(mid[first]), expected))


@dataclass(frozen=True)
class Ahead:
    """What was published ahead under a name, anew with every publication; behind its end days like those before.

    With `learns`, what real prices were above it at each time of the day, as known when the day begins, is added.
    """

    name: str
    span_days: float = 10.0
    learns: bool = False

    def stretches(self, prices: Prices, begin: int, horizon: int) -> Iterator[Stretch]:
        series = published(prices, self.name)
        count, start_utc, step_s = prices.grid.count, prices.grid.start_utc, prices.grid.step_s
        days = days_of(prices.grid, horizon)
        usual = {stretch.begin: stretch for stretch in UsualDay(self.span_days).stretches(prices, 0, horizon)}
        above = self._above(prices, series, days) if self.learns else np.zeros((int(days.day[-1]) + 1, days.per_day))
        # A publication is known in the interval that begins then, or after.
        known_at = -((start_utc - series.known_utc) // step_s)
        news = np.unique(known_at[(known_at > begin) & (known_at < count)]).tolist()
        starts = sorted({*days.starts(begin, count), *news})
        latest, told = np.full(count + horizon, np.nan), 0
        for first, end in itertools.pairwise(starts):
            until = int(np.searchsorted(known_at, first, side="right"))
            _tell(latest, series, told, until)
            told = until
            expected = latest[first : end + horizon] + above[days.day[first]][days.slot[first : end + horizon]]
            day = int(np.searchsorted(days.day, days.day[first]))  # where it begins
            otherwise = usual[day].expected_tick[first - day :]
            yield Stretch(first, end, np.where(np.isnan(expected), otherwise[: len(expected)], expected))

    def _above(self, prices: Prices, series: Published, days: Days) -> Floats:
        """By how much prices were above what was told last before them, as known when each day begins (D, slots)."""
        count = prices.grid.count
        known_at = -((prices.grid.start_utc - series.known_utc) // prices.grid.step_s)
        in_time = (known_at <= series.interval) & (series.interval < count) & (series.interval >= 0)
        last = np.full(count, np.nan)
        last[series.interval[in_time]] = series.value_tick[in_time]  # of several the one published last stays
        return np.nan_to_num(shapes(mid_tick(prices) - last, days, self.span_days))


def published(prices: Prices, name: str) -> Published:
    """The series of that name. Raises BadInput when there is none."""
    for series in prices.published:
        if series.name == name:
            return series
    raise BadInput("strategy", name, f"needs a series published ahead: --{name} FILE")


def _tell(latest: Floats, series: Published, first: int, until: int) -> None:
    """Take in some publications, in their order."""
    interval = series.interval[first:until]
    inside = (interval >= 0) & (interval < len(latest))
    latest[interval[inside]] = series.value_tick[first:until][inside]


@dataclass(frozen=True)
class Own:
    """A function of one's own: from prices up to an interval [tick], NaN where unknown, to those of the next ones."""

    expects: Callable[[Floats, int], Floats]  # (prices up to and with interval t, horizon) -> (horizon,)

    def stretches(self, prices: Prices, begin: int, horizon: int) -> Iterator[Stretch]:
        mid = mid_tick(prices)
        for t in range(begin, prices.grid.count):
            ahead = np.asarray(self.expects(mid[: t + 1].copy(), horizon), np.float64)
            if ahead.shape != (horizon,) or not np.all(np.isfinite(ahead)):
                raise BadInput("forecast", str(ahead.shape), f"must be {horizon} finite prices")
            yield Stretch(t, t + 1, np.concatenate([np.nan_to_num(mid[t : t + 1]), ahead]))


# Quantiles ------------------------------------------------------------------------------------------------------------
def fan(
    prices: Prices,
    forecast: Forecast,
    at: int,
    horizon: int,
    shares: tuple[float, ...] = (0.1, 0.5, 0.9),
    past: int = 60,
) -> Floats:
    """Quantiles of the next prices as expected after interval `at` (shares, horizon) [tick].

    The forecast plus the quantiles of its errors so far ahead, made at the same time on up to `past` days before.
    """
    mid = mid_tick(prices)
    per_day = 86_400 // prices.grid.step_s
    made = [at - n * per_day for n in range(past, -1, -1) if at - n * per_day >= 0]
    expected = {}
    for stretch in forecast.stretches(prices, made[0], horizon):
        if stretch.begin > at:
            break
        for t in made:
            if stretch.begin <= t < stretch.end:
                expected[t] = stretch.expected_tick[t + 1 - stretch.begin :][:horizon]
    errors = np.full((len(made), horizon), np.nan)
    for row, t in zip(errors[:-1], made[:-1], strict=True):
        came = mid[t + 1 : min(at, t + horizon) + 1]
        row[: len(came)] = came - expected[t][: len(came)]
    quantiles = np.zeros((len(shares), horizon))
    for h in range(horizon):
        known = errors[~np.isnan(errors[:, h]), h]
        if len(known):
            quantiles[:, h] = np.quantile(known, shares)
    return expected[at] + quantiles
