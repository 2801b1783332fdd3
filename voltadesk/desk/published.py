"""Prices of the grid above as a feed publishes them to the desk: interval by interval, before each is run.

They come by commands alone, so a history with them is carried out again without any network. What is not published is
not known: an interval without a price is not run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import utc_text
from voltadesk.desk.refusal import Refusal, price_text
from voltadesk.errors import BadInput
from voltadesk.scenario.model import PriceFeed
from voltadesk.scenario.values import PUBLISHED_LIMIT

SHOWN = 20  # changes that an entry tells one by one
DAY_S = 86_400


class FeedState(NamedTuple):
    """How far prices are known, and what was published last: in which entry, and when its source was asked."""

    source: str
    zone: str
    intervals: int  # known without a break, the next one first
    until_utc: int
    entry: int  # 0: nothing yet
    fetched_utc: int  # 0: not said


class Published:
    """The prices, by the numbers of intervals, from a day before the next one on."""

    def __init__(self, feed: PriceFeed, start_utc: int, step_s: int) -> None:
        self.feed, self.start_utc, self.step_s = feed, start_utc, step_s
        self.price_tick: dict[int, int] = {}
        self.entry = self.fetched_utc = 0

    def _utc(self, number: int) -> int:
        return self.start_utc + number * self.step_s

    # Asking -----------------------------------------------------------------------------------------------------------
    def price(self, number: int) -> int:
        """The price of an interval [tick]. Raises BadInput where none was published."""
        if number not in self.price_tick:
            limit = f"has published no price for {utc_text(self._utc(number))}"
            raise BadInput("upstream.feed", f"{self.feed.source} {self.feed.zone}", limit)
        return self.price_tick[number]

    def count(self, first: int) -> int:
        """How many intervals from number `first` on have a price, without a break."""
        number = first
        while number in self.price_tick:
            number += 1
        return number - first

    def standing(self, first: int) -> FeedState:
        """How things stand before the interval of that number is run."""
        known = self.count(first)
        until_utc = self._utc(first + known)
        return FeedState(self.feed.source, self.feed.zone, known, until_utc, self.entry, self.fetched_utc)

    def ahead(self, number: int) -> NDArray[np.int64]:
        """What is known of the day after an interval (n,): where it ends the day before stands in, else its own price.

        Raises BadInput where it has none.
        """
        count, known = DAY_S // self.step_s, self.price_tick
        last = self.price(number)
        coming = [known.get(n, known.get(n - count, last)) for n in range(number + 1, number + 1 + count)]
        return np.array(coming, np.int64)

    def news(self, start_utc: int, price_tick: Sequence[int]) -> range:
        """From the first to the last of some prices, of intervals from `start_utc` on, that are not known so."""
        first = (start_utc - self.start_utc) // self.step_s
        new = [n for n, tick in enumerate(price_tick) if self.price_tick.get(first + n) != tick]
        return range(new[0], new[-1] + 1) if new else range(0)

    # Changing ---------------------------------------------------------------------------------------------------------
    def take(
        self, entry: int, following: int, start_utc: int, price_tick: Sequence[int], fetched_utc: int
    ) -> dict[str, Any]:
        """Prices of intervals from one that starts at `start_utc` on, none before the one that follows next.

        Returns what is new and what has changed. Raises Refusal BAD_VALUE.
        """
        number, rest = divmod(start_utc - self.start_utc, self.step_s)
        if rest:
            limit = f"must be the start of an interval of {self.step_s // 60} minutes"
            raise Refusal("BAD_VALUE", "start", utc_text(start_utc), limit)
        if number < following:
            limit = f"must not be before the next interval, {utc_text(self._utc(following))}: what was run stays"
            raise Refusal("BAD_VALUE", "start", utc_text(start_utc), limit)
        if number + len(price_tick) > following + PUBLISHED_LIMIT:
            limit = (
                f"must end by {utc_text(self._utc(following + PUBLISHED_LIMIT))}, {PUBLISHED_LIMIT:,} intervals ahead"
            )
            raise Refusal("BAD_VALUE", "prices", f"{len(price_tick)} prices", limit)
        told = dict(enumerate(price_tick, number))
        before = {n: self.price_tick[n] for n in told if n in self.price_tick}
        changed = [n for n, tick in before.items() if tick != told[n]]
        self.price_tick |= told
        self.entry, self.fetched_utc = entry, fetched_utc
        shown = [[utc_text(self._utc(n)), price_text(before[n]), price_text(told[n])] for n in changed[:SHOWN]]
        return {
            "from": utc_text(start_utc),
            "until": utc_text(self._utc(number + len(told))),
            "new": len(told) - len(before),
            "changed": len(changed),
            **({"changes": shown} if shown else {}),
        }

    def passed(self, number: int) -> None:
        """An interval was run: what is a day older than it is needed no more."""
        self.price_tick.pop(number - DAY_S // self.step_s, None)

    # Plain values -----------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """All of it in lists and integers; nothing before something was published."""
        if not self.entry:
            return {}
        prices = [list(known) for known in sorted(self.price_tick.items())]
        return {"entry": self.entry, "fetched_utc": self.fetched_utc, "prices": prices}

    def take_state(self, state: dict[str, Any]) -> None:
        """Be as `state` has it."""
        if state:
            self.entry, self.fetched_utc = state["entry"], state["fetched_utc"]
            self.price_tick = dict(state["prices"])
