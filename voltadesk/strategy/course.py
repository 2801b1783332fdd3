"""What prices usually are at each time of the day, as a market that runs teaches it.

It is kept in whole numbers, so that whoever repeats a market comes to the same bids.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.tables import NO_PRICE_TICK

DAY_S = 86_400
MILLI = 1000
DAYS = 10  # a price moves what is usual at its time of day by one part in so many
WIDTH = 3  # prices further from the middle than so many times the usual distance count as being there
LEAST_WIDTH_MTICK = 1000 * MILLI  # 10.00 per MWh: so that prices that never moved can begin to


class Course:
    """The usual day: each price moves it a little at its time of day.

    An hour of scarcity counts with care. It is often gone as soon as batteries are there for it, and one at the price
    cap would otherwise outweigh weeks.
    """

    def __init__(self, step_s: int, usual_mtick: Iterable[tuple[int, int]] = ()) -> None:
        """For intervals of `step_s` [s]; `usual_mtick` as from `state` goes on where another was."""
        self.step_s = step_s
        self.usual_mtick = dict(usual_mtick)  # [0.001 tick], by place in the day

    @property
    def is_known(self) -> bool:
        """Whether every time of the day has had a price."""
        return len(self.usual_mtick) == DAY_S // self.step_s

    def learn(self, local_second: int, price_tick: int) -> None:
        """Take in the price of the interval that began at a second of the local day; NO_PRICE_TICK tells nothing."""
        if price_tick == NO_PRICE_TICK:
            return
        slot, price_mtick = local_second // self.step_s, price_tick * MILLI
        if len(self.usual_mtick) * self.step_s >= 2 * 3600:
            usual = sorted(self.usual_mtick.values())
            middle = usual[len(usual) // 2]
            distance = sum(abs(mtick - middle) for mtick in usual) // len(usual)
            width = WIDTH * distance + LEAST_WIDTH_MTICK
            price_mtick = min(max(price_mtick, middle - width), middle + width)
        before = self.usual_mtick.get(slot, price_mtick)
        self.usual_mtick[slot] = before + (price_mtick - before) // DAYS

    def day_tick(self, local_second: int) -> NDArray[np.int64]:
        """Usual prices (n,) [0.01/MWh] of the intervals in the day after the one that begins then."""
        count, slot = DAY_S // self.step_s, local_second // self.step_s
        return np.array([self.usual_mtick[(slot + n) % count] // MILLI for n in range(1, count + 1)], np.int64)

    @property
    def spread_tick(self) -> int:
        """From the lowest to the highest of the usual prices [0.01/MWh]."""
        return (max(self.usual_mtick.values()) - min(self.usual_mtick.values())) // MILLI

    def state(self) -> list[tuple[int, int]]:
        """All of it, in order."""
        return sorted(self.usual_mtick.items())
