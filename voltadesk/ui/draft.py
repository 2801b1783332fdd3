"""An order as it is typed on the ticket: read exactly, and checked by the rules that the desk will check it by."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from voltadesk.clock import utc_text
from voltadesk.desk.commands import OrderPlace, parse_command
from voltadesk.desk.continuous import ORDERS_LIMIT as BOOK_ORDERS_LIMIT
from voltadesk.desk.market import ORDERS_LIMIT
from voltadesk.desk.product_order import ProductOrder, book_kind
from voltadesk.desk.refusal import Refusal, money_text, price_text
from voltadesk.engine.book_events import KIND_ICEBERG, KIND_LIMIT, RULE_CALL, RULES, SLICES_LIMIT
from voltadesk.engine.book_events import KINDS as BOOK_KINDS
from voltadesk.errors import BadInput
from voltadesk.ui.book_outlook import book_outlook
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.moments import moment_utc, next_utc
from voltadesk.ui.text import PRICE, Number, clock_text

FIELDS = {"product": "product", "quantity_kwh": "quantity", "price": "limit", "display_kwh": "shown", "until": "until"}
KINDS = {"limit": "limit", "market": "market", "post-only": "post-only", "iceberg": "iceberg"}
TIFS = {"gfs": "session", "gtt": "till", "ioc": "ioc", "fok": "fok"}  # time in force
_TIF_WORDS = {
    "gfs": "good until the gate closes",
    "gtt": "good till",
    "ioc": "immediate or cancel",
    "fok": "fill or kill",
}
ENERGY = Number(3, 3)  # to the Wh


def barred_tifs(order_kind: str) -> frozenset[str]:
    """Times in force that don't go with a kind: a market order never stays, one that makes a price always does."""
    return {"limit": frozenset[str](), "market": frozenset({"gfs", "gtt"})}.get(order_kind, frozenset({"ioc", "fok"}))


@dataclass(frozen=True)
class Draft:
    """What is ordered so far; `body` is empty until it can be sent."""

    side: str
    quantity_wh: int = 0
    price_tick: int | None = None  # None takes any price
    until_utc: int | None = None  # None: the next auction only, or until the gate closes
    body: dict[str, str] = field(default_factory=dict)
    product_utc: int | None = None  # start of the interval in whose book it is; None: in the auction
    order_kind: str = "limit"
    tif: str = "gfs"
    display_wh: int | None = None

    @property
    def is_whole(self) -> bool:
        return bool(self.body)

    def auctions(self, frame: DeskFrame) -> str:
        """In which it stands."""
        if self.product_utc is not None:
            return f"in the book of {_day_clock(self.product_utc, frame)}"
        first = clock_text(frame.next_utc, frame.zone)
        if self.until_utc is None or self.until_utc <= frame.next_utc + frame.step_s:
            return f"in the auction of {first}"
        return f"in the auctions from {first} until {_day_clock(self.until_utc, frame)}"

    def told(self, frame: DeskFrame) -> str:
        """The whole order in words."""
        word, limit = ("BUY ▲", "at up to") if self.side == "buy" else ("SELL ▼", "for at least")
        price = "at any price"
        if self.price_tick is not None:
            price = f"{limit} {PRICE.show(self.price_tick)} {frame.currency}/MWh"
        return f"{word} {ENERGY.show(self.quantity_wh)} kWh {price} {self.auctions(frame)}{self._terms(frame)}"

    def _terms(self, frame: DeskFrame) -> str:
        """Kind and time in force, of an order in a book."""
        if self.product_utc is None:
            return ""
        till = "" if self.until_utc is None else f" {_day_clock(self.until_utc, frame)}"
        shown = "" if self.display_wh is None else f" that shows {ENERGY.show(self.display_wh)} kWh"
        return f", {self.order_kind}{shown}, {_TIF_WORDS[self.tif]}{till}"


def draft_of(side: str, texts: dict[str, str], frame: DeskFrame) -> Draft:
    """The order that was typed. Raises Refusal or BadInput naming field, value and limit.

    `texts` may have `order_kind` and `tif` beside FIELDS, which count where there is a product.
    """
    given = {name: text.strip().replace("−", "-") for name, text in texts.items() if text.strip()}
    if "product" not in given:
        given = {name: text for name, text in given.items() if name in ("quantity_kwh", "price", "until")}
    for name in ("until", "product"):
        if name in given:
            given[name] = _minute(name, given[name], frame)
    body = {"side": side} | given
    command = cast(OrderPlace, parse_command("order.place", body))
    if command.product is None:
        _check(command, texts, frame)
        return Draft(side, command.quantity_kwh, command.price, command.until, body)
    _check_in_book(command, frame)
    return Draft(
        side,
        command.quantity_kwh,
        command.price,
        command.until,
        body,
        command.product,
        command.order_kind or "limit",
        command.tif or "gfs",
        command.display_kwh,
    )


def product_of(text: str, frame: DeskFrame) -> int | None:
    """Start of the product that was typed [s UTC]; None where none was, or none that can be read."""
    with suppress(BadInput):
        return next_utc(text, frame.zone, frame.next_utc, "product") if text.strip() else None
    return None


def _minute(name: str, text: str, frame: DeskFrame) -> str:
    """A moment that was typed, as a command carries it. Raises BadInput."""
    moment = next_utc(text, frame.zone, frame.next_utc, name)
    if moment % 60:
        raise BadInput(name, text, "must be a whole minute")
    return utc_text(moment)


def _check(command: OrderPlace, texts: dict[str, str], frame: DeskFrame) -> None:
    """What the desk's auction would refuse. Raises Refusal."""
    if frame.market is not None and command.price is not None:
        rules = frame.market.scenario.market
        _require_in_band(command.price, rules.floor, rules.cap)
    if command.until is not None and command.until <= frame.next_utc:
        limit = f"must be after the next interval's start, {clock_text(frame.next_utc, frame.zone)}"
        raise Refusal("BAD_VALUE", "until", texts["until"].strip(), limit)
    if sum(order.actor == frame.actor for order in frame.orders) >= ORDERS_LIMIT:
        raise Refusal("TOO_MANY", "orders", ORDERS_LIMIT, "are open already: cancel one first")


def _require_in_band(price_tick: int, floor_tick: int, cap_tick: int) -> None:
    if not floor_tick <= price_tick <= cap_tick:
        limit = f"must lie between {price_text(floor_tick)} and {price_text(cap_tick)}"
        raise Refusal("BAD_VALUE", "price", price_text(price_tick), limit)


def _check_in_book(command: OrderPlace, frame: DeskFrame) -> None:
    """What a product's book would refuse whatever stands in it. Raises Refusal."""
    books, start_utc = frame.books, command.product
    if books is None or start_utc is None:
        return
    if start_utc not in books.open_starts:
        opened = books.open_starts
        span = f"{_day_clock(opened[0], frame)} to {_day_clock(opened[-1], frame)}" if opened else "none is"
        raise Refusal("CLOSED", "product", _day_clock(start_utc, frame), f"must be open: {span}")
    product = books.of(start_utc)
    asked = ProductOrder(
        start_utc, command.side, command.quantity_kwh, command.price, command.order_kind, command.tif,
        command.display_kwh, command.until,
    )  # fmt: skip
    kind = book_kind(asked)
    if product.call and kind not in (KIND_LIMIT, KIND_ICEBERG):
        raise Refusal("IN_CALL", "order_kind", BOOK_KINDS[kind], RULES[RULE_CALL].limit)
    if command.price is not None:
        _require_in_band(command.price, product.floor_tick, product.cap_tick)
    if command.until is not None and command.until <= frame.next_utc:
        limit = f"must be later than the book's clock, {clock_text(frame.next_utc, frame.zone)}"
        raise Refusal("BAD_VALUE", "until", _day_clock(command.until, frame), limit)
    most_wh = command.quantity_kwh
    if command.display_kwh is not None and not -(-most_wh // SLICES_LIMIT) <= command.display_kwh <= most_wh:
        limit = f"must lie between 1/{SLICES_LIMIT} of the quantity and all of it"
        raise Refusal("BAD_VALUE", "display_kwh", ENERGY.plain(command.display_kwh), limit)
    if len(product.own) >= BOOK_ORDERS_LIMIT:
        raise Refusal("TOO_MANY", "orders", BOOK_ORDERS_LIMIT, "are open in the product already: cancel one first")
    more_e8 = book_outlook(product, command.side, command.quantity_kwh, command.price).more_e8
    if more_e8 > max(books.free_e8, 0):
        limit = (
            f"would hold {money_text(more_e8)} more of the trading limit, of which {money_text(books.free_e8)} is free"
        )
        raise Refusal("INSUFFICIENT_FUNDS", "quantity_kwh", ENERGY.plain(command.quantity_kwh), limit)


def typed_moment(text: str, frame: DeskFrame) -> str:
    """A moment as a command carries it, as one would type it on the market's clock; other texts stay."""
    try:
        moment = moment_utc(text, frame.zone, frame.next_utc)
    except BadInput:
        return text
    if _day(moment, frame) == _day(frame.next_utc, frame):
        return f"{datetime.fromtimestamp(moment, frame.zone):%H:%M}"
    return f"{datetime.fromtimestamp(moment, frame.zone):%Y-%m-%dT%H:%M}"


def _day(second_utc: int, frame: DeskFrame) -> str:
    return f"{datetime.fromtimestamp(second_utc, frame.zone):%Y-%m-%d}"


def _day_clock(second_utc: int, frame: DeskFrame) -> str:
    """14:15 on the market's clock, with the day before it where it is another one."""
    day = "" if _day(second_utc, frame) == _day(frame.next_utc, frame) else f"{_day(second_utc, frame)} "
    return f"{day}{clock_text(second_utc, frame.zone)}"
