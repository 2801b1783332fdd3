"""`voltadesk order …`: people's own orders in the auction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.view import Table, Tree, View, exact, kwh, price
from voltadesk.units import money_decimal

if TYPE_CHECKING:
    from voltadesk.desk.market import Order

app = group(
    told_by(
        "People's own orders in the auction.",
        "order place buy 25 --price 90 --as ann",
        "order cancel o-12 --as ann",
        "order list",
    )
)


@command(
    app,
    "place",
    told_by(
        "Buy or sell energy in the auction of the next interval, or of all that begin before a time.",
        "order place buy 25 --price 90 --as ann",
        "order place sell 10.5 --until 2026-05-26T12:00 --as ann",
        more="Without a price it takes any. What it may cost at most is held until it is filled, cancelled or over.",
    ),
    signs=True,
)
def place(
    at: Session,
    side: Annotated[Literal["buy", "sell"], typer.Argument(metavar="buy|sell")],
    quantity_kwh: Annotated[str, typer.Argument(metavar="KWH")],
    price: Annotated[str | None, typer.Option(metavar="PRICE", help="Limit per MWh.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="On the market's clock, or in UTC with a Z.")
    ] = None,
) -> View:
    moment = at.moment(until)
    return at.ask("order.place", side=side, quantity_kwh=quantity_kwh, price=price, until=moment)


@command(app, "cancel", told_by("Take one's own order out.", "order cancel o-12 --as ann"), signs=True)
def cancel(at: Session, order: Annotated[str, typer.Argument(metavar="ORDER")]) -> View:
    return at.ask("order.cancel", order=order)


@command(app, "list", told_by("Open orders.", "order list", "order list --actor ann --json"))
def list_(at: Session, actor: Annotated[str | None, typer.Option(metavar="NAME", help="Only theirs.")] = None) -> View:
    orders = sorted(at.market.orders.values(), key=lambda order: order.entry)
    wanted = [order for order in orders if actor in (None, order.actor)]
    currency = at.book.ledger.currency
    rows = [
        (
            order.id,
            order.actor,
            order.side,
            at.local(order.until_utc),
            exact(kwh(order.quantity_wh)),
            exact(price(order.price_tick) or 0),
            exact(money_decimal(order.held_e8)),
        )
        for order in wanted
    ]
    columns = ("order", "actor", "side", "until", "kWh", f"{currency}/MWh", f"held {currency}")
    tree = {"currency": currency, "orders": [_tree(order) for order in wanted]}
    return View(tree, (Table("open orders", columns, rows, 4),))


def _tree(order: Order) -> Tree:
    from voltadesk.clock import utc_text

    return {
        "order": order.id,
        "entry": order.entry,
        "actor": order.actor,
        "side": order.side,
        "quantity_kwh": kwh(order.quantity_wh),
        "price_per_mwh": price(order.price_tick),
        "until_utc": utc_text(order.until_utc),
        "held": money_decimal(order.held_e8),
    }
