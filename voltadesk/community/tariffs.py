"""Tariffs as a price for each interval, made from the rules and the files that they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.clock import IntervalGrid, local_midnight_utc, local_text
from voltadesk.community.price_rules import DAYS, Index, Tariff, Zone
from voltadesk.community.rules import Community
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.series import read_series
from voltadesk.feeds.prices.shelf import find_prices
from voltadesk.feeds.series import resample

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Price:
    """A tariff on a grid: its price in each interval, and the zone that the interval lies in."""

    price_tick: Ints  # (count,) [0.01/MWh]
    zone: Ints  # (count,): index of `zones`
    zones: tuple[str, ...]  # names; "" where a tariff has no zones


class Tariffs:
    """All tariffs of a community on one grid, each made when it is first asked for."""

    def __init__(self, rules: Community, grid: IntervalGrid, folder: Path) -> None:
        """`folder` is where the files stand that the rules name."""
        self.rules, self.grid, self.folder = rules, grid, folder
        self._made: dict[str, Price] = {}

    def price(self, name: str) -> Price:
        """A tariff's prices. Raises BadInput where it has a hole, or its file can't be read."""
        if name not in self._made:
            parts = [(n, tariff) for n, tariff in enumerate(self.rules.tariffs) if tariff.name == name]
            self._made[name] = self._joined(parts)
        return self._made[name]

    def flat(self, price_tick: int) -> Price:
        """The same price in every interval."""
        return Price(np.full(self.grid.count, price_tick, np.int64), np.zeros(self.grid.count, np.int64), ("",))

    def terms(self, name: str) -> Tariff:
        """The tariff of that name that holds when the grid begins: its party, fees and tax."""
        begin = self.grid.start_utc
        holding = [
            tariff
            for tariff in self.rules.tariffs
            if tariff.name == name
            and (tariff.valid_from is None or local_midnight_utc(tariff.valid_from, self.grid.zone) <= begin)
        ]
        if not holding:
            raise self._hole(name, 0)
        return holding[-1]

    def _joined(self, parts: Sequence[tuple[int, Tariff]]) -> Price:
        """Tariffs of one name, each from its day on."""
        price_tick, zone = np.zeros(self.grid.count, np.int64), np.full(self.grid.count, -1)
        zones: list[str] = []
        for n, tariff in parts:
            first = self._first(tariff.valid_from)
            if first >= self.grid.count:
                continue
            part = self._price(n, tariff)
            places = [self._place(name, zones) for name in part.zones]
            price_tick[first:] = part.price_tick[first:]
            zone[first:] = np.where(part.zone < 0, -1, np.array(places)[part.zone])[first:]
        if (holes := np.flatnonzero(zone < 0)).size:
            raise self._hole(parts[0][1].name, int(holes[0]))
        return Price(price_tick, zone.astype(np.int64), tuple(zones))

    def _first(self, day: date | None) -> int:
        """The first interval of a local day, or of the grid."""
        if day is None:
            return 0
        since = local_midnight_utc(day, self.grid.zone) - self.grid.start_utc
        return max(0, -(-since // self.grid.step_s))

    @staticmethod
    def _place(name: str, zones: list[str]) -> int:
        if name not in zones:
            zones.append(name)
        return zones.index(name)

    def _hole(self, name: str, interval: int) -> BadInput:
        when = local_text(self.grid.start_utc + interval * self.grid.step_s, self.grid.zone)
        return BadInput(f"tariffs.{name}", when, "has no price: the tariff has a hole")

    def _price(self, n: int, tariff: Tariff) -> Price:
        if tariff.price is not None:
            return self.flat(tariff.price)
        if tariff.zones is not None:
            return self._by_zones(tariff.zones)
        if tariff.share is not None:
            base = self.price(tariff.share.of)
            pairs = [(price, tariff.share.percent) for price in base.price_tick.tolist()]
            return Price(_each(pairs, units.share_tick), base.zone, base.zones)
        if tariff.midpoint is not None:
            low, high = (self.price(name) for name in tariff.midpoint)
            pairs = list(zip(low.price_tick.tolist(), high.price_tick.tolist(), strict=True))
            return Price(_each(pairs, units.midpoint_tick), low.zone, low.zones)
        assert tariff.index is not None
        return self._indexed(f"tariffs[{n}].index.file", tariff.index)

    def _by_zones(self, zones: Sequence[Zone]) -> Price:
        """The first zone whose hours, days and months an interval's start lies in; -1 in a hole."""
        month, weekday, second = self.grid.local_fields()
        price_tick, place = np.zeros(self.grid.count, np.int64), np.full(self.grid.count, -1)
        names: list[str] = []
        for zone in zones:
            within = np.isin(weekday, [DAYS.index(day) for day in zone.days]) & np.isin(month, zone.months)
            within &= np.any([_between(second, hours) for hours in zone.hours], axis=0) & (place < 0)
            price_tick[within] = zone.price
            place[within] = self._place(zone.name, names)
        return Price(price_tick, place, tuple(names))

    def _indexed(self, field: str, index: Index) -> Price:
        span = (self.grid.start_utc, self.grid.end_utc)
        series = read_series(
            find_prices(index.file, self.folder),
            field=field,
            column=index.column,
            timezone=index.timezone,
            span=span,
            rounding="half-even",
        )
        spot = resample(series, self.grid, "price").tolist()
        price_tick = _each([(price, index.percent) for price in spot], units.share_tick) + index.add
        return Price(price_tick, np.zeros(self.grid.count, np.int64), ("",))


def _between(second: Ints, hours: str) -> NDArray[np.bool_]:
    """Whether seconds of the day lie in hours such as 22:00-06:00."""
    begin, end = (int(text[:2]) * 3600 + int(text[3:]) * 60 for text in hours.split("-"))
    return (begin <= second) & (second < end) if begin < end else (begin <= second) | (second < end)


def _each(pairs: Sequence[tuple[int, int]], rounding: Callable[[int, int], int]) -> Ints:
    """A rounding of `units` of each pair; pairs recur, so each is worked out once."""
    known = {pair: rounding(*pair) for pair in set(pairs)}
    return np.array([known[pair] for pair in pairs], np.int64)
