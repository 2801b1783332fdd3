"""What a strategy is given, and what it gives back: prices of the past, what others published ahead, and trades."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import IntervalGrid
from voltadesk.engine.tables import Table
from voltadesk.units import PPM_PER_UNIT


@dataclass(frozen=True, eq=False)
class Published:
    """A series that somebody published ahead: day-ahead prices, or an operator's forecasts, run after run.

    known_utc   (n,) when each value was published [s], rising; nothing is used before
    interval    (n,) of the grid of `Prices` that it speaks of, also later ones
    value_tick  (n,) [0.01/MWh]
    """

    name: str
    known_utc: NDArray[np.int64]
    interval: NDArray[np.int64]
    value_tick: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices of the T intervals of a grid, on whose zone's clock days are told.

    buy_tick, sell_tick     (T,) what a MWh costs and brings [0.01/MWh]; NO_PRICE_TICK where nobody knows: no trade
    published               at most one of each name: "day-ahead", "forecast"
    available_ppm           (2, T|1) share of its power that the battery has to charge and to discharge with [ppm]: less
                            in outages, and where others use a connection they share; not known ahead
    name, currency          what reports call them, and what a MWh is paid in, as far as it is known
    """

    grid: IntervalGrid
    buy_tick: NDArray[np.int64]
    sell_tick: NDArray[np.int64]
    published: tuple[Published, ...] = ()
    available_ppm: NDArray[np.int64] = field(default_factory=lambda: np.full((2, 1), PPM_PER_UNIT))
    name: str = "prices"
    currency: str | None = None

    def available(self, begin: int, end: int) -> NDArray[np.int64]:
        """`available_ppm` of a span of intervals, (2, n)."""
        shape = 2, self.grid.count
        return np.ascontiguousarray(np.broadcast_to(self.available_ppm, shape)[:, begin:end])


@dataclass(frozen=True, eq=False)
class Trades:
    """What a battery did in the n intervals from `begin` on.

    limit_tick   (2, n) what it would have bought and sold at, before the price was known; NO_PRICE_TICK: not at all
    worth_tick   (2, n) of a stored MWh more and less [0.01 per stored MWh]; NaN where the strategy knows no worth
    battery      (1,) the battery's row afterwards, with its totals
    """

    begin: int
    bought_wh: NDArray[np.int64]  # (n,) at the grid's side [Wh]
    sold_wh: NDArray[np.int64]  # (n,)
    fill_wh: NDArray[np.int64]  # (n,) at the end of the interval
    limit_tick: NDArray[np.int64]
    worth_tick: NDArray[np.float64]
    battery: Table
    bound_e8: float | None = None  # what nobody could have exceeded, where that is more than was reached


class Strategy(Protocol):
    """A named way to trade one battery. What it does in an interval rests on prices up to that interval's and on what
    was published by its start; only `perfect` knows the future."""

    @property
    def name(self) -> str: ...

    def trade(self, prices: Prices, battery: Table, begin: int) -> Trades:
        """Trade from interval `begin` to the last; the intervals before are its history to learn from.

        battery     (1,) of `tables.BATTERY`, not changed. Raises BadInput where a published series it needs is missing.
        """
        ...
