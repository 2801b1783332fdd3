"""Schedules that sell no more than a budget allows in each of some periods: cycles of a warranty, a day or a year.

Energy sold gets a price of its own in each period, the multiplier of its budget: what selling a MWh more would be
worth. The schedule that is best without a budget at the right ones keeps to it. They are first found by halving, all
periods at once. At a multiplier many hours can be equally good, so that a tick decides whether all or none of them are
used, and periods lean on each other; therefore the multipliers then go up where too much is sold and down where too
little, in smaller and smaller steps, and the fills of all these schedules are averaged. Their mean comes to the best
schedule within the budget. It is followed in whole Wh: as it is, or nearer to selling nothing in periods where it still
sells too much, whichever earns more.

Source: T. Larsson, M. Patriksson, A.-B. Stromberg, Ergodic, primal convergence in dual subgradient schemes for convex
programming, Mathematical Programming 86 (1999).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from voltadesk.engine.batteries import stand
from voltadesk.engine.compiled import kernel
from voltadesk.engine.storage import Schedule, checked_battery, path_and_worth, schedule
from voltadesk.engine.storage_path import trade
from voltadesk.engine.storage_value import (
    Budget,
    Floats,
    Integers,
    Terms,
    gather,
    left_of,
    most_offers,
    spent,
    steps_of,
    take_shares,
)
from voltadesk.engine.tables import NO_PRICE_TICK, Table
from voltadesk.errors import BadInput
from voltadesk.units import PPM_PER_UNIT, PRICE_LIMIT_TICK

ROUNDS = 300
FIRST_STEP = 1.0  # of what prices of a period usually are away from their mean


class Budgeted(NamedTuple):
    """A schedule within a budget."""

    bought_wh: Integers  # (T,) at the grid's side [Wh]
    sold_wh: Integers  # (T,)
    fill_wh: Integers  # (T,) at the end of the interval
    battery: Table  # (1,) the battery's row afterwards, with its totals
    multiplier_tick: Integers  # (P,) what selling a MWh more in each period would be worth [0.01/MWh]
    bound_e8: float  # what no schedule within the budget exceeds: sales - purchases - wear + value at the end


@kernel
def _follow(
    battery: Any, terms: Terms, start_utc: int, step_s: int, path: Floats, budget: Budget, rows: Integers
) -> None:  # fmt: skip
    row = battery[0]
    buy_tick, sell_tick, share_ppm, step_from, steps, _ = terms
    offers = np.empty((4, most_offers(step_from)))
    for t in range(len(buy_tick)):
        lost = stand(row, step_s)
        charge_wh, discharge_wh = take_shares(row, share_ppm, t, start_utc + t * step_s, step_s)
        discharge_wh = left_of(budget, t, discharge_wh)
        begin, stop = steps_of(step_from, t)
        charges, count = gather(row, buy_tick[t], sell_tick[t], charge_wh, discharge_wh, steps, begin, stop, offers)
        bought, sold = trade(row, offers, charges, count, path[t], lost)
        spent(budget, t, sold)
        rows[0, t], rows[1, t], rows[2, t] = bought, sold, row.fill_wh


def schedule_within(
    battery: Table, offered: Terms, start_utc: int, step_s: int, period: Integers, most_wh: Integers
) -> Budgeted:
    """The best schedule that sells no more than `most_wh` (P,) in each period [Wh at the grid's side].

    period      (T,) of each interval, from 0 to P - 1; other arguments as of `storage.schedule`, steps aside

    It misses the most that could be earned by less than it stays under `bound_e8`: some tenths of a percent, but much
    more where budgets of many periods are far below a cycle. Raises ValueError as `storage.schedule`, and for steps.
    """
    if len(offered.steps):
        raise BadInput("steps", None, "must not be given with a budget")
    free = schedule(battery, offered, start_utc, step_s)
    if np.all(_sold_wh(free, period, len(most_wh)) <= most_wh):
        none = np.zeros(len(most_wh), np.int64)
        return Budgeted(free.bought_wh, free.sold_wh, free.fill_wh, free.battery, none, free.value_e8)
    step_tick, top = FIRST_STEP * _spread_tick(offered.sell_tick, period, len(most_wh)), _top_tick(battery, offered)
    multiplier = _halved(battery, offered, start_utc, step_s, period, most_wh, top).astype(np.float64)
    # Whether a period's sales go up or down with a step is told by all that it would sell, not by a budget near 0.
    scale_wh = np.maximum(np.maximum(most_wh, _sold_wh(free, period, len(most_wh))), 1)
    bound_e8, mean, mean_wh = np.inf, np.zeros(len(period)), np.zeros(len(most_wh))
    for n in range(1, ROUNDS + 1):
        tick = np.rint(multiplier).astype(np.int64)
        asked = _dearer(offered, period, tick)
        found = schedule(battery, asked, start_utc, step_s)
        bound_e8, sold_wh = min(bound_e8, found.value_e8 + float(tick @ most_wh)), _sold_wh(found, period, len(most_wh))
        if n > ROUNDS // 2:
            mean += path_and_worth(battery, asked, start_utc, step_s)[0] / (ROUNDS - ROUNDS // 2)
            mean_wh += sold_wh / (ROUNDS - ROUNDS // 2)
        multiplier = np.clip(multiplier + step_tick / np.sqrt(n) * (sold_wh - most_wh) / scale_wh, 0.0, top)
    nothing = _dearer(offered, period, np.full(len(most_wh), top))
    idle = path_and_worth(battery, nothing, start_utc, step_s)[0]
    share = np.minimum(1.0, most_wh / np.maximum(mean_wh, 1.0))[period]
    best = max(
        (_followed(battery, offered, start_utc, step_s, path, Budget(period, most_wh.copy()))
         for path in (mean, idle + share * (mean - idle), idle)),
        key=lambda made: _worth_e8(made[1], offered),
    )  # fmt: skip
    (bought_wh, sold_wh, fill_wh), after = best
    return Budgeted(bought_wh, sold_wh, fill_wh, after, np.rint(multiplier).astype(np.int64), bound_e8)


def _followed(
    battery: Table, offered: Terms, start_utc: int, step_s: int, path: Floats, budget: Budget
) -> tuple[Integers, Table]:
    after, rows = checked_battery(battery, 1, step_s), np.empty((3, len(path)), np.int64)
    _follow(after, offered, start_utc, step_s, path, budget, rows)
    return rows, after


def _worth_e8(battery: Table, offered: Terms) -> float:
    """What a battery has earned, and what it holds would be worth."""
    row = battery[0]
    held_wh = int(row["fill_wh"] - row["minimum_fill_wh"])
    ends = np.concatenate([[0.0], np.cumsum(np.minimum(offered.end[:, 1], 1e15))])
    worth = float(np.diff(np.minimum(ends, held_wh)) @ offered.end[:, 0])
    return float(row["sold_e8"] + row["bought_e8"] - row["wear_e8"]) + worth


def _halved(
    battery: Table, offered: Terms, start_utc: int, step_s: int, period: Integers, most_wh: Integers, top_tick: int
) -> Integers:
    """The least multipliers that keep to the budget, as far as periods don't lean on each other."""
    low, high = np.full(len(most_wh), -1), np.full(len(most_wh), top_tick)
    while np.any(high - low > 1):
        tick = (low + high) // 2
        found = schedule(battery, _dearer(offered, period, tick), start_utc, step_s)
        over = _sold_wh(found, period, len(most_wh)) > most_wh
        low, high = np.where(over, tick, low), np.where(over, high, tick)
    return high


def _dearer(offered: Terms, period: Integers, tick: Integers) -> Terms:
    """The same terms, but each MWh sold costs that much."""
    less = np.maximum(offered.sell_tick - tick[period], -PRICE_LIMIT_TICK)
    return offered._replace(sell_tick=np.where(offered.sell_tick == NO_PRICE_TICK, NO_PRICE_TICK, less))


def _sold_wh(found: Schedule, period: Integers, periods: int) -> Integers:
    sold_wh = np.zeros(periods, np.int64)
    np.add.at(sold_wh, period, found.sold_wh)
    return sold_wh


def _spread_tick(sell_tick: Integers, period: Integers, periods: int) -> Floats:
    """How far the prices of each period are from their mean, on average (P,) [tick]."""
    count = np.maximum(np.bincount(period, minlength=periods), 1)
    price = np.where(sell_tick == NO_PRICE_TICK, 0, sell_tick).astype(np.float64)
    mean = np.bincount(period, price, periods) / count
    spread: Floats = np.bincount(period, np.abs(price - mean[period]), periods) / count
    return spread


def _top_tick(battery: Table, offered: Terms) -> int:
    """A price of energy sold at which no cycle earns anything, those that are paid for at both ends included."""
    row = battery[0]
    sells = offered.sell_tick[offered.sell_tick != NO_PRICE_TICK].max(initial=0)
    buys = offered.buy_tick[offered.buy_tick != NO_PRICE_TICK].min(initial=0)
    through = int(row["charge_efficiency_ppm"]) * int(row["discharge_efficiency_ppm"])
    return min(2 * PRICE_LIMIT_TICK, int(sells) + int(-buys) * PPM_PER_UNIT**2 // through + 1)
