"""Who delivered energy and who took it in an interval, from its receipts.

A market is a pool: nobody's Wh goes to somebody in particular. So what one delivers to another is its share of what all
deliver there, of what the other takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from voltadesk.scenario.model import HomeGroup, numbered
from voltadesk.store.projection import TradeRow
from voltadesk.ui.frame import MarketFigures

MARKETS = ("auction", "community", "imbalance")
NOTHING = (0, 0, 0)
BATTERIES, ORDERS, RESERVE, GRID = "batteries", "orders", "reserve", "grid"

Energies = tuple[int, int, int]  # [Wh] in each of MARKETS


@dataclass(frozen=True)
class Tally:
    """What each participant and each group sold and bought in the interval of an entry; the price of each market."""

    entry: int = -1
    start_utc: int = 0
    sold_wh: Mapping[str, Energies] = field(default_factory=dict)
    bought_wh: Mapping[str, Energies] = field(default_factory=dict)
    price_tick: Mapping[str, int] = field(default_factory=dict)
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)  # that traded, of BATTERIES and ORDERS


@dataclass(frozen=True)
class Party:
    """A participant, or a group that can be opened: `of` tells how many are in it."""

    key: str
    name: str
    sold_wh: Energies = NOTHING
    bought_wh: Energies = NOTHING
    of: int = 0
    is_member: bool = False  # of the group above it


def tally(trades: Sequence[TradeRow]) -> Tally:
    """Of the latest interval among receipts, of which the latest come first."""
    if not trades:
        return Tally()
    latest = trades[0]
    sold: dict[str, list[int]] = {}
    bought: dict[str, list[int]] = {}
    prices: dict[str, int] = {}
    members: dict[str, set[str]] = {BATTERIES: set(), ORDERS: set()}
    for trade in trades:
        if trade.entry != latest.entry:
            break
        if trade.market not in MARKETS:  # of order books: nothing is delivered by it that isn't here already
            continue
        is_bought, energy_wh, group = trade.energy_wh > 0, abs(trade.energy_wh), _group_of(trade.participant)
        market = MARKETS.index(trade.market)
        for key in (trade.participant, group) if group else (trade.participant,):
            (bought if is_bought else sold).setdefault(key, [0, 0, 0])[market] += energy_wh
        if trade.market == "imbalance":  # what somebody has too much or too little by the meter
            (sold if is_bought else bought).setdefault(RESERVE, [0, 0, 0])[market] += energy_wh
        if group in members:
            members[group].add(trade.participant)
        prices.setdefault(trade.market, trade.price_tick)
    traded = {group: frozenset(names) for group, names in members.items()}
    return Tally(latest.entry, latest.start_utc, _frozen(sold), _frozen(bought), prices, traded)


def _group_of(participant: str) -> str:
    """The key of the group that a participant is in; "" for none."""
    kind, _, name = participant.partition(":")
    if kind == "home":
        return f"homes:{name.rpartition('-')[0]}"
    return {"battery": BATTERIES, "order": ORDERS}.get(kind, "")


def _frozen(energies: Mapping[str, list[int]]) -> dict[str, Energies]:
    return {name: (each[0], each[1], each[2]) for name, each in energies.items()}


def parties(found: Tally, market: MarketFigures, batteries: Collection[str], expanded: Collection[str]) -> list[Party]:
    """Plants by rising cost, the grid above, the fleet, people's orders, groups of homes, the reserve that balances."""

    def one(key: str, name: str, of: int = 0, is_member: bool = False) -> Party:
        return Party(key, name, found.sold_wh.get(key, NOTHING), found.bought_wh.get(key, NOTHING), of, is_member)

    def group(key: str, name: str, count: int, members: Callable[[], Iterable[str]]) -> list[Party]:
        if not count:
            return []
        opened = members() if key in expanded else ()
        return [one(key, name, count), *(one(each, each.partition(":")[2], is_member=True) for each in opened)]

    plants = sorted(market.plants.items(), key=lambda item: item[1].marginal_cost_tick)
    rows = [one(f"plant:{name}", name) for name, _ in plants]
    if market.scenario.upstream is not None:
        rows.append(one(GRID, "grid above"))
    fleet = {f"battery:{name}" for name in batteries} | found.members.get(BATTERIES, frozenset())
    orders = found.members.get(ORDERS, frozenset())
    rows += group(BATTERIES, "fleet", len(fleet), lambda: sorted(fleet))
    rows += group(ORDERS, "orders", len(orders), lambda: sorted(orders))
    for homes in market.scenario.homes:
        names = partial(_members, homes)
        rows += group(f"homes:{homes.name}", homes.name, homes.count, names)
    return [*rows, one(RESERVE, "reserve")]


def _members(homes: HomeGroup) -> list[str]:
    return [f"home:{name}" for name in numbered([homes])]


def _sum(energies: Iterable[Energies]) -> Energies:
    total = [0, 0, 0]
    for each in energies:
        for n, energy_wh in enumerate(each):
            total[n] += energy_wh
    return total[0], total[1], total[2]


def all_sold(rows: Iterable[Party]) -> Energies:
    """What all of them sold; members of groups are counted with their group."""
    return _sum(row.sold_wh for row in rows if not row.is_member)


def delivered_wh(sold_wh: Energies, seller: Party, buyer: Party) -> int:
    """What of a buyer's energy comes from a seller: its share, in each market, of all that was sold there."""
    pairs = zip(seller.sold_wh, buyer.bought_wh, sold_wh, strict=True)
    return sum(given * taken // whole for given, taken, whole in pairs if whole)
