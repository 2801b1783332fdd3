"""What a period's flows of energy cost: sums by item, price zone and member, and the lines they make.

Money is in 1e-8 of the currency and seen from the member: what it pays is positive, what it gets negative.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.clock import IntervalGrid, local_midnight_utc
from voltadesk.community.energy import Energy
from voltadesk.community.nearness import Nearness
from voltadesk.community.price_rules import TIERS, Charge, Fee
from voltadesk.community.rules import Community, Pool
from voltadesk.community.sharing import Stretch
from voltadesk.community.tariffs import Price, Tariffs
from voltadesk.engine.sharing import add_up
from voltadesk.errors import BadInput

Ints = NDArray[np.int64]

COMMUNITY = "community"  # the party that buys and sells in the middle
MONEY_LIMIT_E8 = 1 << 62  # of one sum that the kernels make


@dataclass(frozen=True, slots=True)
class Line:
    """A position of a statement; `energy_wh` is None where nothing is counted in energy."""

    item: str
    detail: str
    party: str
    energy_wh: int | None
    net_e8: int
    tax_e8: int
    billed: bool  # by the community; the rest is what others bill
    sold: bool = False  # energy that the member gave: a positive price makes `net_e8` negative

    @property
    def gross_e8(self) -> int:
        return self.net_e8 + self.tax_e8


class _Item(NamedTuple):
    """What stands on statements line by line, a line for each price zone."""

    name: str
    details: tuple[str, ...]  # of the zones
    party: str
    vat_bp: int
    billed: bool
    sign: int = 1  # 1: the member pays, -1: it gets
    monthly_e8: int = 0  # for those who have it


@dataclass(frozen=True, eq=False)
class _Sum:
    """Energy and money of one item by zone and member, each (zones, members)."""

    item: _Item
    price: Price
    columns: Ints  # members who have it
    total_wh: Ints
    total_e8: Ints

    def add(self, energy_wh: Ints, span: slice) -> None:
        """Add a stretch of intervals, (intervals, members) [Wh]."""
        price = self.price
        add_up(self.columns, price.zone[span], price.price_tick[span], energy_wh, self.total_wh, self.total_e8)

    def anew(self) -> _Sum:
        """The same of nothing yet."""
        return replace(self, total_wh=np.zeros_like(self.total_wh), total_e8=np.zeros_like(self.total_e8))

    @cached_property
    def has_it(self) -> frozenset[int]:
        return frozenset(self.columns.tolist())

    @cached_property
    def by_zone(self) -> list[tuple[str, list[int], list[int]]]:
        """Detail, energy and money of all members, once everything is added."""
        return list(zip(self.item.details, self.total_wh.tolist(), self.total_e8.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class _Rest:
    """What is taken from the grid and fed into it: each member's own tariffs, and the grid fees."""

    from_grid: Sequence[_Sum]
    to_grid: Sequence[_Sum]
    fees: Sequence[_Sum]

    @property
    def in_order(self) -> list[_Sum]:
        return [*self.from_grid, *self.to_grid, *self.fees]

    def anew(self) -> _Rest:
        """The same of nothing yet."""
        return _Rest(*([books.anew() for books in sums] for sums in (self.from_grid, self.to_grid, self.fees)))

    def add(self, from_grid_wh: Ints, to_grid_wh: Ints, span: slice) -> None:
        for books in (*self.from_grid, *self.fees):
            books.add(from_grid_wh, span)
        for books in self.to_grid:
            books.add(to_grid_wh, span)


class Books:
    """Adds up what the energy of a period costs, and what it would have cost without the community."""

    def __init__(self, rules: Community, energy: Energy, tariffs: Tariffs) -> None:
        """Raises BadInput for a tariff that can't be made, and where sums could be too large to be counted."""
        self.rules, self.energy, self.tariffs = rules, energy, tariffs
        self.members = len(energy.members)
        self.used_wh, self.fed_wh = energy.import_wh.sum(axis=0), energy.export_wh.sum(axis=0)
        fees = [(fee, tier, getattr(fee, tier)) for fee in rules.fees for tier in TIERS if getattr(fee, tier)]
        priced = [(tier, self._fee_price(value)) for _, tier, value in fees]
        self.nearness = Nearness(energy.members, priced, energy.grid.count)
        near = [
            self._sum(_fee_item(fee, tier, price), price, None, self.nearness.fee_wh[k], self.nearness.fee_e8[k])
            for k, ((fee, tier, _), (_, price)) in enumerate(zip(fees, priced, strict=True))
        ]
        self._pools = [self._pool_sums(pool) for pool in rules.all_pools]
        self._rest = self._rest_sums()
        self._alone = self._rest.anew()
        first, *others = self._pools
        # All that can stand on a statement, in its order.
        self._with = [*first, *near, *(books for pool in others for books in pool), *self._rest.in_order]

    def add(self, stretch: Stretch) -> None:
        """What the pools moved, at the buyers' and the sellers' price, and what the community did not serve or take.

        The fees on what was moved are added up by `nearness`.
        """
        span = stretch.span
        for (bought, sold), (taken_wh, given_wh) in zip(self._pools, stretch.moved, strict=True):
            bought.add(taken_wh, span)
            sold.add(given_wh, span)
        self._rest.add(stretch.from_grid_wh, stretch.to_grid_wh, span)
        self._alone.add(stretch.wanted_wh, stretch.offered_wh, span)

    def lines(self, m: int) -> list[Line]:
        """A member's lines, in the order of the items; those without energy and money are left out."""
        return [*self._lines(self._with, m), *self.charges(m)]

    def alone(self, m: int) -> list[Line]:
        """The lines of what it would have cost without the community."""
        return self._lines(self._alone.in_order, m)

    def _lines(self, sums: Sequence[_Sum], m: int) -> list[Line]:
        month_due = _is_month_due(self.energy.grid, self.energy.members[m].joined)
        lines = []
        for books in sums:
            item = books.item
            for detail, total_wh, total_e8 in books.by_zone:
                if energy := total_wh[m]:
                    net = item.sign * total_e8[m]
                    tax = units.tax_e8(net, item.vat_bp)
                    lines.append(Line(item.name, detail, item.party, energy, net, tax, item.billed, item.sign < 0))
            if item.monthly_e8 and month_due and m in books.has_it:
                tax = units.tax_e8(item.monthly_e8, item.vat_bp)
                lines.append(Line(item.name, "monthly", item.party, None, item.monthly_e8, tax, item.billed))
        return lines

    def charges(self, m: int) -> Iterator[Line]:
        """What a member pays for being one."""
        member, grid = self.energy.members[m], self.energy.grid
        joined = None if member.joined is None else local_midnight_utc(member.joined, grid.zone)
        joins = joined is not None and grid.start_utc <= joined < grid.end_utc
        for charge in self.rules.charges:
            if member.shared or (charge.members is not None and member.name not in charge.members):
                continue
            for detail, amount, due in (
                ("monthly", charge.monthly, _is_month_due(grid, member.joined)),
                ("entry", charge.entry, joins),
            ):
                if due and amount:
                    yield _charge(charge, detail, amount)

    def _pool_sums(self, pool: Pool) -> tuple[_Sum, _Sum]:
        """What is taken and what is given in a pool."""
        name = pool.name if len(self.rules.all_pools) > 1 else ""

        def of(item: str, sign: int, tariff: str) -> _Sum:
            terms, price = self.tariffs.terms(tariff), self.tariffs.price(tariff)
            return self._sum(_Item(item, _details(name, price), COMMUNITY, terms.vat_percent, True, sign), price)

        prices = self.rules.prices
        return of("from community", 1, pool.buyer or prices.buyer), of("to community", -1, pool.seller or prices.seller)

    def _rest_sums(self) -> _Rest:
        fees = []
        for fee in self.rules.fees:
            if fee.grid:
                price = self._fee_price(fee.grid)
                fees.append(self._sum(_fee_item(fee, "grid", price), price))
        return _Rest(self._by_tariff("from grid", "supply"), self._by_tariff("to grid", "feed_in"), fees)

    def _by_tariff(self, item: str, key: str) -> list[_Sum]:
        """What is taken from the grid, or fed into it, by the members that have each tariff."""
        default = getattr(self.rules.prices, key)
        columns: dict[str, list[int]] = {}
        for m, member in enumerate(self.energy.members):
            tariff = getattr(member, key) or default
            has_it = self.energy.takes[m] if key == "supply" else True
            if tariff is not None and has_it and self.energy.present[m]:
                columns.setdefault(tariff, []).append(m)
        sums = []
        for tariff, members in columns.items():
            terms, price = self.tariffs.terms(tariff), self.tariffs.price(tariff)
            sign, monthly = (1, terms.monthly) if key == "supply" else (-1, 0)
            entry = _Item(item, price.zones, terms.party, terms.vat_percent, terms.billed, sign, monthly)
            sums.append(self._sum(entry, price, np.array(members)))
        return sums

    def _sum(
        self,
        item: _Item,
        price: Price,
        columns: Ints | None = None,
        total_wh: Ints | None = None,
        total_e8: Ints | None = None,
    ) -> _Sum:
        """A sum of nothing yet, for some of the members or all. Raises BadInput where it could grow too large."""
        most_wh = max(int(self.used_wh.max()), int(self.fed_wh.max()))
        if most_wh * int(np.abs(price.price_tick).max()) >= MONEY_LIMIT_E8:
            limit = "of one member is too large to be counted, times its price"
            raise BadInput("energy", f"{most_wh // 1_000} kWh", limit)
        zones = len(item.details)
        if total_wh is None or total_e8 is None:
            total_wh, total_e8 = (np.zeros((zones, self.members), np.int64) for _ in range(2))
        columns = np.arange(self.members) if columns is None else columns
        return _Sum(item, price, columns, total_wh[:zones], total_e8[:zones])

    def _fee_price(self, value: int | str) -> Price:
        return self.tariffs.price(value) if isinstance(value, str) else self.tariffs.flat(value)


@lru_cache(1 << 10)
def _is_month_due(grid: IntervalGrid, joined: date | None) -> bool:
    """Whether the first day of the month on which one that joined then is a member lies in the period.

    So the parts of a month that is settled in parts are charged once.
    """
    begin = datetime.fromtimestamp(grid.start_utc, grid.zone).date().replace(day=1)
    first = local_midnight_utc(begin if joined is None else max(begin, joined), grid.zone)
    return grid.start_utc <= first < grid.end_utc


def _fee_item(fee: Fee, tier: str, price: Price) -> _Item:
    details = _details("from grid" if tier == "grid" else f"from {tier}", price)
    return _Item(fee.name, details, fee.party, fee.vat_percent, fee.billed)


def _details(name: str, price: Price) -> tuple[str, ...]:
    """What a line says for each zone of its price."""
    return tuple(" ".join(text for text in (name, zone) if text) for zone in price.zones)


def _charge(charge: Charge, detail: str, amount_e8: int) -> Line:
    tax = units.tax_e8(amount_e8, charge.vat_percent)
    return Line(charge.name, detail, charge.party, None, amount_e8, tax, charge.billed)
