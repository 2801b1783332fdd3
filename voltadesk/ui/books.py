"""The order books as a frame carries them: what is bid and asked in each product, and what the actor has in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

from voltadesk.desk.calls import CLOSING, OPENING
from voltadesk.desk.ledger import Ledger
from voltadesk.desk.market import Market
from voltadesk.desk.position import Position
from voltadesk.desk.product import Product
from voltadesk.engine.book_events import KINDS, SIDE_BUY, SIDE_SELL, SIDES
from voltadesk.store.desk import Desk
from voltadesk.store.projection import TapeRow

LEVELS = 200  # of each side; deeper ones are counted only
TRADES = 40  # of each product, the newest


class Level(NamedTuple):
    """All orders of one price, with what they show of themselves."""

    price_tick: int
    energy_wh: int
    orders: int


class OwnOrder(NamedTuple):
    """An open order of the actor's, and what stands before it at its price: orders, and what they show."""

    entry: int  # of the journal, that placed it
    side: str
    kind: str
    price_tick: int
    shown_wh: int
    hidden_wh: int
    until_utc: int  # 0: as long as the book is open
    ahead: int
    ahead_wh: int

    @property
    def id(self) -> str:
        return f"o-{self.entry}"

    @property
    def open_wh(self) -> int:
        return self.shown_wh + self.hidden_wh


@dataclass(frozen=True)
class ProductFigures:
    """One product: its book, its trades, and what the actor has in it."""

    start_utc: int
    closure_utc: int  # its gate's
    floor_tick: int
    cap_tick: int
    bids: tuple[Level, ...] = ()  # the best first
    asks: tuple[Level, ...] = ()
    own: tuple[OwnOrder, ...] = ()  # oldest first
    position: Position = field(default_factory=Position)  # the actor's; not to be changed
    last_tick: int | None = None
    volume_wh: int = 0
    value_e8: int = 0
    trades: tuple[TapeRow, ...] = ()  # newest first
    call_utc: int | None = None  # when the call is held that it is in
    call_wh: int = 0  # what that would trade now ...
    call_tick: int | None = None  # ... and at which price

    @property
    def call(self) -> str:
        """Which call it is in, if any."""
        if self.call_utc is None:
            return ""
        return CLOSING if self.call_utc == self.closure_utc else OPENING

    @property
    def vwap_tick(self) -> int | None:
        """Average price of all trades, weighted by energy [tick], to the nearest, halves to even."""
        return round(Fraction(self.value_e8, self.volume_wh)) if self.volume_wh else None

    @property
    def spread_tick(self) -> int | None:
        """From the best bid to the best offer; below 0 where they cross, in a call."""
        return self.asks[0].price_tick - self.bids[0].price_tick if self.bids and self.asks else None

    @property
    def result_e8(self) -> int:
        """The actor's, realised or not: what is open is worth the last price."""
        return self.position.realised_e8 + self.position.unrealised_e8(self.last_tick or 0)

    def own_at(self, price_tick: int) -> tuple[OwnOrder, ...]:
        """The actor's orders at a price, as they stand in its queue."""
        return tuple(sorted((each for each in self.own if each.price_tick == price_tick), key=lambda each: each.ahead))


@dataclass(frozen=True)
class Books:
    """All products. Those in which nobody has ordered are in none of the mappings."""

    open_starts: range  # of the products that are open
    closure_s: int  # how long before its beginning a product's gate closes
    band: tuple[int, int]  # of a product that is ordered in for the first time [tick]
    free_e8: int  # what may still be held for the actor
    limit_e8: int
    products: Mapping[int, ProductFigures]  # by start, rising
    calls: Mapping[int, int] = field(default_factory=dict)  # by start: when the call is held that a product is in

    def of(self, start_utc: int) -> ProductFigures:
        """A product, if need be one in which nobody has ordered."""
        return self.products.get(start_utc) or ProductFigures(
            start_utc, start_utc - self.closure_s, *self.band, call_utc=self.calls.get(start_utc)
        )

    @property
    def starts(self) -> list[int]:
        """All that can be looked at: open ones, and closed ones that wait for their interval."""
        return sorted({*self.open_starts, *self.products})


class BookReader:
    """Makes `Books` for frames: a product in which nothing happened is the one of the frame before."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[int, tuple[tuple[Any, ...], ProductFigures]] = {}
        self._last: Books | None = None

    def read(self, market: Market, ledger: Ledger, actor: str) -> Books:
        """The books as they are now; the same object while nothing changes."""
        continuous = market.continuous
        before, self._known = self._known, {}
        opened = continuous.open_starts()
        in_call = ((start_utc, continuous.calls(start_utc).held_utc(market.next_utc)) for start_utc in opened)
        calls = {start_utc: held_utc for start_utc, held_utc in in_call if held_utc is not None}
        for start_utc, product in sorted(continuous.products.items()):
            # Without open orders the book is not asked: it would have to be restored first.
            sequence, call_utc = product.book.sequence if product.tickets else -1, calls.get(start_utc)
            key = actor, product, product.placed, sequence, call_utc
            held = before.get(start_utc)
            if held is None or held[0] != key:
                held = key, self._figures(product, actor, None if held is None else held[1], call_utc)
            self._known[start_utc] = held
        rules = market.scenario
        now = Books(
            open_starts=opened,
            calls=calls,
            closure_s=60 * market.founded.continuous.gate_closure_minutes,
            band=(rules.market.floor, rules.market.cap),
            free_e8=continuous.free_e8(ledger, actor),
            limit_e8=rules.continuous.trading_limit,
            products={start_utc: figures for start_utc, (_, figures) in self._known.items()},
        )
        if self._last is None or not _is_same(self._last, now):
            self._last = now
        return self._last

    def _figures(
        self, product: Product, actor: str, before: ProductFigures | None, call_utc: int | None
    ) -> ProductFigures:
        call_wh, call_tick = (0, None) if call_utc is None else product.indicative()
        trades = () if before is None else before.trades
        if product.volume_wh != (0 if before is None else before.volume_wh):
            trades = tuple(self._desk.tape(product.start_utc, TRADES))
        return ProductFigures(
            start_utc=product.start_utc,
            closure_utc=product.closure_utc,
            floor_tick=product.floor_tick,
            cap_tick=product.cap_tick,
            bids=_levels(product, SIDE_BUY),
            asks=_levels(product, SIDE_SELL),
            own=_own(product, actor),
            position=replace(product.positions.get(actor, Position())),
            last_tick=product.last_tick,
            volume_wh=product.volume_wh,
            value_e8=product.value_e8,
            trades=trades,
            call_utc=call_utc,
            call_wh=call_wh,
            call_tick=call_tick,
        )


def _is_same(one: Books, other: Books) -> bool:
    plain = replace(one, products={}) == replace(other, products={})
    return plain and list(map(id, one.products.values())) == list(map(id, other.products.values()))


def _levels(product: Product, side: int) -> tuple[Level, ...]:
    if not product.tickets:
        return ()
    depth = product.book.depth(side, LEVELS)
    return tuple(Level(tick, shown_wh, orders) for tick, shown_wh, _, orders in depth.tolist())


def _own(product: Product, actor: str) -> tuple[OwnOrder, ...]:
    if not any(ticket.actor == actor for ticket in product.tickets.values()):
        return ()
    found = []
    for order in product.orders_of(actor):
        number = int(order["id"])
        ahead, ahead_wh = product.book.ahead(number) or (0, 0)
        found.append(
            OwnOrder(
                entry=product.tickets[number].entry,
                side=SIDES[int(order["side"])],
                kind=KINDS[int(order["kind"])],
                price_tick=int(order["price_tick"]),
                shown_wh=int(order["shown_wh"]),
                hidden_wh=int(order["hidden_wh"]),
                until_utc=int(order["expiry_utc"]),
                ahead=ahead,
                ahead_wh=ahead_wh,
            )
        )
    return tuple(sorted(found))
