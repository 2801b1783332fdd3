"""One auction over typed orders: what cleared, for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from voltadesk.engine.auction import clear_by
from voltadesk.errors import BadInput
from voltadesk.feeds.orders import OrderLine
from voltadesk.report.document import Section, number
from voltadesk.units import money_decimal, mwh_decimal, price_decimal

Tree = dict[str, Any]
SHOWN = 100  # orders that people are shown


@dataclass(frozen=True)
class Auction:
    """The rules of one auction; codes as in `engine.auction`."""

    pricing: int
    rule: int
    floor_tick: int
    cap_tick: int
    margin_tick: int


def clear_orders(orders: Sequence[OrderLine], auction: Auction) -> Tree:
    """The auction's result in the order of the file.

    The margin is a wedge: it is taken off a bid's limit before clearing, buyers pay price + margin. `welfare` is what
    buyers and sellers gain and the operator earns. `amount` is what a buyer pays and a seller gets. Ties in rationing
    go to the lower id (as text), or, where ids are only row numbers, to the larger order.
    """
    rank = sorted(range(len(orders)), key=lambda n: _rank(orders[n]))
    price = np.zeros(len(orders), np.int64)
    quantity = np.zeros(len(orders), np.int64)
    for slot, n in enumerate(rank):
        price[slot], quantity[slot] = _effective(orders[n], auction)
    farthest = max(abs(auction.floor_tick), abs(auction.cap_tick), auction.cap_tick - auction.floor_tick)
    most = int(np.abs(quantity).sum()) * (farthest + auction.margin_tick)
    if most >= 1 << 63:
        raise BadInput("quantity", most // 10**8, f"times the price range must stay below {2**63 // 10**8:,}")
    fill, seller_tick = np.zeros(len(orders), np.int64), np.zeros(len(orders), np.int64)
    volume, cleared, low, high, welfare, buyer_tick = (
        int(value)
        for value in clear_by(
            auction.pricing, price, quantity, auction.floor_tick, auction.cap_tick, auction.rule, fill, seller_tick
        )
    )
    lines: list[Tree] = [{} for _ in orders]
    operator = 0
    for slot, n in enumerate(rank):
        filled = int(fill[slot])
        buys = orders[n].side == "buy"
        amount = filled * (buyer_tick + auction.margin_tick if buys else int(seller_tick[slot]))
        operator += amount if buys else -amount
        lines[n] = _line(orders[n], filled, amount)
    return {
        "schema": 1,
        "price": price_decimal(cleared) if volume else None,
        "price_low": price_decimal(low) if volume else None,
        "price_high": price_decimal(high) if volume else None,
        "volume_mwh": mwh_decimal(volume),
        "welfare": money_decimal(welfare + auction.margin_tick * volume),
        "operator": money_decimal(operator),
        "orders": lines,
    }


def _rank(order: OrderLine) -> tuple[Any, ...]:
    """The order of ids that does not depend on the order of rows."""
    return (0, order.id) if order.has_id else (1, order.participant, -order.quantity_wh)


def _effective(order: OrderLine, auction: Auction) -> tuple[int, int]:
    """Price that is left for the seller, and signed quantity; 0 where no price leaves room for a trade."""
    if order.side == "sell":
        return (auction.floor_tick if order.price_tick is None else order.price_tick), -order.quantity_wh
    if order.price_tick is None:
        return auction.cap_tick, order.quantity_wh
    limit = order.price_tick - auction.margin_tick
    return max(limit, auction.floor_tick), order.quantity_wh if limit >= auction.floor_tick else 0


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
