"""Backtests: what batteries would have earned at known prices, each strategy beside perfect foresight.

    result = backtest(prices, [battery(power_w=1_000_000, energy_wh=2_000_000)], [strategy])
    tree = backtest_figures.figures(result)

Batteries are price takers. Money is counted in integers from what was bought and sold at which price; a strategy's own
word is not taken for it: fills, windows, powers and totals are checked, and a fault is told rather than reported on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import isqrt
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.tables import BATTERY, NO_PRICE_TICK, Table
from voltadesk.errors import BadInput, CheckFailed
from voltadesk.strategy.cycles import Cycles
from voltadesk.strategy.strategies import Perfect
from voltadesk.strategy.trader import Prices, Strategy, Trades
from voltadesk.units import PPM_PER_UNIT, decimal_text

Integers = NDArray[np.int64]

TURNOVER_LIMIT_E8 = 8 * 10**18
ENERGY_LIMIT_WH = 10**11  # that a battery can hold


@dataclass(frozen=True, eq=False)
class Unit:
    """Batteries that are alike: they do the same, so one is traded and counted `count` times."""

    name: str
    battery: Table  # (1,) of `tables.BATTERY`, before the first interval
    count: int = 1
    available_ppm: Integers | None = None  # (T,) share of its power that is there [ppm]; None: all of it


@dataclass(frozen=True, eq=False)
class Run:
    """What all units did by one strategy in the n intervals that were traded."""

    name: str
    bought_wh: Integers  # (n,) at the grid's side [Wh]
    sold_wh: Integers  # (n,)
    fill_wh: Integers  # (n,) at the end of the interval
    earned_e8: Integers  # (n,) sales less purchases
    wear_e8: Integers  # (n,)
    mode_changes: int  # between buying and selling
    by_unit_e8: tuple[int, ...]  # of each unit's batteries together: sales less purchases and wear
    only: Trades | None  # of the battery, where there is just one
    bound_e8: float  # of all units together, where strategies told one


@dataclass(frozen=True, eq=False)
class Backtest:
    """Runs of the same units at the same prices from interval `begin` on; `perfect` is the most anyone could have.

    All keep to the same budget of `cycles`, and all units together to a connection.
    """

    prices: Prices
    units: tuple[Unit, ...]
    begin: int
    perfect: Run
    runs: tuple[Run, ...]
    cycles: Cycles | None = None
    connection_w: int | None = None


def battery(power_w: int, energy_wh: int, efficiency_ppm: int = PPM_PER_UNIT, wear_tick: int = 0) -> Unit:
    """An empty battery with the same power in and out; half of its losses come with each.

    power_w         at the grid's side [W]
    energy_wh       that it can hold [Wh]
    efficiency_ppm  of a whole cycle [ppm]; the square root, to the nearest ppm, each way
    wear_tick       per MWh sold [0.01/MWh]
    """
    row = np.zeros(1, BATTERY)
    each_way = isqrt(4 * efficiency_ppm * PPM_PER_UNIT)
    row["charge_power_w"] = row["discharge_power_w"] = power_w
    row["charge_efficiency_ppm"] = row["discharge_efficiency_ppm"] = (each_way + 1) // 2
    row["maximum_fill_wh"], row["wear_cost_tick"] = energy_wh, wear_tick
    return Unit("battery", row)


def backtest(
    prices: Prices,
    units: Sequence[Unit],
    strategies: Sequence[Strategy],
    begin: int = 0,
    on_done: Callable[[int], None] | None = None,
    cycles: Cycles | None = None,
    connection_w: int | None = None,
) -> Backtest:
    """Trade all units by each strategy, and with perfect foresight, from interval `begin` to the last.

    Prices before `begin` are history to learn from. `on_done` is told how many units have been traded so far, each by
    each strategy. With `cycles` no battery may do more of them, and strategies know it.
    All units together charge, and discharge, with no more than `connection_w`: the first take what they want of it, the
    next ones what is left, so the order of units counts.

    Two threads share the work, so a strategy may be asked by both at once; what comes out is the same whatever their
    order. Raises BadInput for arguments out of range and as strategies do, CheckFailed where a strategy
    did what no battery can do.
    """
    if not units:
        raise BadInput("fleet", 0, "must hold at least 1 battery")
    if not 0 <= begin < prices.grid.count:
        raise BadInput("begin", begin, f"must lie between 0 and {prices.grid.count - 1}")
    count = prices.grid.count - begin
    given = [within(strategy, cycles) for strategy in strategies]
    best = within(Perfect(), cycles)
    others = [strategy for strategy in given if strategy != best]
    sums = [_Sum(strategy, count, len(units)) for strategy in (best, *others)]
    _trade_all(sums, prices, units, begin, connection_w, on_done)
    perfect, *runs = (total.run() for total in sums)
    rest = iter(runs)
    done = tuple(perfect if strategy == best else next(rest) for strategy in given)
    return Backtest(prices, tuple(units), begin, perfect, done, cycles, connection_w)


def within(strategy: Strategy, cycles: Cycles | None) -> Strategy:
    """The same strategy, kept to a budget of cycles. Raises BadInput for one that can't be."""
    if cycles is None:
        return strategy
    if not hasattr(strategy, "cycles"):
        raise BadInput("strategy", strategy.name, "can't keep to a budget of cycles: it has no field of that name")
    return replace(strategy, cycles=cycles)  # type: ignore[type-var]


def _trade_all(
    sums: Sequence[_Sum],
    prices: Prices,
    units: Sequence[Unit],
    begin: int,
    connection_w: int | None,
    on_done: Callable[[int], None] | None,
) -> None:
    """Trade each unit by each strategy on two threads, and add up what they did."""
    lock, done = Lock(), 0

    def work(total: _Sum, u: int, left_w: Integers | None = None) -> None:
        nonlocal done
        unit = units[u]
        seen = _seen_by(unit, prices, left_w)
        trades = total.strategy.trade(seen, unit.battery, begin)
        _check(total.strategy.name, trades, seen, unit.battery, begin)
        _check_cycles(total.strategy, trades, seen, unit.battery)
        with lock:
            total.add(trades, seen, unit, u)
            done += 1
            if on_done is not None:
                on_done(done)
        if left_w is not None:
            for left, traded_wh in zip(left_w, (trades.bought_wh, trades.sold_wh), strict=True):
                left[begin:] -= -(-traded_wh * unit.count * 3600 // prices.grid.step_s)

    def one_by_one(total: _Sum, most_w: int) -> None:
        left_w = np.full((2, prices.grid.count), most_w)
        for u in range(len(units)):
            work(total, u, left_w)

    with ThreadPoolExecutor(2) as pool:
        if connection_w is None:
            jobs = [pool.submit(work, total, u) for total in sums for u in range(len(units))]
        else:
            jobs = [pool.submit(one_by_one, total, connection_w) for total in sums]
        try:
            for job in jobs:
                job.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _seen_by(unit: Unit, prices: Prices, left_w: Integers | None) -> Prices:
    """Prices with the share of its power that each of a unit's batteries has, also of what is left of a connection.

    While none of it is there, there is no price.
    """
    available_ppm = prices.available(0, prices.grid.count)
    if unit.available_ppm is not None:
        available_ppm = np.minimum(available_ppm, unit.available_ppm)
    if left_w is not None:
        for ppm, left, kind in zip(available_ppm, left_w, ("charge", "discharge"), strict=True):
            power_w = max(1, int(unit.battery[f"{kind}_power_w"][0]) * unit.count)
            # In whole watts of each battery, so that all of them together keep to it.
            np.minimum(ppm, np.maximum(left, 0) * PPM_PER_UNIT // power_w, out=ppm)
    buy, sell = prices.buy_tick, prices.sell_tick
    if unit.available_ppm is not None:
        buy, sell = (np.where(unit.available_ppm == 0, NO_PRICE_TICK, tick) for tick in (buy, sell))
    return replace(prices, buy_tick=buy, sell_tick=sell, available_ppm=available_ppm)


class _Sum:
    """Trades of a strategy added up over units."""

    def __init__(self, strategy: Strategy, count: int, units: int) -> None:
        self.strategy = strategy
        self.rows = np.zeros((5, count), np.int64)
        self.by_unit_e8 = [0] * units
        self.turnover, self.mode_changes = 0.0, 0
        self.only: Trades | None = None
        self.bound_e8 = 0.0

    def add(self, trades: Trades, prices: Prices, unit: Unit, u: int) -> None:
        begin, number = trades.begin, unit.count
        paid = trades.bought_wh * np.where(trades.bought_wh > 0, prices.buy_tick[begin:], 0)
        received = trades.sold_wh * np.where(trades.sold_wh > 0, prices.sell_tick[begin:], 0)
        wear = trades.sold_wh * unit.battery["wear_cost_tick"][0]
        # In floats, so that what is too much is seen before integers wrap around.
        self.turnover += number * float(np.abs(paid).sum(dtype=float) + np.abs(received).sum(dtype=float))
        self.turnover += number * float(wear.sum(dtype=float))
        if self.turnover > TURNOVER_LIMIT_E8:
            most = f"{TURNOVER_LIMIT_E8 // 10**8:,}"
            raise BadInput("turnover", f"{self.turnover / 1e8:,.0f}", f"must be at most {most}: fewer batteries")
        parts = (trades.bought_wh, trades.sold_wh, trades.fill_wh, received - paid, wear)
        for row, part in zip(self.rows, parts, strict=True):
            row += number * part
        self.mode_changes += number * int(trades.battery["mode_changes"][0] - unit.battery["mode_changes"][0])
        self.by_unit_e8[u] = number * int((received - paid - wear).sum())
        self.bound_e8 += number * (trades.bound_e8 or 0.0)
        if len(self.by_unit_e8) == 1 and number == 1:
            self.only = trades

    def run(self) -> Run:
        self.rows.flags.writeable = False
        bought, sold, fill, earned, wear = self.rows
        return Run(
            self.strategy.name, bought, sold, fill, earned, wear, self.mode_changes, tuple(self.by_unit_e8), self.only,
            self.bound_e8,
        )  # fmt: skip


# Checks ---------------------------------------------------------------------------------------------------------------
def _check(name: str, trades: Trades, prices: Prices, before: Table, begin: int) -> None:
    """Whether a battery can have done this. Raises CheckFailed naming the strategy and the first interval."""
    row, grid = before[0], prices.grid
    bought, sold, fill = trades.bought_wh, trades.sold_wh, trades.fill_wh
    count = grid.count - begin
    if trades.begin != begin or not len(bought) == len(sold) == len(fill) == count:
        raise CheckFailed(
            f"strategy {name}: traded {len(bought)} intervals from {trades.begin}, not {count} from {begin}"
        )
    most_in, most_out = (
        int(row[f"{way}_power_w"]) * ppm // PPM_PER_UNIT * grid.step_s // 3600 + 1
        for way, ppm in zip(("charge", "discharge"), prices.available(begin, grid.count), strict=True)
    )
    # What standing loss takes below the least fill is bought back when there is a price.
    leak_ppm = int(row["standing_loss_ppm_per_hour"])
    floor = 0 if leak_ppm else int(row["minimum_fill_wh"])
    held = np.concatenate([[row["fill_wh"]], fill[:-1]])
    stored = bought * row["charge_efficiency_ppm"] // PPM_PER_UNIT
    taken = -(-sold * PPM_PER_UNIT // row["discharge_efficiency_ppm"])
    lost = held + stored - taken - fill
    most_lost = held * leak_ppm * grid.step_s // (3600 * PPM_PER_UNIT) + (leak_ppm > 0)  # parts of a Wh are carried on
    faults = {
        "bought and sold at once": (bought > 0) & (sold > 0),
        "traded less than nothing": (bought < 0) | (sold < 0),
        "bought more than its power": bought > most_in,
        "sold more than its power": sold > most_out,
        "bought without a price": (bought > 0) & (prices.buy_tick[begin:] == NO_PRICE_TICK),
        "sold without a price": (sold > 0) & (prices.sell_tick[begin:] == NO_PRICE_TICK),
        "filled outside its window": (fill < floor) | (fill > int(row["maximum_fill_wh"])),
        "lost or found energy": (lost < 0) | (lost > most_lost),
    }
    for fault, where in faults.items():
        if where.any():
            raise CheckFailed(f"strategy {name}: {fault} in interval {begin + int(where.argmax())}")
    for field, part in (("charged_wh", bought), ("discharged_wh", sold)):
        total = int(trades.battery[field][0] - row[field])
        if total != int(part.sum()):
            raise CheckFailed(f"strategy {name}: {field} = {decimal_text(total, 0)}, its intervals sum to {part.sum()}")


def _check_cycles(strategy: Strategy, trades: Trades, prices: Prices, before: Table) -> None:
    """Whether a strategy kept to its budget. Raises CheckFailed."""
    cycles: Cycles | None = getattr(strategy, "cycles", None)
    if cycles is None:
        return
    period, most_wh = cycles.periods(prices.grid, trades.begin), cycles.most_wh(prices.grid, trades.begin, before)
    sold_wh = np.zeros(len(most_wh), np.int64)
    np.add.at(sold_wh, period, trades.sold_wh)
    if np.any(sold_wh > most_wh):
        over = int((sold_wh > most_wh).argmax())
        raise CheckFailed(
            f"strategy {strategy.name}: sold {sold_wh[over]} Wh in {cycles.per} {over}, more than {most_wh[over]}"
        )
