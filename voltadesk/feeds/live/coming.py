"""A price series as a market takes it: whole intervals of its step, in stretches without a gap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from voltadesk.clock import IntervalGrid, time_zone
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.feeds.prices.series import PriceSeries, on_grid
from voltadesk.feeds.series import Series, resample


class Stretch(NamedTuple):
    """Prices of intervals one after the other."""

    start_utc: int
    price_tick: tuple[int, ...]


def stretches(series: PriceSeries, first_utc: int, step_s: int, count: int) -> list[Stretch]:
    """What a series has of `count` intervals of a step from `first_utc` on.

    A price that holds for longer stands in each interval; intervals of which a part has none have none. Raises BadInput
    for prices that change within an interval.
    """
    grid, price_tick = on_grid(series)
    known = price_tick != NO_PRICE_TICK
    edges = np.flatnonzero(np.diff(known, prepend=False, append=False)).tolist()
    found: list[Stretch] = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        part = Series(grid.start_utc + begin * grid.step_s, grid.step_s, price_tick[begin:end], series.column)
        first = max(-(-(part.start_utc - first_utc) // step_s), 0)
        last = min((part.end_utc - first_utc) // step_s, count)
        if first < last:
            wanted = IntervalGrid(first_utc + first * step_s, step_s, last - first, time_zone("UTC"))
            found.append(Stretch(wanted.start_utc, tuple(resample(part, wanted, "price").tolist())))
    return found
