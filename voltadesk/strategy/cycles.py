"""Budgets of cycles, as warranties have them: so many a day, or a year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from voltadesk.clock import IntervalGrid
from voltadesk.engine.tables import Table
from voltadesk.errors import BadInput
from voltadesk.units import PPM_PER_UNIT, parse_scaled

DAY_S = 86_400
YEAR_DAYS = 365
Period = Literal["day", "year"]


@dataclass(frozen=True)
class Cycles:
    """Most full cycles in each day, or calendar year, of the local clock; parts of a year count as much as they are.

    A full cycle is as much energy sold as the battery can hold.
    """

    ppm: int  # [ppm of a cycle]
    per: Period

    def periods(self, grid: IntervalGrid, begin: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The period (n,) of each interval of a grid from `begin` on, from 0."""
        local = grid.starts_utc[begin:] + grid.offsets_s[begin:]
        unit = "datetime64[D]" if self.per == "day" else "datetime64[Y]"
        return np.unique(local.astype("datetime64[s]").astype(unit), return_inverse=True)[1].astype(np.int64)

    def most_wh(self, grid: IntervalGrid, begin: int, battery: Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Energy (P,) that a battery may sell in each period [Wh], rounded down."""
        row, period = battery[0], self.periods(grid, begin)
        most_wh = int(row["maximum_fill_wh"] - row["minimum_fill_wh"]) * self.ppm // PPM_PER_UNIT
        intervals = np.bincount(period)
        if self.per == "day":
            return np.full(len(intervals), most_wh)
        whole = YEAR_DAYS * DAY_S
        return np.array([most_wh * min(whole, int(n) * grid.step_s) // whole for n in intervals], np.int64)

    def dearer_tick(self, dearer_tick: float, used: float, span_s: int, spread_tick: float) -> float:
        """What a MWh sold is to cost more from now on [0.01/MWh], as it was and as the budget was used.

        used          energy sold in the last `span_s` over what was to be sold in it
        spread_tick   by which the prices of a day differ

        Up where more was used than the budget is for, down where less. A budget of a day can't be overdrawn: all but
        using it up counts as too much, because then it may have gone on hours that were not the best.
        """
        wanted, gain = (0.95, 0.5) if self.per == "day" else (1.0, 0.1)
        change = gain * spread_tick * float(np.clip(used - wanted, -1.0, 1.0)) * span_s / DAY_S
        return max(0.0, dearer_tick + change)


def parse_cycles(text: str) -> Cycles:
    """A budget such as 1.5/day or 365/year. Raises BadInput."""
    number, slash, per = text.partition("/")
    periods: dict[str, Period] = {"day": "day", "year": "year"}
    if not slash or per.strip() not in periods:
        raise BadInput("cycles", text, "must be a number a day or a year, such as 1.5/day or 365/year")
    try:
        ppm = parse_scaled(number.strip(), "cycles", 6, 1, 10**5 * PPM_PER_UNIT)
    except BadInput as error:
        raise BadInput("cycles", text, f"{error.limit}, such as 1.5/day or 365/year") from None
    return Cycles(ppm, periods[per.strip()])
