"""The order book of `voltadesk.engine.book` once more, to be read in a minute: two sorted lists of Python objects.

Words instead of codes, and nothing shared with the engine but its limits. What an order would trade is found by trading
copies; the price of a call auction comes from the auction's own twin.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from tests.reference import auction
from voltadesk.engine.book_events import (
    FOR_SESSION,
    ID_LIMIT,
    KEEP,
    NEVER_UTC,
    NOBODY,
    SLICES_LIMIT,
    TOTAL_LIMIT_WH,
    UNEVEN,
)
from voltadesk.engine.tables import NO_PRICE_TICK


class Message(NamedTuple):
    """A row of MESSAGE in words; a word that is none is ''."""

    type: str
    id: int = 0
    owner: int = NOBODY
    side: str = ""
    kind: str = ""
    price: int = 0
    quantity: int = 0
    display: int = 0
    time: int = 0


class Report(NamedTuple):
    """A row of REPORT in words."""

    sequence: int
    message: int
    event: str
    rule: str
    id: int
    other_id: int
    side: str
    price: int
    quantity: int


@dataclass
class Order:
    """An open order: `left` is all that is open, `shown` what others see of it."""

    id: int
    owner: int
    side: str
    kind: str
    price: int
    left: int
    shown: int
    display: int
    expiry: int


class Refused(Exception):
    """A message broke a rule."""


class Book:
    """One product; `reports` collects all that happens."""

    def __init__(self, floor: int, cap: int, least: int, most: int, closure: int = NEVER_UTC) -> None:
        self.floor, self.cap, self.least, self.most, self.closure = floor, cap, least, most, closure
        self.side: dict[str, list[Order]] = {"buy": [], "sell": []}  # best price first, then first come
        self.phase, self.time, self.used, self.reports = "continuous", 0, set[int](), list[Report]()
        self.message = 0

    # What comes in ---------------------------------------------------------------------------------------------------
    def take(self, number: int, message: Message) -> None:
        """Carry out one message, or report the rule that it breaks."""
        self.message = number
        handlers = {
            "new": self.new,
            "cancel": self.cancel,
            "amend": self.amend,
            "cancel-all": self.cancel_all,
            "clock": self.clock,
            "call": self.call,
            "uncross": self.uncross,
            "close": self.close,
        }
        try:
            require(message.type in handlers, "type")
            require(self.phase != "closed" or message.type == "clock", "closed")
            handlers[message.type](message)
        except Refused as refused:
            self.report("rejected", message.id, rule=str(refused))

    def new(self, m: Message) -> None:
        require(0 < m.id < ID_LIMIT, "id")
        require(m.id not in self.used, "double-id")
        require(m.side != "", "side")
        require(m.kind != "", "kind")
        price = m.price
        if m.kind == "market":
            price = self.cap if m.side == "buy" else self.floor
        self.check(m.quantity, price, m.display, m.kind == "iceberg")
        require(m.time == FOR_SESSION or m.time > self.time, "expiry")
        require(self.phase != "call" or m.kind in ("limit", "iceberg"), "call")
        shown = m.display or m.quantity
        order = Order(m.id, m.owner, m.side, m.kind, price, m.quantity, shown, m.display, m.time)
        self.check_meeting(order)
        self.used.add(m.id)
        told = NO_PRICE_TICK if m.kind == "market" else price
        self.report("accepted", m.id, m.side, told, m.quantity)
        self.enter(order)

    def cancel(self, m: Message) -> None:
        self.remove(self.found(m), "cancelled")

    def amend(self, m: Message) -> None:
        old = self.found(m)
        left = old.left if m.quantity == KEEP else m.quantity
        price = old.price if m.price == KEEP else m.price
        self.check(left, price, old.display and min(old.display, left), old.kind == "iceberg", but=old.left)
        stays = price == old.price and left <= old.left
        changed = replace(old, price=price, left=left, shown=min(old.display or left, left))
        if not stays:
            self.check_meeting(changed)
        self.report("amended", m.id, old.side, price, left)
        if stays:
            old.left, old.shown = left, min(old.shown, left)
        else:
            self.side[old.side].remove(old)
            self.enter(changed)

    def cancel_all(self, m: Message) -> None:
        for order in self.in_order():
            if m.owner in (NOBODY, order.owner):
                self.remove(order, "cancelled")

    def clock(self, m: Message) -> None:
        require(m.time >= self.time, "clock")
        self.time = m.time
        for order in self.in_order():
            if order.expiry != FOR_SESSION and order.expiry <= self.time:
                self.remove(order, "expired")
        if self.time >= self.closure and self.phase != "closed":
            self.close(m)

    def call(self, m: Message) -> None:
        require(self.phase == "continuous", "phase")
        self.phase = "call"
        self.report("called")

    def uncross(self, m: Message) -> None:
        require(self.phase == "call", "phase")
        signed = [(o.price, o.left if o.side == "buy" else -o.left) for o in self.in_order()]
        outcome = auction.clear(signed, self.floor, self.cap, "midpoint")
        volume = outcome.volume
        while volume:
            buyer, seller = self.side["buy"][0], self.side["sell"][0]
            energy = min(volume, buyer.left, seller.left)
            volume -= energy
            self.report("traded", buyer.id, "", outcome.price, energy, other=seller.id)
            for order in (buyer, seller):
                order.left -= energy
                order.shown = min(order.display or order.left, order.left)
                if order.left == 0:
                    self.side[order.side].remove(order)
        self.phase = "continuous"
        self.report("uncrossed", price=outcome.price if outcome.volume else NO_PRICE_TICK, quantity=outcome.volume)

    def close(self, m: Message) -> None:
        for order in self.in_order():
            self.remove(order, "expired")
        self.phase = "closed"
        self.report("closed")

    # What must hold --------------------------------------------------------------------------------------------------
    def found(self, m: Message) -> Order:
        """The open order that a message means, if its sender may touch it."""
        order = next((order for order in self.in_order() if order.id == m.id), None)
        if order is None:
            raise Refused("unknown-id")
        require(m.owner in (NOBODY, order.owner), "owner")
        return order

    def check(self, left: int, price: int, display: int, iceberg: bool, but: int = 0) -> None:
        """Limits of size and price; `but` is what the order already has in the book."""
        require(left != UNEVEN, "quantity-step")
        require(self.least <= left <= self.most, "quantity")
        require(price != UNEVEN, "off-tick")
        require(self.floor <= price <= self.cap, "price-band")
        require(left <= display * SLICES_LIMIT and display <= left if iceberg else display == 0, "display")
        require(sum(order.left for order in self.in_order()) - but + left < TOTAL_LIMIT_WH, "total")

    def check_meeting(self, order: Order) -> None:
        """What an order must not meet; tried out on copies."""
        others = [replace(other) for other in self.side[opposite(order.side)] if meets(order, other)]
        if self.phase == "call":
            require(order.owner == NOBODY or all(other.owner != order.owner for other in others), "self-trade")
            return
        trial = replace(order)
        trades = matched(trial, others)
        require(order.kind != "post-only" or not trades, "post-only")
        require(order.owner == NOBODY or all(maker.owner != order.owner for maker, _ in trades), "self-trade")
        require(order.kind != "fok" or trial.left == 0, "fok")

    # What happens ----------------------------------------------------------------------------------------------------
    def enter(self, order: Order) -> None:
        """Trade what meets the other side, keep the rest or drop it."""
        if self.phase == "continuous":
            for maker, energy in matched(order, self.side[opposite(order.side)]):
                self.report("traded", order.id, order.side, maker.price, energy, other=maker.id)
        if order.left and order.kind in ("market", "ioc"):
            told = NO_PRICE_TICK if order.kind == "market" else order.price
            self.report("cancelled", order.id, order.side, told, order.left, rule="not-filled")
        elif order.left:
            order.shown = min(order.display or order.left, order.left)
            queue(self.side[order.side], order)

    def remove(self, order: Order, event: str) -> None:
        self.side[order.side].remove(order)
        self.report(event, order.id, order.side, order.price, order.left)

    def in_order(self) -> list[Order]:
        """Bids from the best on, then offers from the best on."""
        return self.side["buy"] + self.side["sell"]

    def report(
        self,
        event: str,
        id: int = 0,
        side: str = "",
        price: int = NO_PRICE_TICK,
        quantity: int = 0,
        *,
        other: int = 0,
        rule: str = "",
    ) -> None:
        number = len(self.reports) + 1
        self.reports.append(Report(number, self.message, event, rule, id, other, side, price, quantity))


def require(holds: bool, rule: str) -> None:
    if not holds:
        raise Refused(rule)


def opposite(side: str) -> str:
    return "sell" if side == "buy" else "buy"


def meets(order: Order, other: Order) -> bool:
    """Whether an order can trade at the price of one of the other side."""
    return order.price >= other.price if order.side == "buy" else order.price <= other.price


def matched(order: Order, others: list[Order]) -> list[tuple[Order, int]]:
    """Trades an order with the other side, best and first come first; what is traded leaves both.

    Of an iceberg only what it shows; then it shows the next part, behind all others of its price.
    """
    trades = []
    while order.left and others and meets(order, others[0]):
        maker = others[0]
        energy = min(order.left, maker.shown)
        trades.append((maker, energy))
        order.left -= energy
        maker.left -= energy
        maker.shown -= energy
        if maker.shown == 0:
            others.pop(0)
            if maker.left:
                maker.shown = min(maker.display, maker.left)
                queue(others, maker)
    return trades


def queue(orders: list[Order], order: Order) -> None:
    """Puts an order behind all that are as good as it or better."""
    sign = -1 if order.side == "buy" else 1
    place = sum(sign * other.price <= sign * order.price for other in orders)
    orders.insert(place, order)
