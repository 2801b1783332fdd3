"""`voltadesk order …`: people's own orders, in the auction and in the order books."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.view import Row, Table, Tree, View, exact, kwh, price
from voltadesk.desk.refusal import Refusal
from voltadesk.errors import UsageError
from voltadesk.units import money_decimal

if TYPE_CHECKING:
    from voltadesk.desk.market import Order
    from voltadesk.desk.product import Product

app = group(
    told_by(
        "People's own orders: in the auction, or with a product in its order book.",
        "order place buy 25 --price 90 --as ann",
        "order place sell 5 --price 80 --product 2026-05-25T12:15Z --as ann",
        "order amend o-12 --price 85 --as ann",
        "order cancel o-12 --as ann",
        "order list",
    )
)

Product_ = Annotated[
    str | None, typer.Option(metavar="TIME", help="The interval that begins then, in its order book; else the auction.")
]
Kwh = Annotated[str | None, typer.Option(metavar="KWH")]
Price = Annotated[str | None, typer.Option(metavar="PRICE", help="Limit per MWh.")]


@command(
    app,
    "place",
    told_by(
        "Buy or sell energy: in the auction of the next interval, in all that begin before a time, or with a product "
        "in the order book of one interval that is open.",
        "order place buy 25 --price 90 --as ann",
        "order place sell 10.5 --until 2026-05-26T12:00 --as ann",
        "order place buy 25 --price 90 --product 2026-05-25T12:15Z --as ann",
        "order place --product 2026-05-25T12:15Z --side sell --quantity 8 --price 70 --tif ioc --as ann",
        "order place sell 40 --price 95 --product 2026-05-25T12:15Z --kind iceberg --display 5 --as ann",
        more="Without a price it takes any. What it may cost at most is held until it is filled, cancelled or over. In "
        "a book an order is good for the session (gfs), until its gate closes, good till a time (gtt, --until), "
        "immediate or cancel (ioc), or fill or kill (fok).",
    ),
    signs=True,
)
def place(
    at: Session,
    side: Annotated[Literal["buy", "sell"] | None, typer.Argument(metavar="buy|sell")] = None,
    quantity_kwh: Annotated[str | None, typer.Argument(metavar="KWH")] = None,
    product: Product_ = None,
    side_option: Annotated[
        Literal["buy", "sell"] | None, typer.Option("--side", metavar="buy|sell", help="In place of the first word.")
    ] = None,
    quantity_option: Annotated[
        str | None, typer.Option("--quantity", metavar="KWH", help="In place of the second word.")
    ] = None,
    price: Price = None,
    kind: Annotated[
        Literal["limit", "market", "post-only", "iceberg"] | None,
        typer.Option(help="In a book; market without a price, else limit."),
    ] = None,
    tif: Annotated[
        Literal["gfs", "gtt", "ioc", "fok"] | None, typer.Option(help="Time in force, in a book; gtt with --until.")
    ] = None,
    display: Annotated[str | None, typer.Option(metavar="KWH", help="What an iceberg shows at a time.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="On the market's clock, or in UTC with a Z.")
    ] = None,
) -> View:
    try:
        return _ask(
            at,
            "order.place",
            side=_one(side, side_option, "buy|sell", "--side"),
            quantity_kwh=_one(quantity_kwh, quantity_option, "KWH", "--quantity"),
            price=price,
            until=at.moment(until),
            product=at.moment(product, "product"),
            order_kind=kind,
            tif=tif,
            display_kwh=display,
        )
    except Refusal as refusal:
        if refusal.code == "IN_CALL" and refusal.value == tif:  # to the book, ioc and fok are kinds of order
            raise Refusal("IN_CALL", "tif", tif, "must be gfs or gtt in a call") from None
        raise


def _ask(at: Session, kind: str, **options: str | None) -> View:
    """Carry out a command about an order; in a book only what is open expires, and money is held product by product."""
    receipt, key = at.done(kind, **options)
    effects = dict(receipt.effects)
    if "product" in effects:
        effects["held_in_product"] = effects.pop("held")
        if effects["open_kwh"] == "0":
            del effects["until"]
    return at.told(kind, replace(receipt, effects=effects), key)


def _one(word: str | None, option: str | None, name: str, flag: str) -> str:
    """What was given in one of two ways. Raises UsageError."""
    if word is not None and option is None:
        return word
    if option is not None and word is None:
        return option
    raise UsageError(f"give either {name} or {flag} (voltadesk order place --help)")


@command(
    app,
    "amend",
    told_by(
        "Give one's own order another limit, or another quantity that is to be open from now on.",
        "order amend o-12 --price 85 --as ann",
        "order amend o-12 --quantity 4 --as ann",
        more="In a book a smaller quantity keeps its place in the queue; all else comes anew.",
    ),
    signs=True,
)
def amend(
    at: Session, order: Annotated[str, typer.Argument(metavar="ORDER")], price: Price = None, quantity: Kwh = None
) -> View:
    return _ask(at, "order.amend", order=order, price=price, quantity_kwh=quantity)


@command(
    app,
    "cancel",
    told_by(
        "Take one's own order out, or all of them.",
        "order cancel o-12 --as ann",
        "order cancel --all --as ann",
        "order cancel --all --product 2026-05-25T12:15Z --as ann",
    ),
    signs=True,
)
def cancel(
    at: Session,
    order: Annotated[str | None, typer.Argument(metavar="ORDER")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All open orders of one's own.")] = False,
    product: Annotated[str | None, typer.Option(metavar="TIME", help="With --all: only in its order book.")] = None,
) -> View:
    if (order is None) is not all_:
        raise UsageError("give either ORDER, as order list tells it, or --all (voltadesk order cancel --help)")
    if product is not None and not all_:
        raise UsageError("--product goes with --all (voltadesk order cancel --help)")
    return at.ask("order.cancel", order=order, all=all_ or None, product=at.moment(product, "product"))


@command(
    app,
    "list",
    told_by("Open orders.", "order list", "order list --actor ann --json", "order list --product 2026-05-25T12:15Z"),
)
def list_(
    at: Session,
    actor: Annotated[str | None, typer.Option(metavar="NAME", help="Only theirs.")] = None,
    product: Annotated[str | None, typer.Option(metavar="TIME", help="Only in its order book.")] = None,
) -> View:
    start = at.moment(product, "product")
    trees = [] if start else [_tree(order) for order in at.market.orders.values()]
    for traded in at.market.continuous.products.values():
        trees += _trees(traded)
    wanted = [tree for tree in trees if actor in (None, tree["actor"]) and start in (None, tree["product"])]
    wanted.sort(key=lambda tree: tree["entry"])
    currency = at.book.ledger.currency
    columns = ("order", "actor", "side", "product", "kind", "until", "kWh", f"{currency}/MWh", f"held {currency}",
               "ahead kWh")  # fmt: skip
    rows = [_row(at, tree) for tree in wanted]
    return View({"currency": currency, "orders": wanted}, (Table("open orders", columns, rows, 6),))


def _row(at: Session, tree: Tree) -> Row:
    def shown(value: Any) -> str:
        return "" if value is None else exact(value)

    from voltadesk.desk.commands import moment_utc

    return (
        tree["order"],
        tree["actor"],
        tree["side"],
        "auction" if tree["product"] is None else at.local(moment_utc(tree["product"])),
        tree["kind"],
        at.local(moment_utc(tree["until_utc"])),
        exact(tree["quantity_kwh"]),
        exact(tree["price_per_mwh"]),
        shown(tree["held"]),
        shown(tree["ahead_kwh"]),
    )


def _tree(order: Order) -> Tree:
    """An order in the auction."""
    from voltadesk.clock import utc_text

    return {
        "order": order.id,
        "entry": order.entry,
        "actor": order.actor,
        "product": None,
        "side": order.side,
        "kind": "limit",
        "quantity_kwh": kwh(order.quantity_wh),
        "shown_kwh": kwh(order.quantity_wh),
        "price_per_mwh": price(order.price_tick),
        "until_utc": utc_text(order.until_utc),
        "held": money_decimal(order.held_e8),
        "ahead_orders": None,
        "ahead_kwh": None,
    }


def _trees(product: Product) -> list[Tree]:
    """The orders in a product's book, with what stands before each at its price.

    Money is held for all that an actor has in a product: an order's part is what its cancellation would set free.
    """
    if not product.tickets:
        return []
    from voltadesk.clock import utc_text
    from voltadesk.engine.book_events import KINDS, SIDES

    trees = []
    for number, _, side, kind, tick, shown_wh, hidden_wh, _, expiry_utc in product.book.orders().tolist():
        ticket, (orders, ahead_wh) = product.tickets[number], product.book.ahead(number) or (0, 0)
        without_e8, _ = product.at_stake(ticket.actor, instead_of=number)
        trees.append(
            {
                "order": ticket.id,
                "entry": ticket.entry,
                "actor": ticket.actor,
                "product": utc_text(product.start_utc),
                "side": SIDES[side],
                "kind": KINDS[kind],
                "quantity_kwh": kwh(shown_wh + hidden_wh),
                "shown_kwh": kwh(shown_wh),
                "price_per_mwh": price(tick),
                "until_utc": utc_text(min(expiry_utc or product.closure_utc, product.closure_utc)),
                "held": money_decimal(product.at_stake(ticket.actor)[0] - without_e8),
                "ahead_orders": orders,
                "ahead_kwh": kwh(ahead_wh),
            }
        )
    return trees
