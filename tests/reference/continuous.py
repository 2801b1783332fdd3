"""Continuous trading on a desk once more: twins of its books, positions as lists of trades, reservations by trying.

What is held of an actor in a product is the worst result over every set of its open orders that may be filled and every
price that the product may be settled at; sets and prices are gone through one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

from tests.reference import book as reference
from tests.reference.book import Message, Order

RULES = {"call": "IN_CALL", "self-trade": "SELF_TRADE", "post-only": "POST_ONLY", "fok": "NOT_FILLED"}


class Refused(Exception):
    """The desk says no; the code says why."""


@dataclass
class Product:
    """A book, everybody's trades (energy bought, price), and which order of the desk a number of the book is."""

    book: reference.Book
    calls: tuple[int, int] = (0, 1 << 62)  # from when on, and until when, it is traded continuously
    trades: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    names: dict[int, tuple[str, str]] = field(default_factory=dict)  # number -> order, actor
    actors: list[str] = field(default_factory=list)

    def owner(self, actor: str) -> int:
        return self.actors.index(actor) + 1 if actor in self.actors else len(self.actors) + 1

    def orders(self, actor: str) -> list[Order]:
        return [order for order in self.book.in_order() if self.names[order.id][1] == actor]

    def worst(self, actor: str, orders: list[Order]) -> int:
        """The most that can be lost [1e-8]."""
        done = self.trades.get(actor, [])
        results = []
        for count in range(len(orders) + 1):
            for filled in combinations(orders, count):
                fills = done + [(o.left if o.side == "buy" else -o.left, o.price) for o in filled]
                for settled in (self.book.floor, (self.book.floor + self.book.cap) // 2, self.book.cap):
                    results.append(sum(energy * (settled - price) for energy, price in fills))
        return max(0, -min(results))


class Continuous:
    """All products; `send` says what a message brings about, and raises Refused where the desk must refuse it.

    `calls` says of a product by its start from when on, and until when, it is traded continuously.
    """

    def __init__(
        self, floor: int, cap: int, limit: int, most: int, calls: Callable[[int], tuple[int, int]] | None = None
    ) -> None:
        self.calls = calls or (lambda start: (0, 1 << 62))
        self.floor, self.cap, self.limit, self.most = floor, cap, limit, most
        self.products: dict[int, Product] = {}
        self.time = 0

    def product(self, start: int, closure: int) -> Product:
        """One that is there, or a new one that is not kept yet."""
        if start in self.products:
            return self.products[start]
        made = Product(reference.Book(self.floor, self.cap, 1, self.most, closure), self.calls(start))
        self.pass_to(made, self.time)
        return made

    def held(self, actor: str) -> int:
        return sum(product.worst(actor, product.orders(actor)) for product in self.products.values())

    def check_funds(self, product: Product, actor: str, orders: list[Order]) -> None:
        """The orders that the actor would have."""
        now, then = product.worst(actor, product.orders(actor)), product.worst(actor, orders)
        if then > now and self.held(actor) - now + then > self.limit:
            raise Refused("INSUFFICIENT_FUNDS")

    def place(self, start: int, closure: int, actor: str, name: str, message: Message) -> list[reference.Report]:
        product = self.product(start, closure)
        book, price = product.book, message.price
        if message.kind == "market":
            price = book.cap if message.side == "buy" else book.floor
        if not book.floor <= price <= book.cap:
            raise Refused("BAD_VALUE")
        left = message.quantity
        order = Order(0, 0, message.side, message.kind, price, left, left, message.display, message.time)
        self.check_funds(product, actor, [*product.orders(actor), order])
        number = len(product.names) + 1
        reports = self.send(product, message._replace(id=number, owner=product.owner(actor)), {number: (name, actor)})
        self.products[start] = product
        return reports

    def amend(self, product: Product, number: int, price: int | None, left: int | None) -> list[reference.Report]:
        _, actor = product.names[number]
        others = [order for order in product.orders(actor) if order.id != number]
        (old,) = (order for order in product.orders(actor) if order.id == number)
        price, left = old.price if price is None else price, old.left if left is None else left
        if not product.book.floor <= price <= product.book.cap:
            raise Refused("BAD_VALUE")
        new = Order(number, 0, old.side, old.kind, price, left, left, 0, 0)
        self.check_funds(product, actor, [*others, new])
        message = Message("amend", number, product.owner(actor), price=price, quantity=left)
        return self.send(product, message, {})

    def send(self, product: Product, message: Message, named: dict[int, tuple[str, str]]) -> list[reference.Report]:
        """Carry out a message of a book."""
        book, before = product.book, len(product.book.reports)
        book.take(0, message)
        reports = book.reports[before:]
        if reports and reports[-1].event == "rejected":
            book.reports.pop()
            raise Refused(RULES.get(reports[-1].rule, "BAD_VALUE"))
        product.names |= named
        for _, actor in named.values():
            if actor not in product.actors:
                product.actors.append(actor)
        for report in reports:
            if report.event == "traded":
                sides = (-1, 1) if report.side == "sell" else (1, -1)
                for number, sign in zip((report.id, report.other_id), sides, strict=True):
                    actor = product.names[number][1]
                    product.trades.setdefault(actor, []).append((sign * report.quantity, report.price))
        return reports

    def pass_time(self, time: int) -> None:
        self.time = time
        for product in self.products.values():
            self.pass_to(product, time)

    def pass_to(self, product: Product, time: int) -> None:
        """A call that is due is held with all that was good until then; then come the clock, and the next call."""
        book, (opened, closing) = product.book, product.calls
        closure = book.closure
        if book.phase == "call":
            due = opened if book.time < opened else closure
            if due <= time:
                self.send(product, Message("clock", time=due - 1), {})
                self.send(product, Message("uncross"), {})
        self.send(product, Message("clock", time=time), {})
        if book.phase == "continuous" and (time < opened or closing <= time < closure):
            self.send(product, Message("call"), {})

    def settle(self, start: int, price: int) -> dict[str, int]:
        """What each actor's position comes to."""
        product = self.products.pop(start, None)
        if product is None:
            return {}
        settled = min(max(price, product.book.floor), product.book.cap)
        return {
            actor: sum(energy * (settled - price) for energy, price in trades)
            for actor, trades in product.trades.items()
        }
