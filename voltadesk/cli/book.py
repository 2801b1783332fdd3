"""`voltadesk book …`: the order books of the intervals to come, and what everybody has in them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.view import Row, Table, Tree, View, exact, facts, kwh, price
from voltadesk.units import money_decimal

if TYPE_CHECKING:
    from voltadesk.desk.position import Position
    from voltadesk.desk.product import Product

app = group(
    told_by(
        "The order books of the intervals to come: what is bid and asked, what was traded, who has what.",
        "book show",
        "book depth --product 2026-05-25T12:15Z",
        "book trades --limit 20",
        "book positions --actor ann",
    )
)

OneProduct = Annotated[str, typer.Option("--product", metavar="TIME", help="The interval that begins then.")]
AnyProduct = Annotated[
    str | None, typer.Option("--product", metavar="TIME", help="Only the interval that begins then.")
]


@command(
    app,
    "show",
    told_by(
        "The products that are open or wait for their interval, best prices, last price and turnover.",
        "book show",
        "book show --product 2026-05-25T12:15Z --json",
        more="Those in which nobody has ordered yet are only counted.",
    ),
)
def show(at: Session, product: AnyProduct = None) -> View:
    from voltadesk.clock import utc_text

    continuous, currency = at.market.continuous, at.book.ledger.currency
    found = list(continuous.products.values()) if product is None else [_product(at, product)]
    trees = [_tree(at, each) for each in found]
    opened = continuous.open_starts()
    tree: Tree = {
        "currency": currency,
        "open": {
            "first_utc": utc_text(opened[0]) if opened else None,
            "last_utc": utc_text(opened[-1]) if opened else None,
            "count": len(opened),
        },
        "trading_limit": money_decimal(at.market.scenario.continuous.trading_limit),
        "products": trees,
    }
    rows = [
        (at.local(each.start_utc), at.local(each.closure_utc), told["phase"], *_cells(told))
        for each, told in zip(found, trees, strict=True)
    ]
    columns = ("product", "gate closure", "phase", "bid kWh", "bid", "offer", "offer kWh", "last", "VWAP", "traded kWh")
    pairs = [(name, tree["open"][name]) for name in ("count", "first_utc", "last_utc")]
    tables = (facts("open products", pairs), Table(f"order books ({currency}/MWh)", columns, rows, 3))
    return View(tree, tables + _call_tables(at, trees))


@command(
    app,
    "depth",
    told_by(
        "What is bid and asked in a product, the best prices first; what icebergs hide is not shown.",
        "book depth --product 2026-05-25T12:15Z",
        "book depth --product 2026-05-25T12:15Z --levels 5 --json",
    ),
)
def depth(
    at: Session, product: OneProduct, levels: Annotated[int, typer.Option(min=1, max=10_000, metavar="N")] = 10
) -> View:
    from itertools import zip_longest

    from voltadesk.clock import utc_text

    found = _product(at, product)
    bids, asks = _depth(found, levels)
    tree = {
        "currency": at.book.ledger.currency,
        "product": utc_text(found.start_utc),
        "phase": at.market.continuous.phase(found.start_utc),
        "call": _call(at, found),
        **{
            name: [
                {"price_per_mwh": price(tick), "quantity_kwh": kwh(wh), "orders": orders} for tick, wh, orders in side
            ]
            for name, side in (("bids", bids), ("asks", asks))
        },
    }
    rows = [(*_level(bid)[::-1], *_level(ask)) for bid, ask in zip_longest(bids, asks)]
    columns = ("orders", "bid kWh", "bid", "offer", "offer kWh", "orders")
    table = Table(f"{at.local(found.start_utc)} ({tree['currency']}/MWh)", columns, rows, 0)
    return View(tree, (table, *_call_tables(at, [tree])))


@command(
    app,
    "trades",
    told_by("What was traded, the newest first.", "book trades", "book trades --product 2026-05-25T12:15Z --json"),
)
def trades(
    at: Session,
    product: AnyProduct = None,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="At most so many.")] = 20,
) -> View:
    from voltadesk.clock import utc_text

    start_utc = _start(at, product)
    found = at.desk.tape(start_utc, limit) if at.market else []
    trees: list[Tree] = [
        {
            "entry": row.entry,
            "product": utc_text(row.start_utc),
            "buyer": row.buyer,
            "buy": row.buy.partition(":")[2],
            "seller": row.seller,
            "sell": row.sell.partition(":")[2],
            "aggressor": {True: "buy", False: "sell", None: None}[row.is_buyer_aggressor],
            "price_per_mwh": price(row.price_tick),
            "quantity_kwh": kwh(row.energy_wh),
        }
        for row in found
    ]
    rows = [
        (
            str(row.entry), at.local(row.start_utc), f"{row.buyer} {told['buy']}", f"{row.seller} {told['sell']}",
            told["aggressor"] or "call", exact(told["price_per_mwh"]), exact(told["quantity_kwh"]),
        )
        for row, told in zip(found, trees, strict=True)
    ]  # fmt: skip
    currency = at.book.ledger.currency
    columns = ("entry", "product", "bought by", "sold by", "aggressor", f"{currency}/MWh", "kWh")
    return View({"currency": currency, "trades": trees}, (Table("trades", columns, rows, 5),))


@command(
    app,
    "positions",
    told_by(
        "What everybody has bought and sold in products that are not settled yet, and what it came to.",
        "book positions",
        "book positions --actor ann --json",
        more="What is open is valued at the product's last trade.",
    ),
)
def positions(
    at: Session,
    actor: Annotated[str | None, typer.Option(metavar="NAME", help="Only theirs.")] = None,
    product: AnyProduct = None,
) -> View:
    start_utc, currency = _start(at, product), at.book.ledger.currency
    found = [
        (traded, name, position)
        for traded in at.market.continuous.products.values()
        for name, position in sorted(traded.positions.items())
        if actor in (None, name) and start_utc in (None, traded.start_utc)
    ]
    trees = [_position(*each) for each in found]
    rows = [
        (tree["actor"], at.local(traded.start_utc), *(_shown(value) for value in list(tree.values())[2:]))
        for (traded, _, _), tree in zip(found, trees, strict=True)
    ]
    columns = ("actor", "product", "net kWh", "average", "mark", f"realised {currency}", f"unrealised {currency}",
               f"held {currency}")  # fmt: skip
    return View({"currency": currency, "positions": trees}, (Table("positions", columns, rows, 2),))


# Parts ----------------------------------------------------------------------------------------------------------------
def _start(at: Session, product: str | None) -> int | None:
    """The start that was named [s UTC]."""
    from voltadesk.desk.commands import moment_utc

    text = at.moment(product, "product")
    return None if text is None else moment_utc(text)


def _product(at: Session, name: str) -> Product:
    """A product that is open or waits for its interval. Raises Refusal CLOSED for any other."""
    start_utc = _start(at, name)
    assert start_utc is not None
    return at.market.continuous.product(start_utc)


def _tree(at: Session, product: Product) -> Tree:
    from voltadesk.clock import utc_text

    bids, asks = _depth(product, 1)
    vwap_tick = round(Fraction(product.value_e8, product.volume_wh)) if product.volume_wh else None
    return {
        "product": utc_text(product.start_utc),
        "gate_closure_utc": utc_text(product.closure_utc),
        "phase": at.market.continuous.phase(product.start_utc),
        "call": _call(at, product),
        "floor_per_mwh": price(product.floor_tick),
        "cap_per_mwh": price(product.cap_tick),
        "best_bid_per_mwh": price(bids[0][0]) if bids else None,
        "best_bid_kwh": kwh(bids[0][1]) if bids else None,
        "best_ask_per_mwh": price(asks[0][0]) if asks else None,
        "best_ask_kwh": kwh(asks[0][1]) if asks else None,
        "last_per_mwh": price(product.last_tick),
        "vwap_per_mwh": price(vwap_tick),
        "traded_kwh": kwh(product.volume_wh),
        "open_orders": len(product.tickets),
    }


def _call(at: Session, product: Product) -> Tree | None:
    """The call that a product is in: when it is held, and what it would trade as the book stands."""
    from voltadesk.clock import utc_text

    now_utc = at.market.next_utc
    held_utc = at.market.continuous.calls(product.start_utc).held_utc(now_utc)
    if held_utc is None:
        return None
    energy_wh, tick = product.indicative()
    return {"held_utc": utc_text(held_utc), "quantity_kwh": kwh(energy_wh), "price_per_mwh": price(tick)}


def _call_tables(at: Session, trees: Sequence[Tree]) -> tuple[Table, ...]:
    """The calls that products are in, if any are."""
    from voltadesk.desk.commands import moment_utc

    rows = [
        (at.local(moment_utc(tree["product"])), tree["phase"], at.local(moment_utc(tree["call"]["held_utc"])),
         exact(tree["call"]["quantity_kwh"]), _shown(tree["call"]["price_per_mwh"]))
        for tree in trees
        if tree["call"]
    ]  # fmt: skip
    columns = ("product", "phase", "held at", "would trade kWh", f"at {at.book.ledger.currency}/MWh")
    return (Table("calls", columns, rows, 3),) if rows else ()


def _cells(tree: Tree) -> Row:
    names = ("best_bid_kwh", "best_bid_per_mwh", "best_ask_per_mwh", "best_ask_kwh", "last_per_mwh", "vwap_per_mwh")
    return tuple(_shown(tree[name]) for name in (*names, "traded_kwh"))


def _depth(product: Product, levels: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    """The best prices of bids and of offers: price [tick], what is shown [Wh], orders."""
    if not product.tickets:
        return [], []
    from voltadesk.engine.book_events import SIDE_BUY, SIDE_SELL

    def side(which: int) -> list[tuple[int, int, int]]:
        return [(tick, shown, orders) for tick, shown, _, orders in product.book.depth(which, levels).tolist()]

    return side(SIDE_BUY), side(SIDE_SELL)


def _level(level: Sequence[int] | None) -> tuple[str, str, str]:
    """A price, its energy and its orders as cells."""
    return ("", "", "") if level is None else (_shown(price(level[0])), exact(kwh(level[1])), exact(level[2]))


def _position(product: Product, actor: str, position: Position) -> Tree:
    from voltadesk.clock import utc_text

    mark_tick = product.last_tick or 0
    return {
        "actor": actor,
        "product": utc_text(product.start_utc),
        "net_kwh": kwh(position.net_wh),
        "average_per_mwh": price(position.average_tick),
        "mark_per_mwh": price(product.last_tick),
        "realised": money_decimal(position.realised_e8),
        "unrealised": money_decimal(position.unrealised_e8(mark_tick)),
        "held": money_decimal(position.held_e8),
    }


def _shown(value: Decimal | None) -> str:
    return "" if value is None else exact(value)
