"""A desk with orders in its books, of two actors: what tests of ladder, ticket and tape share."""

from __future__ import annotations

import random
from typing import Any

from tests.ui.desks import seat_of
from voltadesk.clock import utc_text
from voltadesk.desk.refusal import Refusal
from voltadesk.store.desk import Desk

ANN, OWNER = "town-cooperative", "owner"


def product(desk: Desk, ahead: int = 1) -> str:
    """The product that begins so many intervals after the coming one."""
    market = desk.book.market
    assert market is not None
    return utc_text(market.next_utc + ahead * market.step_s)


def order(desk: Desk, actor: str, side: str, kwh: str, price: str = "", /, ahead: int = 1, **more: Any) -> str:
    """Place an order in a book; its id, or what it was refused for."""
    body = {"product": product(desk, ahead), "side": side, "quantity_kwh": kwh} | more
    body |= {"price": price} if price else {}
    try:
        return str(seat_of(desk, actor).execute("order.place", body)[0].effects["order"])
    except Refusal as refusal:
        return str(refusal)


def fill_books(desk: Desk) -> None:
    """Some of everything in the next product: queues, an iceberg, trades, positions; a little in another."""
    for n, price in enumerate(("89.50", "89.40", "89.25", "88.00")):
        order(desk, OWNER, "buy", f"{n + 2}.5", price)
    for n, price in enumerate(("90.10", "90.25", "90.60", "92.00")):
        order(desk, OWNER, "sell", f"{n + 1}.25", price)
    order(desk, OWNER, "buy", "40", "88.50", order_kind="iceberg", display_kwh="4")
    order(desk, ANN, "buy", "1.5", "89.40")
    order(desk, ANN, "sell", "2", "90.25", order_kind="post-only")
    order(desk, ANN, "buy", "1", "90.10", tif="ioc")
    order(desk, ANN, "sell", "0.75", tif="ioc")
    order(desk, ANN, "buy", "1", "90.25")  # would meet one's own
    order(desk, OWNER, "sell", "3", "75.00", ahead=4)
    order(desk, ANN, "buy", "1", "80.00", ahead=4)


def churn(desk: Desk, draw: random.Random, count: int) -> None:
    """Random orders, amendments and cancellations of two actors in three products."""
    ids: list[tuple[str, str]] = []
    for _ in range(count):
        actor, side = draw.choice((ANN, OWNER)), draw.choice(("buy", "sell"))
        if ids and draw.random() < 0.3:
            actor, which = ids.pop(draw.randrange(len(ids)))
            kind, body = draw.choice((("order.cancel", {}), ("order.amend", {"quantity_kwh": str(draw.randint(1, 9))})))
            try:
                seat_of(desk, actor).execute(kind, {"order": which} | body)
            except Refusal:
                continue
        else:
            middle = 90 + (3 if side == "sell" else -3)
            price = f"{draw.randint(middle * 4 - 20, middle * 4 + 20) / 4:.2f}"
            more = draw.choice(({}, {"order_kind": "post-only"}, {"order_kind": "iceberg", "display_kwh": "2"}))
            found = order(desk, actor, side, str(draw.randint(2, 9)), price, ahead=draw.randint(1, 3), **more)
            if found.startswith("o-"):
                ids.append((actor, found))
