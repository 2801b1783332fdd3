"""Strategies that rest on what stored energy is worth, in a market as it runs: limits before the price is known.

On a series of prices the same is done by `strategies.Rolling`, which knows the interval's own price when it trades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.tables import NO_PRICE_TICK, Table
from voltadesk.strategy.course import DAY_S, Course
from voltadesk.units import PPM_PER_UNIT, PRICE_LIMIT_TICK

Ints64 = NDArray[np.int64]

SHADING = 10  # the last battery of a fleet asks so big a part of the usual day's spread more than the first


@dataclass(frozen=True)
class Rolling:
    """Buy what is worth more stored than it costs, sell what is worth less than it brings; never beyond given limits.

    `rolling` expects days like those before. `day-ahead` expects what is published for the connection upstream, and
    `dual` that plus what the market's own prices usually are above it. The first and the last keep still until every
    time of the day has had a price.
    """

    name: str = "rolling"
    buy_limit_tick: int = PRICE_LIMIT_TICK
    sell_limit_tick: int = -PRICE_LIMIT_TICK

    def limits(self, local_second: Ints64) -> tuple[Ints64, Ints64]:
        """As of `limits.Threshold`: none, as they rest on what is stored and what prices were."""
        none = np.full_like(local_second, NO_PRICE_TICK)
        return none, none


ROLLING = ("rolling", "day-ahead", "dual")
PUBLISHED = ("day-ahead", "dual")  # those that need published prices


class Outlook:
    """What each of these strategies expects of a market's prices, learnt from interval to interval."""

    def __init__(self, step_s: int, state: dict[str, Any] | None = None) -> None:
        """For intervals of `step_s` [s]; `state` as from `state` goes on where another was."""
        kept = state or {}
        self.step_s = step_s
        self.courses = {name: Course(step_s, kept.get(name, ())) for name in ("rolling", "dual")}

    def learn(self, local_second: int, price_tick: int, published_tick: int = NO_PRICE_TICK) -> None:
        """Take in an interval's price, and what was published for it; NO_PRICE_TICK: there was none [0.01/MWh]."""
        self.courses["rolling"].learn(local_second, price_tick)
        if NO_PRICE_TICK not in (price_tick, published_tick):
            self.courses["dual"].learn(local_second, price_tick - published_tick)

    def expected_tick(self, name: str, local_second: int, published_tick: Ints64 | None = None) -> Ints64 | None:
        """Prices (n,) [0.01/MWh] expected in the day after the interval that begins then; None while nothing is known.

        published_tick   (n,) as from `published_ahead`; None where nobody publishes any
        """
        if name not in PUBLISHED:
            published_tick = np.zeros(DAY_S // self.step_s, np.int64)
        course = self.courses.get(name)
        if published_tick is None or course is None:
            return published_tick
        return published_tick + course.day_tick(local_second) if course.is_known else None

    def state(self) -> dict[str, Any]:
        """All of it, in lists, in order; empty while nothing is learnt."""
        return {
            name: [list(pair) for pair in course.state()]
            for name, course in sorted(self.courses.items())
            if course.usual_mtick
        }


def published_ahead(price_tick: Ints64, interval: int, local_second: int, step_s: int) -> Ints64:
    """What is out in an interval of the day after it (n,): prices of a day come out at noon of the one before.

    price_tick    (T,) as they will be published [0.01/MWh]
    local_second  when in the local day the interval begins

    Where they end the day before stands in.
    """
    count = DAY_S // step_s
    out = (DAY_S - local_second) // step_s - 1 + (count if local_second >= DAY_S // 2 else 0)
    at = interval + 1 + np.arange(count)
    at = np.where((np.arange(count) < out) & (at < len(price_tick)), at, at - count)
    return price_tick[np.clip(at, 0, len(price_tick) - 1)]


@dataclass(frozen=True)
class Moment:
    """The interval that is bid for: when it begins, and what a buyer pays on top of its price."""

    start_utc: int
    local_second: int  # of the day
    step_s: int
    margin_tick: int


def place_limits(
    outlook: Outlook,
    moment: Moment,
    published_tick: Ints64 | None,
    strategies: Sequence[object],
    battery: Table,
    limit_tick: Ints64,
) -> None:
    """Write into `limit_tick` (2, B) what batteries with such strategies bid and ask [0.01/MWh]; leave the others.

    strategies   (B,) `Rolling`, or others
    battery      (B,) of `tables.BATTERY`, with their fill before the interval
    """
    for name in ROLLING:
        mine = [b for b, each in enumerate(strategies) if isinstance(each, Rolling) and each.name == name]
        if not mine:
            continue
        expected_tick = outlook.expected_tick(name, moment.local_second, published_tick)
        if expected_tick is None:
            limit_tick[:, mine] = NO_PRICE_TICK
            continue
        found = limits_of(battery[mine], expected_tick, moment)
        most = np.array([strategies[b].buy_limit_tick for b in mine])  # type: ignore[attr-defined]
        least = np.array([strategies[b].sell_limit_tick for b in mine])  # type: ignore[attr-defined]
        none = found == NO_PRICE_TICK
        limit_tick[:, mine] = np.where(none, found, np.stack([np.minimum(found[0], most), np.maximum(found[1], least)]))


def limits_of(battery: Table, expected_tick: Ints64, moment: Moment) -> Ints64:
    """The limits (2, B) [0.01/MWh] of batteries that expect such prices (n,) in the intervals to come.

    NO_PRICE_TICK where there is nothing to buy or sell for. Together they move the price they trade at. So each asks
    a little more than the one before it: what the first ones trade leaves a price at which the others see whether they
    still want to.
    """
    from voltadesk.engine.storage import terms  # brings the compiler with it
    from voltadesk.engine.storage_horizon import limits_of_fleet

    middle = int(np.sort(expected_tick)[len(expected_tick) // 2])
    end_tick = (middle - battery["wear_cost_tick"]) * (battery["discharge_efficiency_ppm"] / PPM_PER_UNIT)
    sold_at = np.clip(expected_tick, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK - moment.margin_tick)
    offered = terms(sold_at + moment.margin_tick, sold_at)
    limit_tick, _ = limits_of_fleet(battery, offered, end_tick, moment.start_utc, moment.step_s)
    spread_tick = int(expected_tick.max() - expected_tick.min())
    more_tick = spread_tick * np.arange(len(battery)) // (SHADING * len(battery))
    return np.where(limit_tick == NO_PRICE_TICK, limit_tick, limit_tick + np.stack([-more_tick, more_tick]))
