"""`voltadesk.battery` and `voltadesk.schedule`: the best that a battery can earn at known prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voltadesk.engine.arguments import number, prices
from voltadesk.engine.storage import schedule as best_schedule
from voltadesk.engine.storage import terms
from voltadesk.engine.tables import Table
from voltadesk.errors import BadInput
from voltadesk.report import backtest
from voltadesk.report.backtest import ENERGY_LIMIT_WH, Unit
from voltadesk.units import POWER_LIMIT_W, PPM_PER_UNIT, PRICE_LIMIT_TICK

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scheduled:
    """What to do in T intervals, and what it earns."""

    bought_wh: Integers  # (T,) at the grid's side [Wh]
    sold_wh: Integers  # (T,)
    fill_wh: Integers  # (T,) at the end of the interval
    earned_e8: Integers  # (T,) sales less purchases [1e-8]
    wear_e8: Integers  # (T,) [1e-8]
    battery: Table  # (1,) of `engine.tables.BATTERY`: the battery afterwards, with its totals

    @property
    def revenue_e8(self) -> int:
        """Sales less purchases and wear [1e-8]."""
        return sum(map(int, self.earned_e8)) - sum(map(int, self.wear_e8))


def battery(
    power_w: int = 1_000_000,
    energy_wh: int = 2_000_000,
    efficiency_ppm: int = 860_000,
    wear_tick: int = 0,
    fill_wh: int = 0,
) -> Unit:
    """A battery; without arguments that of `voltadesk headless backtest`.

    power_w         in and out, at the grid's side [W]
    energy_wh       that it can hold [Wh]
    efficiency_ppm  of a whole cycle [ppm]; half of the losses come with each way
    wear_tick       cost of a MWh sold [0.01/MWh]
    fill_wh         what it holds before the first interval [Wh]

    What else there is to a battery (other power out than in, least fill, standing loss) are fields of its row,
    `.battery`. Raises BadInput.
    """
    energy_wh = number("energy_wh", energy_wh, 1, ENERGY_LIMIT_WH)
    unit = backtest.battery(
        number("power_w", power_w, 1, POWER_LIMIT_W),
        energy_wh,
        number("efficiency_ppm", efficiency_ppm, 1, PPM_PER_UNIT),
        number("wear_tick", wear_tick, 0, PRICE_LIMIT_TICK),
    )
    unit.battery["fill_wh"] = number("fill_wh", fill_wh, 0, energy_wh)
    return unit


def schedule(
    price_tick: ArrayLike,
    battery: Unit,
    step_s: int = 3600,
    *,
    sell_tick: ArrayLike | None = None,
    start_utc: int = 0,
    end_tick: int = 0,
) -> Scheduled:
    """The schedule that earns the most at known prices, exact to the Wh.

    price_tick  (T,) what a MWh costs, and brings where `sell_tick` is not given [0.01/MWh]; NO_PRICE_TICK: no trade
    battery     as from `battery`
    step_s      length of an interval [s], at most an hour
    sell_tick   (T,) what a MWh brings [0.01/MWh]
    start_utc   begin of the first interval [s]
    end_tick    what a stored MWh is worth after the last interval [0.01/MWh]

    Raises BadInput.
    """
    buy = prices("price_tick", price_tick)
    sell = buy if sell_tick is None else prices("sell_tick", sell_tick, len(buy))
    if not isinstance(battery, Unit):
        raise BadInput("battery", type(battery).__name__, "must be a battery, as from voltadesk.battery")
    step_s, start_utc = number("step_s", step_s, 1, 3600), number("start_utc", start_utc, 0, 1 << 40)
    end_tick = number("end_tick", end_tick, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)
    done = best_schedule(battery.battery, terms(buy, sell, end=float(end_tick)), start_utc, step_s)
    paid = done.bought_wh * np.where(done.bought_wh > 0, buy, 0)
    received = done.sold_wh * np.where(done.sold_wh > 0, sell, 0)
    wear = done.sold_wh * battery.battery["wear_cost_tick"][0]
    return Scheduled(done.bought_wh, done.sold_wh, done.fill_wh, received - paid, wear, done.battery)
