"""A battery that a community does not have yet, and how it is run.

What it finds to do are the `Openings` that the others leave to it. A watt-hour that is left over costs what the grid
would have paid for it, one that is still wanted saves what the grid would have asked; beyond that it trades with the
grid itself. Its run is solved anew in each interval for the day and a half that follows, by the project's exact
scheduler: prices are known as spot prices are, energy is expected to be as on the days before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.clock import IntervalGrid
from voltadesk.engine.storage import schedule, terms
from voltadesk.engine.storage_rolling import resolve_terms
from voltadesk.engine.storage_value import Terms
from voltadesk.engine.tables import BATTERY, Table
from voltadesk.strategy.forecast import Days, days_of, shapes

Ints = NDArray[np.int64]

ENERGY_LIMIT_WH = 10**9  # 1 GWh, and 1 GW
EFFICIENCY_PPM = 860_000  # of a whole cycle, where none is given; as in a backtest

LEFT, WANTED, BUY, SELL = range(4)  # what is left over, what is still wanted, the grid's offer, the grid's bid
HORIZON_S = 129_600  # a day and a half: what is stored in summer serves two evenings
SPAN_DAYS = 10.0  # a day counts for a third of what it did so many days later, as in `forecast.UsualDay`
SOON_S = 21_600
CAUTION = 20  # what is only expected counts for one part in so many less than what is there


@dataclass(frozen=True)
class Battery:
    """A battery, empty at first, that loses half of what it loses in a cycle on each way."""

    energy_wh: int
    power_w: int  # in and out, at the grid's side
    efficiency_ppm: int  # of a whole cycle

    def row(self) -> Table:
        """It as a row of the engine's table."""
        row = np.zeros(1, BATTERY)
        row["charge_power_w"] = row["discharge_power_w"] = self.power_w
        each_way = isqrt(4 * self.efficiency_ppm * units.PPM_PER_UNIT)
        row["charge_efficiency_ppm"] = row["discharge_efficiency_ppm"] = (each_way + 1) // 2
        row["maximum_fill_wh"] = self.energy_wh
        return row


@dataclass(frozen=True, eq=False)
class Openings:
    """What a period leaves to a battery, in each of T intervals.

    left_wh      (T,) fed into the grid, that the battery could take instead [Wh]
    wanted_wh    (T,) bought from the grid, that the battery could give instead [Wh]
    price_tick   (4, T) of both, and of the grid for the battery itself, with fees and tax [0.01/MWh]
    usual_tick   (4, T) the same as tariffs tell it beforehand, when nobody knows whose energy it will be
    """

    left_wh: Ints
    wanted_wh: Ints
    price_tick: Ints
    usual_tick: Ints

    def worth_e8(self, taken_wh: Ints, given_wh: Ints) -> int:
        """What it saves members and community together that a battery takes and gives so much, (T,) each [1e-8]."""
        within, out = np.minimum(taken_wh, self.left_wh), np.minimum(given_wh, self.wanted_wh)
        flows = {LEFT: -within, WANTED: out, BUY: within - taken_wh, SELL: given_wh - out}
        return sum(sum((energy_wh * self.price_tick[kind]).tolist()) for kind, energy_wh in flows.items())


@dataclass(frozen=True, eq=False)
class Run:
    """What a battery did in T intervals."""

    taken_wh: Ints  # (T,) [Wh]
    given_wh: Ints  # (T,)
    lost_wh: int
    left_wh: int  # in it at the end
    saved_e8: int  # as from `Openings.worth_e8`


# The run --------------------------------------------------------------------------------------------------------------
def runs(battery: Battery, openings: Sequence[Openings], grid: IntervalGrid) -> tuple[Run, Run]:
    """How the battery is run through periods that follow each other on a grid: without looking ahead, and in hindsight.

    The first is solved anew in each interval, for the day and a half that follows: prices are known as spot prices are,
    energy is expected to be as on the days before. The second is the schedule that is worth the most. Empty at first;
    what is left in the end is worth nothing.
    """
    if battery.energy_wh == 0 or battery.power_w == 0:
        nothing = np.zeros(grid.count, np.int64)
        return Run(nothing, nothing, 0, 0, 0), Run(nothing, nothing, 0, 0, 0)
    whole = Openings(
        *(np.concatenate([getattr(part, key) for part in openings]) for key in ("left_wh", "wanted_wh")),
        *(np.concatenate([getattr(part, key) for part in openings], axis=1) for key in ("price_tick", "usual_tick")),
    )
    rolling = _rolling(battery.row(), whole, grid)
    offered = _offered(_sooner(whole.price_tick, grid), whole.left_wh, whole.wanted_wh)
    best = schedule(battery.row(), offered, grid.start_utc, grid.step_s)
    known = _run(whole, best.bought_wh, best.sold_wh, best.battery)
    # The schedule is the best but for whole watt-hours, which count where a battery is very small.
    return rolling, max(known, rolling, key=lambda ran: ran.saved_e8)


def _run(whole: Openings, taken_wh: Ints, given_wh: Ints, battery: Table) -> Run:
    row = battery[0]
    worth_e8 = whole.worth_e8(taken_wh, given_wh)
    return Run(taken_wh, given_wh, int(row["loss_wh"]), int(row["fill_wh"]), worth_e8)


def _rolling(row: Table, whole: Openings, grid: IntervalGrid) -> Run:
    horizon = HORIZON_S // grid.step_s
    days, rows = days_of(grid, horizon), np.empty((3, grid.count), np.int64)
    # What is left over and what is wanted at a time of the day come on different days: ahead, their balance counts.
    balance_wh = whole.left_wh - whole.wanted_wh
    usual_wh = shapes(balance_wh.astype(np.float64), days, SPAN_DAYS)
    noons = np.flatnonzero(days.slot[: grid.count] == days.per_day // 2).tolist()
    for first, end in pairwise(sorted({*days.starts(0, grid.count), *noons})):
        now, ahead = slice(first, end), np.arange(first, end + horizon)
        offered = _offered(whole.price_tick[:, now], whole.left_wh[now], whole.wanted_wh[now])
        expected_wh = _expected(usual_wh, days, ahead, int(balance_wh[0]))
        price_tick = _with_caution(whole.usual_tick[:, _known(days, ahead, grid.count)])
        expected = _offered(price_tick, np.maximum(expected_wh, 0), np.maximum(-expected_wh, 0))
        start_utc = grid.start_utc + first * grid.step_s
        rows[:, now], row = resolve_terms(row, offered, expected, horizon, start_utc, grid.step_s)
    return _run(whole, rows[0], rows[1], row)


def _expected(table: NDArray[np.float64], days: Days, ahead: Ints, first_wh: int) -> Ints:
    """Energy as usual at each time of the day, by the days before; on the very first day, as it is when that begins."""
    usual = table[days.day[ahead[0]]][days.slot[ahead]]
    return np.rint(np.where(np.isnan(usual), first_wh, usual)).astype(np.int64)


def _known(days: Days, ahead: Ints, count: int) -> Ints:
    """Where the prices stand that are taken for some intervals, seen from the first of them.

    As spot prices do, those of a day come out at noon of the day before. Where none are out yet, or the span that is
    settled ends, the day before stands in.
    """
    is_afternoon = days.slot[ahead[0]] >= days.per_day // 2
    later = np.maximum(days.day[ahead] - days.day[ahead[0]] - (1 if is_afternoon else 0), 0)
    known = np.maximum(ahead - later * days.per_day, 0)
    day = min(days.per_day, count)
    places: Ints = np.where(known < count, known, count - day + (known - count) % day)
    return places


def _with_caution(price_tick: Ints) -> Ints:
    """A little dearer to buy at and cheaper to sell at: else nothing would tell now from later at the same price."""
    return _worse(price_tick, np.abs(price_tick) // CAUTION)


def _sooner(price_tick: Ints, grid: IntervalGrid) -> Ints:
    """Worse by a tick every six hours of a week, so that of times that are alike the earlier is taken.

    What is lost there by whole watt-hours can then be made up for.
    """
    return _worse(price_tick, np.arange(grid.count) * grid.step_s % (28 * SOON_S) // SOON_S)


def _worse(price_tick: Ints, by_tick: Ints) -> Ints:
    signs = np.array([[1], [-1], [1], [-1]])  # of `LEFT`, `WANTED`, `BUY` and `SELL`
    worse: Ints = np.clip(price_tick + signs * by_tick, -units.PRICE_LIMIT_TICK, units.PRICE_LIMIT_TICK)
    return worse


def _offered(price_tick: Ints, left_wh: Ints, wanted_wh: Ints) -> Terms:
    """What intervals offer: so much that is left over, so much that is wanted, beyond that the grid."""
    steps = [
        np.stack([places, price_tick[kind][places], sign * np.minimum(energy_wh[places], ENERGY_LIMIT_WH)], axis=1)
        for kind, sign, energy_wh in ((LEFT, 1, left_wh), (WANTED, -1, wanted_wh))
        if len(places := np.flatnonzero(energy_wh))
    ]
    table = np.concatenate(steps) if steps else np.empty((0, 3), np.int64)
    return terms(price_tick[BUY], price_tick[SELL], steps=table)
