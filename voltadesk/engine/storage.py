"""What a battery can earn at known prices: its best schedule, to the last Wh, and the worth of what it holds.

A backward pass keeps the value of stored energy as a short list of slopes (`storage_value`, and `storage_below` for
prices below break-even, where it is not concave); it leaves two levels per interval: charge up to the one, discharge
down to the other. The way forward follows them, rounding as the settlement does (`storage_path`). Re-solving against
forecasts is in `storage_horizon`. The slow twin is `tests/reference/storage.py`.

Inside, fills are float64 Wh and values float64 in 1e-8 of the currency: this is advice. What it advises is whole Wh.
A battery buys and sells as a price taker, never both in an interval. Standing loss comes first in an interval; what it
takes below the least fill is bought back first, at any price. Extra steps make room for a connection's own solar and
load, steps of an order book and limits of a connection; fleets and cycle budgets are for the caller.

Sources: J. Cruise, L. Flatley, R. Gibbens, S. Zachary, arXiv 1406.3653; M. U. Hashmi et al., arXiv 2002.01524; B. Xu,
M. Korpas, A. Botterud, arXiv 1910.09149; N. Zheng, J. Jaworski, B. Xu, arXiv 2108.06000.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from voltadesk.engine.arguments import prices, whole, within
from voltadesk.engine.compiled import kernel
from voltadesk.engine.storage_path import follow, go_back, margins
from voltadesk.engine.storage_value import OWN, Floats, Integers, Terms, with_available
from voltadesk.engine.tables import BATTERY, Table
from voltadesk.errors import BadInput
from voltadesk.units import PRICE_LIMIT_TICK

FILL_LIMIT_WH = 10**12  # above, products with parts per million leave 64 bits


class Schedule(NamedTuple):
    """What to do in T intervals."""

    bought_wh: Integers  # (T,) at the grid's side [Wh]
    sold_wh: Integers  # (T,)
    fill_wh: Integers  # (T,) at the end of the interval
    level_wh: Floats  # (T, 2) charge up to, discharge down to; one of them infinite where there is nothing to trade
    battery: Table  # (1,) the battery's row afterwards, with its totals
    value_e8: float  # what the schedule without rounding earns: sales - purchases - wear + value at the end


class ValueOfFill(NamedTuple):
    """Slopes of the value of stored energy, from the least fill on."""

    slope_tick: Floats  # (n,) [tick per stored MWh]
    until_wh: Floats  # (n,) the fill where each ends [Wh]


# Kernels --------------------------------------------------------------------------------------------------------------
@kernel
def run_schedule(
    battery: Any, terms: Terms, start_utc: int, step_s: int, rows: Integers, path: Floats, level: Floats
) -> float:
    """The best schedule of one battery, into `rows`; see `schedule`. Returns what it earns."""
    row = battery[0]
    _, way = go_back(row, terms, start_utc, step_s, level)
    return follow(row, terms, start_utc, step_s, way, rows, path)


@kernel
def _margins(battery: Any, terms: Terms, start_utc: int, step_s: int, path: Floats, worth: Floats) -> None:
    level = np.empty(2 * len(terms.buy_tick) + len(terms.steps))
    row = battery[0]
    _, way = go_back(row, terms, start_utc, step_s, level)
    fill_wh = row.fill_wh
    follow(row, terms, start_utc, step_s, way, np.empty((3, 0), np.int64), path)
    row.fill_wh = fill_wh
    margins(row, terms, start_utc, step_s, path, worth)


@kernel
def _value(battery: Any, terms: Terms, start_utc: int, step_s: int) -> tuple[Floats, Floats]:
    level = np.empty(2 * len(terms.buy_tick) + len(terms.steps))
    start, _ = go_back(battery[0], terms, start_utc, step_s, level)
    return start.slope, start.until


@kernel
def _fleet(
    battery: Any, terms: Terms, available_ppm: Integers, start_utc: int, step_s: int, rows: Integers, value_e8: Floats
) -> None:
    level, nowhere = np.empty(2 * len(terms.buy_tick) + len(terms.steps)), np.empty(0)
    for b in range(len(battery)):
        row, own = battery[b], terms
        if len(available_ppm):
            own = with_available(terms, available_ppm[b])
        _, way = go_back(row, own, start_utc, step_s, level)
        value_e8[b] = follow(row, own, start_utc, step_s, way, rows[b if len(rows) > 1 else 0], nowhere)


# For Python -----------------------------------------------------------------------------------------------------------
def terms(
    buy_tick: ArrayLike,
    sell_tick: ArrayLike | None = None,
    *,
    charge_available_ppm: ArrayLike | None = None,
    discharge_available_ppm: ArrayLike | None = None,
    charge_efficiency_ppm: ArrayLike | None = None,
    discharge_efficiency_ppm: ArrayLike | None = None,
    steps: Sequence[tuple[int, int, int]] | Integers = (),
    end: float | Sequence[tuple[float, float]] = 0.0,
) -> Terms:
    """What T intervals offer a battery, checked and put in order.

    buy_tick, sell_tick       (T,) prices at which the battery buys and sells any quantity [0.01/MWh]; `sell_tick` as
                              `buy_tick` by default; NO_PRICE_TICK where it can't
    *_available_ppm           (T,) or one, share of the battery's power [ppm]; all of it by default
    *_efficiency_ppm          (T,) or one, instead of the battery's own [ppm]
    steps                     (interval, price [0.01/MWh], energy [Wh]): more that can be bought (energy above 0) or
                              sold (below 0) at a price; all within the battery's power, the best first. A step that is
                              no better than the interval's own price is not needed
    end                       value of energy after the last interval [0.01 per stored MWh]: one number, or
                              (number, length [Wh]) from the least fill on, numbers descending

    Raises BadInput for a shape that doesn't fit and a number out of range.
    """
    buy = prices("buy_tick", buy_tick)
    count = len(buy)
    sell = buy if sell_tick is None else prices("sell_tick", sell_tick, count)
    begin, step_table = _steps(steps, count)
    pairs = np.array([(end, np.inf)] if np.isscalar(end) else end, np.float64).reshape(-1, 2)
    if len(pairs) == 0 or not np.all(np.isfinite(pairs[:, 0])):
        raise BadInput("end", str(end), "must be finite numbers")
    if np.any(np.diff(pairs[:, 0]) > 0) or np.any(pairs[:, 1] < 0):
        raise BadInput("end", str(end), "must be descending, its lengths at least 0")
    share_ppm = _shares(
        count, charge_available_ppm, discharge_available_ppm, charge_efficiency_ppm, discharge_efficiency_ppm
    )
    return Terms(buy, sell, share_ppm, begin, step_table, pairs)


def schedule(battery: Table, offered: Terms, start_utc: int, step_s: int) -> Schedule:
    """The schedule that earns the most at known prices.

    battery     (1,) of `tables.BATTERY`; its fill is the one before the first interval. Not changed
    offered     T intervals, as from `terms`
    start_utc   begin of the first interval [s]; step_s its length [s], at most an hour

    Bought and sold Wh, put through `engine.batteries`, give just this fill. The way back costs some 100 ns an interval.
    Raises BadInput for a battery out of range.
    """
    after = checked_battery(battery, 1, step_s)
    count = len(offered.buy_tick)
    rows, level = np.empty((3, count), np.int64), np.empty(2 * count + len(offered.steps))
    earned = run_schedule(after, offered, start_utc, step_s, rows, np.empty(0), level)
    return Schedule(rows[0], rows[1], rows[2], level[: 2 * count].reshape(-1, 2), after, float(earned))


def path_and_worth(battery: Table, offered: Terms, start_utc: int, step_s: int) -> tuple[Floats, Floats]:
    """The best fills without rounding, and what a MWh more and less would be worth at each.

    Arguments as of `schedule`. Returns fill (T,) at each interval's end [Wh] and worth (T, 2) [tick per stored MWh]:
    of a MWh more (minus infinity when full) and of the last MWh held (infinity when empty).
    """
    after = checked_battery(battery, 1, step_s)
    count = len(offered.buy_tick)
    path, worth = np.empty(count), np.empty((count, 2))
    if count:
        _margins(after, offered, start_utc, step_s, path, worth)
    return path, worth


def value_of_fill(battery: Table, offered: Terms, start_utc: int, step_s: int) -> ValueOfFill:
    """The value of stored energy before the first of T intervals; arguments as of `schedule`."""
    return ValueOfFill(*_value(checked_battery(battery, 1, step_s), offered, start_utc, step_s))


def schedule_fleet(
    battery: Table,
    offered: Terms,
    start_utc: int,
    step_s: int,
    available_ppm: ArrayLike | None = None,
    rows: Integers | None = None,
) -> tuple[Table, Floats]:
    """The best schedules of B batteries that all see the same prices, on one thread and without Python's lock.

    battery         (B,) of `tables.BATTERY`, not changed; other arguments as of `schedule`
    available_ppm   (B, T) or (B, 1), share of each battery's power [ppm], instead of what `offered` says
    rows            int64 (B, 3, T) to be filled with bought, sold and fill [Wh], if given

    Returns (B,) rows with their totals, and (B,) what each earns without rounding [1e-8]. For two threads give each
    half of the fleet. Raises BadInput as `schedule`.
    """
    after = checked_battery(battery, len(battery), step_s)
    count = len(offered.buy_tick)
    available = np.empty((0, 1), np.int64) if available_ppm is None else np.array(available_ppm, np.int64, ndmin=2)
    if available_ppm is not None and available.shape not in ((len(after), count), (len(after), 1)):
        limit = f"must be ({len(after)}, {count}) or ({len(after)}, 1)"
        raise BadInput("available_ppm", str(available.shape), limit)
    within("available_ppm", available, 0, 1_000_000)
    if np.any(offered.share_ppm[2:] != OWN):
        raise BadInput("efficiency of intervals", None, "must not be given for a fleet")
    if rows is not None and rows.shape != (len(after), 3, count):
        raise BadInput("rows", str(rows.shape), f"must be ({len(after)}, 3, {count})")
    value_e8 = np.empty(len(after))
    filled = np.empty((1, 3, 0), np.int64) if rows is None else rows
    _fleet(after, offered, available, start_utc, step_s, filled, value_e8)
    return after, value_e8


# Checks ---------------------------------------------------------------------------------------------------------------
def _shares(count: int, *given: ArrayLike | None) -> Integers:
    """Shares of power and efficiencies in the order of `Terms.share_ppm`; one column where all of them are constant."""
    fields = ("charge_available_ppm", "discharge_available_ppm", "charge_efficiency_ppm", "discharge_efficiency_ppm")
    rows = []
    for field, values in zip(fields, given, strict=True):
        is_power = field.endswith("available_ppm")
        array = whole(field, (1_000_000 if is_power else OWN) if values is None else values)
        if array.shape not in ((count,), (1,)):
            raise BadInput(field, str(array.shape), f"must have {count} entries or one")
        if values is not None:
            within(field, array, 0 if is_power else 1, 1_000_000)
        rows.append(array)
    shares = np.empty((4, max(len(array) for array in rows)), np.int64)
    for row, array in zip(shares, rows, strict=True):
        row[:] = array
    return shares


def _steps(steps: Sequence[tuple[int, int, int]] | Integers, count: int) -> tuple[Integers, Integers]:
    """Where each interval's steps begin, their prices and energies: bought cheapest first, then sold dearest first."""
    if len(steps) == 0:
        return np.empty(0, np.int64), np.empty((0, 2), np.int64)
    table = whole("steps", steps)
    if table.ndim != 2 or table.shape[1] != 3:
        raise BadInput("steps", str(table.shape), "must be rows of interval, price and energy")
    table = table[table[:, 2] != 0]
    interval, tick, wh = table.T
    within("steps: interval", interval, 0, count - 1)
    within("steps: price", tick, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)
    within("steps: energy", wh, -FILL_LIMIT_WH, FILL_LIMIT_WH)
    sold = wh < 0
    order = np.lexsort((np.where(sold, -tick, tick), sold, interval))
    begin = np.searchsorted(interval[order], np.arange(count + 1))
    return begin.astype(np.int64), np.ascontiguousarray(table[order, 1:])


def checked_battery(battery: Table, count: int, step_s: int) -> Table:
    """A copy of the rows, for the kernels to write in."""
    if battery.shape != (count,) or battery.dtype != BATTERY:
        what = f"{battery.shape} of {battery.dtype.kind}"
        raise BadInput("battery", what, f"must be {count} rows of tables.BATTERY")
    if not 0 < step_s <= 3600:
        raise BadInput("step_s", step_s, "must lie between 1 and 3600")
    for field in ("charge_efficiency_ppm", "discharge_efficiency_ppm"):
        within(field, battery[field], 1, 1_000_000)
    for field in ("charge_power_w", "discharge_power_w"):
        within(field, battery[field], 0, FILL_LIMIT_WH)
    within("standing_loss_ppm_per_hour", battery["standing_loss_ppm_per_hour"], 0, 999_999)
    within("wear_cost_tick", battery["wear_cost_tick"], 0, PRICE_LIMIT_TICK)
    within("minimum_fill_wh", battery["minimum_fill_wh"], 0, FILL_LIMIT_WH)
    within("fill_wh", battery["fill_wh"], 0, FILL_LIMIT_WH)
    highest = battery["maximum_fill_wh"]
    within("maximum_fill_wh", highest, 1, FILL_LIMIT_WH)
    within("maximum_fill_wh - minimum_fill_wh", highest - battery["minimum_fill_wh"], 1, FILL_LIMIT_WH)
    within("maximum_fill_wh - fill_wh", highest - battery["fill_wh"], 0, FILL_LIMIT_WH)
    return battery.copy()
