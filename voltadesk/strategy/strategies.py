"""The named strategies of a battery on a series of prices. What each does and reaches: `docs/strategies.md`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.storage import Schedule, schedule, terms
from voltadesk.engine.storage_budget import Budgeted, schedule_within
from voltadesk.engine.storage_horizon import resolve
from voltadesk.engine.storage_limits import at_limits
from voltadesk.engine.storage_value import NO_BUDGET, Budget, Terms
from voltadesk.engine.tables import NO_PRICE_TICK, Table
from voltadesk.errors import BadInput
from voltadesk.strategy.cycles import Cycles
from voltadesk.strategy.forecast import Ahead, Forecast, UsualDay, days_of, mid_tick, shapes
from voltadesk.strategy.trader import Prices, Strategy, Trades

Floats = NDArray[np.float64]

HORIZON_S = 86_400  # how far is looked ahead
LEAST_DAYS = 14  # of history, to learn from it
LEARNT = 35_040  # intervals of it at most: a year of quarter-hours


@dataclass(frozen=True)
class Perfect:
    """Foresight: the schedule that earns the most, with nothing of worth left at the end. The yardstick."""

    name: str = "perfect"
    cycles: Cycles | None = None

    def trade(self, prices: Prices, battery: Table, begin: int) -> Trades:
        """As `Strategy.trade`; it alone looks at what is to come."""
        offered = _offered(prices, begin, prices.grid.count)
        start_utc, step_s, count = _utc(prices, begin), prices.grid.step_s, len(offered.buy_tick)
        done: Schedule | Budgeted
        if self.cycles is None:
            done = schedule(battery, offered, start_utc, step_s)
        else:
            period, most_wh = _allowed(self.cycles, prices, battery, begin)
            done = schedule_within(battery, offered, start_utc, step_s, period, most_wh)
        limit, worth = np.full((2, count), NO_PRICE_TICK), np.full((2, count), np.nan)
        bound_e8 = done.bound_e8 if isinstance(done, Budgeted) else None
        return Trades(begin, done.bought_wh, done.sold_wh, done.fill_wh, limit, worth, done.battery, bound_e8)


@dataclass(frozen=True)
class Threshold:
    """Buy below a price and sell above it: the median of all prices before the day, or given limits."""

    name: str = "threshold"
    cycles: Cycles | None = None
    buy_limit_tick: int | None = None
    sell_limit_tick: int | None = None

    def trade(self, prices: Prices, battery: Table, begin: int) -> Trades:
        """As `Strategy.trade`."""
        count, mid, days = prices.grid.count, mid_tick(prices), days_of(prices.grid, 0)
        limit = np.full((2, count - begin), NO_PRICE_TICK)
        starts = days.starts(begin, count)
        for first, end in itertools.pairwise(starts):
            past = mid[:first][~np.isnan(mid[:first])]
            if len(past):
                middle = float(np.median(past))
                limit[:, first - begin : end - begin] = [[int(np.ceil(middle)) - 1], [int(np.floor(middle)) + 1]]
        for row, given in zip(limit, (self.buy_limit_tick, self.sell_limit_tick), strict=True):
            if given is not None:
                row[:] = given
        return _at_limits(prices, battery, begin, limit, self.cycles)


@dataclass(frozen=True)
class Timetable:
    """Buy in the hours that are usually the cheapest, sell in the dearest: so many as fill and empty the battery."""

    name: str = "timetable"
    cycles: Cycles | None = None
    span_days: float = 30.0

    def trade(self, prices: Prices, battery: Table, begin: int) -> Trades:
        """As `Strategy.trade`."""
        count, days = prices.grid.count, days_of(prices.grid, 0)
        known = shapes(mid_tick(prices), days, self.span_days)
        limit = np.full((2, count - begin), NO_PRICE_TICK)
        row, highest = battery[0], int(np.iinfo(np.int64).max // 4)
        room = int(row["maximum_fill_wh"] - row["minimum_fill_wh"])
        needed = [_slots(room * way, int(row[f"{kind}_power_w"]), prices.grid.step_s)
                  for way, kind in ((1e6 / row["charge_efficiency_ppm"], "charge"),
                                    (row["discharge_efficiency_ppm"] / 1e6, "discharge"))]  # fmt: skip
        for day in range(int(days.day[begin]), int(days.day[-1]) + 1):
            course = known[day]
            if np.isnan(course).any():
                continue
            order = np.argsort(course, kind="stable")
            here = np.flatnonzero(days.day[begin:count] == day)
            slot = days.slot[begin:count][here]
            limit[0, here[np.isin(slot, order[: min(needed[0], len(order) // 2)])]] = highest
            limit[1, here[np.isin(slot, order[-min(needed[1], len(order) // 2) :])]] = -highest
        return _at_limits(prices, battery, begin, limit, self.cycles)


class Way(NamedTuple):
    """What is made of how unusual prices are now, price less forecast: averaged over hours, faded over hours."""

    mean_h: float  # 0: the interval's own counts alone
    fading_h: float  # in which it fades to a third; 0: at once

    def shift_tick(self, unusual_tick: Floats, before_tick: float, step_s: int) -> Floats:
        """What is unusual in each of some intervals (n,) [tick], by prices up to its own; `before_tick` as it was."""
        keep = 1 - self._weight(step_s)
        fade, level, found = float(self.fading(1, step_s)[0]), before_tick, np.empty(len(unusual_tick))
        for n, unusual in enumerate(unusual_tick.tolist()):
            level = keep * fade * level + (1 - keep) * unusual
            found[n] = level
        return found

    def _weight(self, step_s: int) -> float:
        return 1 - math.exp(-step_s / (3600 * self.mean_h)) if self.mean_h else 1.0

    def fading(self, horizon: int, step_s: int) -> Floats:
        """The share that is left after 1, 2, ... intervals (H,)."""
        hours = np.arange(1, horizon + 1) * step_s / 3600
        return np.exp(-hours / self.fading_h) if self.fading_h else np.zeros(horizon)


WAYS = (Way(0.0, 16.0), Way(0.25, 16.0), Way(0.8, 8.0))
AT_ONCE = Way(0.0, 0.0)


@dataclass(frozen=True)
class Rolling:
    """Solved anew in every interval against a forecast of the next day, moved by what is unusual about prices now.

    Of the ways to take that into account, the one that would have earned the most in the history before the first
    interval is used; without a history of `LEAST_DAYS`, the first one.
    """

    name: str = "rolling"
    forecast: Forecast = field(default_factory=UsualDay)
    ways: tuple[Way, ...] = WAYS
    needs: tuple[str, ...] = ()  # series published ahead
    cycles: Cycles | None = None

    def trade(self, prices: Prices, battery: Table, begin: int) -> Trades:
        """As `Strategy.trade`."""
        return self._by(self._best(prices, battery, begin), prices, battery, begin)

    def _best(self, prices: Prices, battery: Table, begin: int) -> Way:
        """The way that would have earned the most in the last of the history."""
        per_day = 86_400 // prices.grid.step_s
        if len(self.ways) == 1 or begin < LEAST_DAYS * per_day:
            return self.ways[0]
        grid = replace(prices.grid, count=begin)
        past = Prices(grid, prices.buy_tick[:begin], prices.sell_tick[:begin], prices.published)
        first = max(per_day, begin - LEARNT)

        def earned(way: Way) -> int:
            row = self._by(way, past, battery, first).battery[0]
            return int(row["sold_e8"] + row["bought_e8"] - row["wear_e8"])

        return max(self.ways, key=earned)

    def _by(self, way: Way, prices: Prices, battery: Table, begin: int) -> Trades:
        step_s, count = prices.grid.step_s, prices.grid.count
        horizon, mid = HORIZON_S // step_s, np.nan_to_num(mid_tick(prices))
        spread, fading, unusual = _half_spread_tick(prices), way.fading(horizon, step_s), 0.0
        rows, limit = np.empty((3, count - begin), np.int64), np.empty((2, count - begin), np.int64)
        worth, held = np.empty((2, count - begin)), battery.copy()
        budget, wear_tick, dearer_tick = NO_BUDGET, int(battery["wear_cost_tick"][0]), 0.0
        if self.cycles is not None:
            budget = _allowed(self.cycles, prices, battery, begin)
            pace = budget.left_wh / np.bincount(budget.period)  # [Wh an interval]
        for first, end, expected in self.forecast.stretches(prices, begin, horizon):
            shift = way.shift_tick(mid[first:end] - expected[: end - first], unusual, step_s)
            there, unusual = slice(first - begin, end - begin), float(shift[-1])
            # In look-ahead the budget is a cost of what is sold; that of this interval's sale is no one's.
            held["wear_cost_tick"] = wear_tick + int(dearer_tick)
            part = Budget(budget.period[there], budget.left_wh)
            done = resolve(
                held, _offered(prices, first, end), expected,
                _utc(prices, first), step_s, horizon=horizon, shift_tick=shift, fading=fading,
                buy_adder_tick=spread[first], sell_adder_tick=spread[first], end_tick=_end_tick(expected, held),
                budget=part,
            )  # fmt: skip
            rows[0, there], rows[1, there], rows[2, there] = done.bought_wh, done.sold_wh, done.fill_wh
            limit[:, there], worth[:, there], held = done.limit_tick, done.worth_tick, done.battery
            if self.cycles is not None:
                used = float(done.sold_wh.sum() / max(1.0, pace[part.period].sum()))
                span = expected[:horizon]
                dearer_tick = self.cycles.dearer_tick(dearer_tick, used, (end - first) * step_s, float(np.ptp(span)))
        held["wear_cost_tick"] = wear_tick
        held["wear_e8"] = battery["wear_e8"] + wear_tick * int(rows[1].sum())
        return Trades(begin, rows[0], rows[1], rows[2], limit, worth, held)


STRATEGIES: dict[str, Strategy] = {
    each.name: each
    for each in (
        Threshold(),
        Timetable(),
        Rolling(),
        Rolling("day-ahead", Ahead("day-ahead"), (AT_ONCE,), ("day-ahead",)),
        Rolling("dual", Ahead("day-ahead", learns=True), WAYS, ("day-ahead",)),
        Rolling("dual-forecast", Ahead("forecast", learns=True), WAYS, ("forecast",)),
        Perfect(),
    )
}


def strategies_named(names: Sequence[str] | None, prices: Prices) -> list[Strategy]:
    """The strategies of those names; without names, all whose published series are there. Raises BadInput."""
    if names is None:
        published = {series.name for series in prices.published}
        return [found for found in STRATEGIES.values() if set(getattr(found, "needs", ())) <= published]
    for n, name in enumerate(names):
        if name not in STRATEGIES:
            raise BadInput("strategy", name, f"must be one of {', '.join(STRATEGIES)}")
        if name in names[:n]:
            raise BadInput("strategy", name, "must not be given twice")
    return [STRATEGIES[name] for name in names]


# Parts ----------------------------------------------------------------------------------------------------------------
def _utc(prices: Prices, interval: int) -> int:
    return prices.grid.start_utc + interval * prices.grid.step_s


def _offered(prices: Prices, begin: int, end: int) -> Terms:
    charge_ppm, discharge_ppm = prices.available(begin, end)
    buy_tick, sell_tick = prices.buy_tick[begin:end], prices.sell_tick[begin:end]
    return terms(buy_tick, sell_tick, charge_available_ppm=charge_ppm, discharge_available_ppm=discharge_ppm)


def _allowed(cycles: Cycles, prices: Prices, battery: Table, begin: int) -> Budget:
    return Budget(cycles.periods(prices.grid, begin), cycles.most_wh(prices.grid, begin, battery))


def _at_limits(
    prices: Prices, battery: Table, begin: int, limit_tick: NDArray[np.int64], cycles: Cycles | None
) -> Trades:
    price = np.stack([prices.buy_tick[begin:], prices.sell_tick[begin:]])
    budget = NO_BUDGET if cycles is None else _allowed(cycles, prices, battery, begin)
    available_ppm = prices.available(begin, prices.grid.count)
    rows, after = at_limits(battery, price, limit_tick, available_ppm, _utc(prices, begin), prices.grid.step_s, budget)
    return Trades(begin, rows[0], rows[1], rows[2], limit_tick, np.full(limit_tick.shape, np.nan), after)


def _slots(energy_wh: float, power_w: int, step_s: int) -> int:
    """Intervals that an energy takes at a power, at least one."""
    return max(1, int(np.ceil(energy_wh * 3600 / max(1, power_w * step_s) - 1e-9)))


def _half_spread_tick(prices: Prices) -> NDArray[np.float64]:
    """Half of what buying costs above selling (T,) [tick]: in the interval, or the last one before that has prices."""
    known = (prices.buy_tick != NO_PRICE_TICK) & (prices.sell_tick != NO_PRICE_TICK)
    latest = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    half = (prices.buy_tick - prices.sell_tick) / 2
    return np.where(latest >= 0, half[np.maximum(latest, 0)], 0.0)


def _end_tick(expected_tick: NDArray[np.float64], battery: Table) -> float:
    """Worth of energy at the horizon's end: what the next day would pay for it at the middle of its prices."""
    row = battery[0]
    out = int(row["discharge_efficiency_ppm"]) / 1e6
    return (float(np.median(expected_tick)) - int(row["wear_cost_tick"])) * out
