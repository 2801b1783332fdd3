"""What people's orders do, in the auction and in the books of products: the commands, and the effects that are told."""

from __future__ import annotations

from typing import Any

from voltadesk.clock import utc_text
from voltadesk.desk import commands as c
from voltadesk.desk.continuous import Found
from voltadesk.desk.ledger import Ledger
from voltadesk.desk.market import Asked, Market
from voltadesk.desk.outcome import Result
from voltadesk.desk.product_order import ProductOrder
from voltadesk.desk.receipt import hash_of
from voltadesk.desk.refusal import Refusal
from voltadesk.units import decimal_text, money_decimal

Effects = dict[str, Any]


def place(market: Market, ledger: Ledger, entry: int, actor: str, command: c.OrderPlace) -> Effects:
    """An order: with a product in its book, else in the auction. Raises Refusal."""
    if command.product is not None:
        wanted = ProductOrder(
            start_utc=command.product,
            side=command.side,
            quantity_wh=command.quantity_kwh,
            price_tick=command.price,
            order_kind=command.order_kind,
            tif=command.tif,
            display_wh=command.display_kwh,
            until_utc=command.until,
        )
        return _traded(market.continuous.place(ledger, entry, actor, wanted))
    for field in ("order_kind", "tif", "display_kwh"):
        if getattr(command, field) is not None:
            raise Refusal("BAD_VALUE", field, getattr(command, field), "must be given with a product only")
    asked = Asked(command.side, command.quantity_kwh, command.price, command.until)
    order = market.place(ledger, entry, actor, asked)
    return {"order": order.id, "until": utc_text(order.until_utc), "held": str(money_decimal(order.held_e8))}


def amend(market: Market, ledger: Ledger, entry: int, actor: str, command: c.OrderAmend) -> Effects:
    """New terms for an open order of the actor's. Raises Refusal."""
    order, price_tick, quantity_wh = market.own_order(actor, command.order), command.price, command.quantity_kwh
    if price_tick is None and quantity_wh is None:
        raise Refusal("BAD_VALUE", "order", command.order, "must be given something to change")
    if isinstance(order, Found):
        return _traded(market.continuous.amend(ledger, entry, order, price_tick, quantity_wh))
    amended = market.amend(ledger, entry, order, price_tick, quantity_wh)
    return {
        "order": amended.id,
        "open_kwh": decimal_text(amended.quantity_wh, 3),
        "held": str(money_decimal(amended.held_e8)),
    }


def cancel(market: Market, ledger: Ledger, entry: int, actor: str, command: c.OrderCancel) -> Effects:
    """One or all of the actor's open orders taken out. Raises Refusal."""
    bank, currency = f"ext:bank:{actor}", ledger.currency
    if command.order is not None and (command.all or command.product is not None):
        raise Refusal("BAD_VALUE", "order", command.order, "must not be given beside all or product")
    if command.order is None and not command.all:
        raise Refusal("BAD_VALUE", "order", "", "must be given, or all")
    before_e8 = ledger.balance(bank, currency)
    told: Effects = {"order": command.order}
    if command.order is None:
        told = {"orders": _cancel_all(market, ledger, entry, actor, command.product)}
    elif isinstance(order := market.own_order(actor, command.order), Found):
        market.continuous.cancel(ledger, entry, order)
    else:
        market.cancel(ledger, entry, order)
    return told | {"returned": str(money_decimal(ledger.balance(bank, currency) - before_e8))}


def _cancel_all(market: Market, ledger: Ledger, entry: int, actor: str, start_utc: int | None) -> list[str]:
    """Take out all open orders of an actor, or those in a product's book; returns which."""
    gone = []
    if start_utc is None:
        own = [order for order in market.orders.values() if order.actor == actor]
        for order in sorted(own, key=lambda order: order.entry):
            market.cancel(ledger, entry, order)
            gone.append(order.id)
    return gone + market.continuous.cancel_all(ledger, entry, actor, start_utc)


def _traded(result: Result) -> Effects:
    """The effects of an order in a product."""
    effects = {
        "order": result.order,
        "product": utc_text(result.product.start_utc),
        "until": utc_text(result.until_utc),
        "filled_kwh": decimal_text(result.filled_wh, 3),
        "open_kwh": decimal_text(result.open_wh, 3),
        "amount": str(money_decimal(result.amount_e8)),
        "held": str(money_decimal(result.held_e8)),
    }
    return effects | {"results": hash_of(result.trades)} if result.trades else effects
