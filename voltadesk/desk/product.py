"""One interval of delivery that is traded continuously: its order book, whose orders are in it, and the positions.

The book is the engine's, which brings the compiler with it; so it is made, or restored, when it is first needed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from voltadesk.desk.calls import Calls
from voltadesk.desk.position import Position, Side, worst_loss_e8
from voltadesk.desk.refusal import Refusal
from voltadesk.engine import book_events as ev

if TYPE_CHECKING:
    from voltadesk.engine.book import Book
    from voltadesk.engine.tables import Table

QUANTITY_LIMIT_WH = 10**10  # of an order, and of a position with all orders of one side filled
_CODES = {
    ev.RULE_CLOSED: "CLOSED",
    ev.RULE_SELF_TRADE: "SELF_TRADE",
    ev.RULE_POST_ONLY: "POST_ONLY",
    ev.RULE_FOK: "NOT_FILLED",
    ev.RULE_CALL: "IN_CALL",
}
_FIELDS = {"quantity": "quantity_kwh", "display": "display_kwh", "time": "until", "kind": "order_kind"}


class Ticket(NamedTuple):
    """Whose open order a number of the book is, and the journal's entry that placed it."""

    entry: int
    actor: str

    @property
    def id(self) -> str:
        return f"o-{self.entry}"


class Report(NamedTuple):
    """What happened in the book: the fields of `book_events.REPORT` that matter here."""

    event: int
    id: int
    other_id: int
    side: int
    price_tick: int
    quantity_wh: int


class Terms(NamedTuple):
    """What an order would add to what its owner has at stake."""

    side: int
    quantity_wh: int
    price_tick: int


class Product:
    """A product with its own gate closure and the price band that the market had when its first order came."""

    def __init__(self, start_utc: int, closure_utc: int, floor_tick: int, cap_tick: int) -> None:
        self.start_utc, self.closure_utc = start_utc, closure_utc
        self.floor_tick, self.cap_tick = floor_tick, cap_tick
        self.actors: list[str] = []  # an owner's number in the book is its place here, from 1 on
        self.tickets: dict[int, Ticket] = {}  # by the order's number in the book
        self.placed = 0  # orders so far; their numbers are dense
        self.positions: dict[str, Position] = {}
        self.last_tick: int | None = None
        self.volume_wh = self.value_e8 = 0
        self._book: Book | None = None
        self._snapshot = b""
        self._text = ""

    # The book ---------------------------------------------------------------------------------------------------------
    @property
    def book(self) -> Book:
        """The order book; what changes it goes by `send`."""
        from voltadesk.engine.book import Book  # brings the compiler with it

        if self._book is None and self._snapshot:
            self._book = Book.restore(self._snapshot)
        elif self._book is None:
            self._book = Book(self.floor_tick, self.cap_tick, 1, QUANTITY_LIMIT_WH, self.closure_utc)
        return self._book

    def owner(self, actor: str) -> int:
        """The actor's number in the book; of one who is not in it yet, the next."""
        return self.actors.index(actor) + 1 if actor in self.actors else len(self.actors) + 1

    def send(self, type: int, told: Mapping[str, str] = MappingProxyType({}), **message: int) -> list[Report]:
        """Carry out a message of the book.

        Raises Refusal when it breaks a rule, naming what was `told` for the field; nothing has changed then.
        """
        rows = self.book.send(type, **message)
        if len(rows) and rows[-1]["event"] == ev.EVENT_REJECTED:
            rejection, rule = self.book.rejection(rows[-1]), int(rows[-1]["rule"])
            self.book.retract()
            field = _FIELDS.get(rejection.field, rejection.field)
            raise Refusal(_CODES.get(rule, "BAD_VALUE"), field, told.get(field, ""), rejection.limit)
        self._text = ""
        return [Report(row[2], *row[4:9]) for row in rows.tolist()]

    def pass_time(self, now_utc: int, calls: Calls) -> list[Report]:
        """Let orders expire that have come to their time, and all of them at gate closure; begin and hold calls.

        What is good until a call is held still takes part in it.
        """
        reports = []
        held_utc = calls.held_utc(self.book.clock_utc)
        if self.book.phase == ev.PHASE_CALL and held_utc is not None and held_utc <= now_utc:
            reports += self.send(ev.TYPE_CLOCK, time_utc=held_utc - 1)
            reports += self.send(ev.TYPE_UNCROSS)
        reports += self.send(ev.TYPE_CLOCK, time_utc=now_utc)
        if self.book.phase == ev.PHASE_CONTINUOUS and calls.held_utc(now_utc) is not None:
            reports += self.send(ev.TYPE_CALL)
        return reports

    def indicative(self) -> tuple[int, int | None]:
        """What a call would trade if it were held now [Wh], and its price; None where that is nothing."""
        energy_wh, price_tick = self.book.indicative() if self.tickets else (0, 0)
        return energy_wh, price_tick if energy_wh else None

    def orders_of(self, actor: str) -> Table:
        """The actor's open orders (ORDER), bids first, in their priority."""
        orders = self.book.orders()
        own: Table = orders[orders["owner"] == self.owner(actor)]
        return own

    def order(self, number: int) -> Any:
        """An open order (ORDER)."""
        orders = self.book.orders()
        (order,) = orders[orders["id"] == number]
        return order

    # What came of it --------------------------------------------------------------------------------------------------
    def add(self, actor: str, entry: int) -> str:
        """Note an order that the book has accepted; returns its id."""
        if actor not in self.actors:
            self.actors.append(actor)
        self.placed += 1
        ticket = self.tickets[self.placed] = Ticket(entry, actor)
        return ticket.id

    def trade(self, energy_wh: int, price_tick: int, buyer: str, seller: str) -> None:
        """Note a trade."""
        for actor, bought_wh in ((buyer, energy_wh), (seller, -energy_wh)):
            self.position(actor).trade(bought_wh, price_tick)
        self.last_tick = price_tick
        self.volume_wh += energy_wh
        self.value_e8 += energy_wh * price_tick

    def forget(self, numbers: Iterable[int]) -> list[Ticket]:
        """Drop those of these orders that are no longer open; returns theirs."""
        return [self.tickets.pop(n) for n in sorted(set(numbers)) if n in self.tickets and self.book.ahead(n) is None]

    def position(self, actor: str) -> Position:
        """The actor's position, a new one if need be, to be changed."""
        self._text = ""
        return self.positions.setdefault(actor, Position())

    # What is at stake -------------------------------------------------------------------------------------------------
    def at_stake(self, actor: str, asked: Terms | None = None, instead_of: int = 0) -> tuple[int, int]:
        """The most the actor can lose here [1e-8 currency] and the largest position that fills can lead to [Wh].

        With one order more, or in place of the one of that number.
        """
        position = self.positions.get(actor, Position())
        sides = [Side(), Side()]
        if actor in self.actors:
            own = self.orders_of(actor)
            own = own[own["id"] != instead_of]
            open_wh = own["shown_wh"] + own["hidden_wh"]
            worth_e8 = open_wh * own["price_tick"]  # all together in 64 bits, as the position they lead to is bounded
            for side in (ev.SIDE_BUY, ev.SIDE_SELL):
                which = own["side"] == side
                sides[side] = Side(int(open_wh[which].sum()), int(worth_e8[which].sum()))
        if asked is not None:
            sides[asked.side] = sides[asked.side].plus(asked.quantity_wh, asked.price_tick)
        buys, sells = sides
        largest_wh = max(abs(position.net_wh + buys.energy_wh), abs(position.net_wh - sells.energy_wh))
        return worst_loss_e8(position, buys, sells, self.floor_tick, self.cap_tick), largest_wh

    def settlement_tick(self, price_tick: int) -> int:
        """The price that positions are settled at where the interval's is `price_tick`: it stays in the band."""
        return min(max(price_tick, self.floor_tick), self.cap_tick)

    # Plain values -----------------------------------------------------------------------------------------------------
    def text(self) -> str:
        """All of it as one text, made anew when something has changed."""
        if not self._text:
            snapshot = self._snapshot if self._book is None else self._book.snapshot()
            state = {
                "actors": self.actors,
                "band": [self.floor_tick, self.cap_tick],
                "book": base64.b64encode(snapshot).decode(),
                "closure_utc": self.closure_utc,
                "last_tick": self.last_tick,
                "placed": self.placed,
                "positions": {name: list(vars(position).values()) for name, position in self.positions.items()},
                "tickets": {str(number): list(ticket) for number, ticket in self.tickets.items()},
                "value_e8": self.value_e8,
                "volume_wh": self.volume_wh,
            }
            self._text = json.dumps(state, sort_keys=True, separators=(",", ":"))
        return self._text

    @classmethod
    def from_text(cls, start_utc: int, text: str) -> Product:
        """The product that `text` describes."""
        state: dict[str, Any] = json.loads(text)
        product = cls(start_utc, state["closure_utc"], *state["band"])
        product.actors, product.placed, product.last_tick = state["actors"], state["placed"], state["last_tick"]
        product.positions = {name: Position(*figures) for name, figures in sorted(state["positions"].items())}
        product.tickets = {int(number): Ticket(*ticket) for number, ticket in state["tickets"].items()}
        product.value_e8, product.volume_wh = state["value_e8"], state["volume_wh"]
        product._snapshot, product._text = base64.b64decode(state["book"]), text
        return product
