"""What came of a command about an order in a book, and of the market's clock moving on."""

from __future__ import annotations

from typing import NamedTuple

from voltadesk.desk.product import Product
from voltadesk.desk.receipt import Trade


class Result(NamedTuple):
    """What came of a command about an order: what it traded, and what is left of it."""

    order: str
    product: Product
    until_utc: int  # when it expires
    open_wh: int
    filled_wh: int
    amount_e8: int  # received for it; paid is negative
    held_e8: int  # of the actor in the product
    trades: tuple[Trade, ...] = ()


class Held(NamedTuple):
    """A call auction that was held: its product, what was traded in it and the price of that."""

    start_utc: int
    energy_wh: int
    price_tick: int


class Passed(NamedTuple):
    """What the market's clock brought about: orders that expired, oldest first, calls in which something was traded."""

    expired: list[str]
    held: list[Held]
    trades: list[Trade]
