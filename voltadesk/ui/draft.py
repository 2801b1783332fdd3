"""An order as it is typed on the ticket: read exactly, and checked by the rules that the desk will check it by."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from voltadesk.clock import utc_text
from voltadesk.desk.commands import OrderPlace, parse_command
from voltadesk.desk.market import ORDERS_LIMIT
from voltadesk.desk.refusal import Refusal, price_text
from voltadesk.errors import BadInput
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.moments import moment_utc, next_utc
from voltadesk.ui.text import PRICE, Number, clock_text

FIELDS = {"quantity_kwh": "quantity", "price": "limit", "until": "until"}
ENERGY = Number(3, 3)  # to the Wh


@dataclass(frozen=True)
class Draft:
    """What is ordered so far; `body` is empty until it can be sent."""

    side: str
    quantity_wh: int = 0
    price_tick: int | None = None  # None takes any price
    until_utc: int | None = None  # None: the next auction only
    body: dict[str, str] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return bool(self.body)

    def auctions(self, frame: DeskFrame) -> str:
        """In which it stands."""
        first = clock_text(frame.next_utc, frame.zone)
        if self.until_utc is None or self.until_utc <= frame.next_utc + frame.step_s:
            return f"in the auction of {first}"
        day = "" if _day(self.until_utc, frame) == _day(frame.next_utc, frame) else f"{_day(self.until_utc, frame)} "
        return f"in the auctions from {first} until {day}{clock_text(self.until_utc, frame.zone)}"

    def told(self, frame: DeskFrame) -> str:
        """The whole order in words."""
        word, limit = ("BUY ▲", "at up to") if self.side == "buy" else ("SELL ▼", "for at least")
        price = "at any price"
        if self.price_tick is not None:
            price = f"{limit} {PRICE.show(self.price_tick)} {frame.currency}/MWh"
        return f"{word} {ENERGY.show(self.quantity_wh)} kWh {price} {self.auctions(frame)}"


def draft_of(side: str, texts: dict[str, str], frame: DeskFrame) -> Draft:
    """The order that was typed. Raises Refusal or BadInput naming field, value and limit."""
    given = {name: text.strip().replace("−", "-") for name, text in texts.items() if text.strip()}
    if "until" in given:
        until_utc = next_utc(given["until"], frame.zone, frame.next_utc, "until")
        if until_utc % 60:
            raise BadInput("until", given["until"], "must be a whole minute")
        given["until"] = utc_text(until_utc)
    body = {"side": side} | given
    command = cast(OrderPlace, parse_command("order.place", body))
    _check(command, texts, frame)
    return Draft(side, command.quantity_kwh, command.price, command.until, body)


def _check(command: OrderPlace, texts: dict[str, str], frame: DeskFrame) -> None:
    """What the desk's market would refuse. Raises Refusal."""
    if frame.market is not None and command.price is not None:
        rules = frame.market.scenario.market
        if not rules.floor <= command.price <= rules.cap:
            limit = f"must lie between {price_text(rules.floor)} and {price_text(rules.cap)}"
            raise Refusal("BAD_VALUE", "price", price_text(command.price), limit)
    if command.until is not None and command.until <= frame.next_utc:
        limit = f"must be after the next interval's start, {clock_text(frame.next_utc, frame.zone)}"
        raise Refusal("BAD_VALUE", "until", texts["until"].strip(), limit)
    if sum(order.actor == frame.actor for order in frame.orders) >= ORDERS_LIMIT:
        raise Refusal("TOO_MANY", "orders", ORDERS_LIMIT, "are open already: cancel one first")


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
