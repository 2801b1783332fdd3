"""What a period's flows of energy cost: sums by item, price zone and member, and the lines they make.

Money is in 1e-8 of the currency and seen from the member: what it pays is positive, what it gets negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.clock import local_midnight_utc
from voltadesk.community.energy import Energy
from voltadesk.community.price_rules import TIERS, Charge, Fee
from voltadesk.community.rules import Community
from voltadesk.community.sharing import Flow
from voltadesk.community.tariffs import Price, Tariffs
from voltadesk.engine.sharing import add_up
from voltadesk.errors import BadInput

Ints = NDArray[np.int64]

COMMUNITY = "community"  # the party that buys and sells in the middle
MONEY_LIMIT_E8 = 1 << 62  # of one sum that the kernels make


@dataclass(frozen=True)
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
    total_wh: Ints
    total_e8: Ints
    has_it: NDArray[np.bool_]  # (members,)


class Books:
    """Adds up what the flows of a period cost."""

    def __init__(self, rules: Community, energy: Energy, tariffs: Tariffs) -> None:
        self.rules, self.energy, self.tariffs = rules, energy, tariffs
        self.members = len(energy.members)
        self.everybody = np.arange(self.members)
        self.taken_wh = np.zeros((len(TIERS), self.members), np.int64)
        self.given_wh = np.zeros((len(TIERS), self.members), np.int64)
        self.sums: dict[tuple[str, int], _Sum] = {}  # in the order in which they stand on a statement
        self.most_wh = max(int(energy.import_wh.sum(axis=0).max()), int(energy.export_wh.sum(axis=0).max()))

    def add_flow(self, flow: Flow) -> None:
        """What a pool moved: the buyers' and the sellers' price, and the fees by nearness."""
        pool = self.rules.all_pools[flow.pool]
        name = pool.name if len(self.rules.all_pools) > 1 else ""
        self.taken_wh += flow.near_taken_wh.sum(axis=1)
        self.given_wh += flow.near_given_wh.sum(axis=1)
        for item, sign, energy_wh, tariff in (
            ("from community", 1, flow.taken_wh, pool.buyer or self.rules.prices.buyer),
            ("to community", -1, flow.given_wh, pool.seller or self.rules.prices.seller),
        ):
            terms, price = self.tariffs.terms(tariff), self.tariffs.price(tariff)
            details = _details(name, price)
            books = self._sum((item, flow.pool), _Item(item, details, COMMUNITY, terms.vat_percent, True, sign))
            self._add(books, price, energy_wh, flow.span)
        for n, fee in enumerate(self.rules.fees):
            for tier, near_wh in zip(TIERS, flow.near_taken_wh, strict=True):
                self._add_fee(n, fee, tier, near_wh, flow.span)

    def add_rest(self, from_grid: Ints, to_grid: Ints) -> None:
        """What the community did not serve or take: each member's own tariffs, and the grid fee."""
        whole = slice(0, self.energy.grid.count)
        for item, sign, energy_wh, key in (("from grid", 1, from_grid, "supply"), ("to grid", -1, to_grid, "feed_in")):
            for tariff, columns in self._by_tariff(key).items():
                terms, price = self.tariffs.terms(tariff), self.tariffs.price(tariff)
                monthly = terms.monthly if sign > 0 else 0
                entry = _Item(item, price.zones, terms.party, terms.vat_percent, terms.billed, sign, monthly)
                books = self._sum((item, self._number(tariff)), entry, columns)
                self._add(books, price, energy_wh, whole, columns)
        for n, fee in enumerate(self.rules.fees):
            self._add_fee(n, fee, "grid", from_grid, whole)

    def lines(self, m: int) -> Iterator[Line]:
        """A member's lines, in the order of the items; those without energy and money are left out."""
        month_due = self._is_month_due(m)
        for books in self.sums.values():
            item = books.item
            for z, detail in enumerate(item.details):
                energy, net = int(books.total_wh[z, m]), item.sign * int(books.total_e8[z, m])
                if energy:
                    tax = units.tax_e8(net, item.vat_bp)
                    yield Line(item.name, detail, item.party, energy, net, tax, item.billed, item.sign < 0)
            if item.monthly_e8 and books.has_it[m] and month_due:
                tax = units.tax_e8(item.monthly_e8, item.vat_bp)
                yield Line(item.name, "monthly", item.party, None, item.monthly_e8, tax, item.billed)

    def charges(self, m: int) -> Iterator[Line]:
        """What a member pays for being one."""
        member, grid = self.energy.members[m], self.energy.grid
        joined = None if member.joined is None else local_midnight_utc(member.joined, grid.zone)
        joins = joined is not None and grid.start_utc <= joined < grid.end_utc
        for charge in self.rules.charges:
            if member.shared or (charge.members is not None and member.name not in charge.members):
                continue
            for detail, amount, due in (
                ("monthly", charge.monthly, self._is_month_due(m)),
                ("entry", charge.entry, joins),
            ):
                if due and amount:
                    yield _charge(charge, detail, amount)

    def _is_month_due(self, m: int) -> bool:
        """Whether the first day of the month on which it is a member lies in the period.

        So the parts of a month that is settled in parts are charged once.
        """
        grid, joined = self.energy.grid, self.energy.members[m].joined
        begin = datetime.fromtimestamp(grid.start_utc, grid.zone).date().replace(day=1)
        first = local_midnight_utc(begin if joined is None else max(begin, joined), grid.zone)
        return grid.start_utc <= first < grid.end_utc

    def _number(self, tariff: str) -> int:
        return [known.name for known in self.rules.tariffs].index(tariff)

    def _by_tariff(self, key: str) -> dict[str, Ints]:
        """The members that have each tariff."""
        default = getattr(self.rules.prices, key)
        columns: dict[str, list[int]] = {}
        for m, member in enumerate(self.energy.members):
            tariff = getattr(member, key) or default
            has_it = self.energy.takes[m] if key == "supply" else True
            if tariff is not None and has_it and self.energy.present[m]:
                columns.setdefault(tariff, []).append(m)
        return {tariff: np.array(members) for tariff, members in columns.items()}

    def _sum(self, key: tuple[str, int], item: _Item, columns: Ints | None = None) -> _Sum:
        if key not in self.sums:
            shape = (len(item.details), self.members)
            has_it = np.zeros(self.members, bool)
            has_it[self.everybody if columns is None else columns] = True
            self.sums[key] = _Sum(item, np.zeros(shape, np.int64), np.zeros(shape, np.int64), has_it)
        return self.sums[key]

    def _add(self, books: _Sum, price: Price, energy_wh: Ints, span: slice, columns: Ints | None = None) -> None:
        if self.most_wh * int(np.abs(price.price_tick).max()) >= MONEY_LIMIT_E8:
            limit = "of one member is too large to be counted, times its price"
            raise BadInput("energy", f"{self.most_wh // 1_000} kWh", limit)
        columns = self.everybody if columns is None else columns
        add_up(columns, price.zone[span], price.price_tick[span], energy_wh, books.total_wh, books.total_e8)

    def _add_fee(self, n: int, fee: Fee, tier: str, energy_wh: Ints, span: slice) -> None:
        value = getattr(fee, tier)
        if value == 0:
            return
        price = self.tariffs.price(value) if isinstance(value, str) else self.tariffs.flat(value)
        details = _details("from grid" if tier == "grid" else f"from {tier}", price)
        item = _Item(fee.name, details, fee.party, fee.vat_percent, fee.billed)
        self._add(self._sum((f"fee {tier}", n), item), price, energy_wh, span)


def _details(name: str, price: Price) -> tuple[str, ...]:
    """What a line says for each zone of its price."""
    return tuple(" ".join(text for text in (name, zone) if text) for zone in price.zones)


def _charge(charge: Charge, detail: str, amount_e8: int) -> Line:
    tax = units.tax_e8(amount_e8, charge.vat_percent)
    return Line(charge.name, detail, charge.party, None, amount_e8, tax, charge.billed)
