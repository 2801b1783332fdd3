"""Strategies that need no forecast: they turn the clock into a price to buy and a price to sell at.

A battery bids for all it can take at or below its buy limit, and offers all it can give at or above its sell limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.units import PPM_PER_UNIT, PRICE_LIMIT_TICK

Limits = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Threshold:
    """Buy at or below one price, sell at or above another, at any hour."""

    buy_limit_tick: int
    sell_limit_tick: int

    @classmethod
    def around(cls, threshold_tick: int) -> Threshold:
        """Buy below a single price, sell above it, keep still at it."""
        return cls(threshold_tick - 1, threshold_tick + 1)

    def limits(self, local_second: NDArray[np.int64]) -> Limits:
        """Buy and sell limit [tick] at each local second of the day; shapes as given."""
        return np.full_like(local_second, self.buy_limit_tick), np.full_like(local_second, self.sell_limit_tick)


@dataclass(frozen=True)
class Timetable:
    """Charge in some hours of the local day and discharge in others, within price limits.

    Spans are (begin, end) in seconds of the local day; one whose end is not after its begin runs over midnight.
    """

    charge: tuple[tuple[int, int], ...]
    discharge: tuple[tuple[int, int], ...]
    buy_limit_tick: int
    sell_limit_tick: int

    def limits(self, local_second: NDArray[np.int64]) -> Limits:
        """Buy and sell limit [tick] at each local second of the day, NO_PRICE_TICK outside the hours."""
        return (
            np.where(_within(local_second, self.charge), self.buy_limit_tick, NO_PRICE_TICK),
            np.where(_within(local_second, self.discharge), self.sell_limit_tick, NO_PRICE_TICK),
        )


def shown(limit_tick: int) -> int | None:
    """A limit that was bid [0.01/MWh]; None where there was none: no order, or one that no price can meet."""
    return None if limit_tick == NO_PRICE_TICK or abs(limit_tick) >= PRICE_LIMIT_TICK else limit_tick


def worth_tick(
    buy_tick: int | None, sell_tick: int | None, charge_ppm: int, discharge_ppm: int, wear_tick: int
) -> tuple[int | None, int | None]:
    """What limits say a stored MWh more, and the last one stored, are worth [0.01 per stored MWh], rounded down.

    Bought at its limit, with what is lost in charging, energy has cost just that; sold at its limit, less what is
    lost in discharging and the wear, it brings just that.
    """
    return (
        None if buy_tick is None else buy_tick * PPM_PER_UNIT // charge_ppm,
        None if sell_tick is None else (sell_tick - wear_tick) * discharge_ppm // PPM_PER_UNIT,
    )


def _within(local_second: NDArray[np.int64], spans: tuple[tuple[int, int], ...]) -> NDArray[np.bool_]:
    inside = np.zeros(local_second.shape, np.bool_)
    for begin, end in spans:
        if begin < end:
            inside |= (begin <= local_second) & (local_second < end)
        else:
            inside |= (begin <= local_second) | (local_second < end)
    return inside


def span_of_day(text: str) -> tuple[int, int]:
    """(begin, end) in seconds of the day from a text such as 22:00-05:30."""
    begin, end = (int(part[:2]) * 3600 + int(part[3:]) * 60 for part in text.split("-"))
    return begin, end
