"""One auction over typed orders: what cleared, for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from voltadesk.engine.cleared import Auction, clear_orders
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.feeds.orders import OrderLine
from voltadesk.report.document import Section, number
from voltadesk.units import money_decimal, mwh_decimal, price_decimal

Tree = dict[str, Any]
SHOWN = 100  # orders that people are shown


def clear_lines(orders: Sequence[OrderLine], auction: Auction) -> Tree:
    """The auction's result in the order of the file; figures as `engine.cleared.Cleared` has them.

    Ties in rationing go to the lower id (as text), or, where ids are only row numbers, to the larger order.
    """
    rank = sorted(range(len(orders)), key=lambda n: _rank(orders[n]))
    price = np.array([NO_PRICE_TICK if (tick := orders[n].price_tick) is None else tick for n in rank], np.int64)
    sign = {"buy": 1, "sell": -1}
    quantity = np.array([sign[orders[n].side] * orders[n].quantity_wh for n in rank], np.int64)
    result = clear_orders(price, quantity, auction)
    lines: list[Tree] = [{} for _ in orders]
    for n, filled_wh, amount_e8 in zip(rank, result.fill_wh.tolist(), result.amount_e8.tolist(), strict=True):
        lines[n] = _line(orders[n], filled_wh, amount_e8)
    prices = ("price", result.price_tick), ("price_low", result.price_low_tick), ("price_high", result.price_high_tick)
    return {
        "schema": 1,
        **{name: None if tick is None else price_decimal(tick) for name, tick in prices},
        "volume_mwh": mwh_decimal(result.volume_wh),
        "welfare": money_decimal(result.welfare_e8),
        "operator": money_decimal(result.operator_e8),
        "orders": lines,
    }


def _rank(order: OrderLine) -> tuple[Any, ...]:
    """The order of ids that does not depend on the order of rows."""
    return (0, order.id) if order.has_id else (1, order.participant, -order.quantity_wh)


def _line(order: OrderLine, filled_wh: int, amount_e8: int) -> Tree:
    participant = {"participant": order.participant} if order.participant else {}
    return {
        "id": order.id,
        **participant,
        "side": order.side,
        "price": None if order.price_tick is None else price_decimal(order.price_tick),
        "quantity_mwh": mwh_decimal(order.quantity_wh),
        "filled_mwh": mwh_decimal(filled_wh),
        "amount": money_decimal(amount_e8),
    }


def clearing_section(result: Tree) -> Section:
    """The result for people."""
    if result["price"] is None:
        head = "no trade, no price"
    else:
        head = (
            f"price {number(result['price'])} (any from {number(result['price_low'])} to "
            f"{number(result['price_high'])} clears), volume {result['volume_mwh']} MWh, "
            f"welfare {number(result['welfare'])}, operator {number(result['operator'])}"
        )
    columns = ("id", "side", "limit", "MWh", "filled MWh", "amount")
    rows = [
        (
            line["id"],
            line["side"],
            "any" if line["price"] is None else number(line["price"]),
            str(line["quantity_mwh"]),
            str(line["filled_mwh"]),
            number(line["amount"]),
        )
        for line in result["orders"][:SHOWN]
    ]
    text: tuple[str, ...] = (head,)
    if len(result["orders"]) > SHOWN:
        text = (head, f"the first {SHOWN} of {len(result['orders']):,} orders; --json gives all")
    return Section("Clearing", columns, rows, 2, text)
