"""What one more order would come to in a product's book as it stands: fills, what is held for it, its place.

Parts that icebergs hide are not seen here: they can only make it more that is filled.
"""

from __future__ import annotations

from dataclasses import dataclass

from voltadesk.desk.position import Position, Side, worst_loss_e8
from voltadesk.ui.books import ProductFigures

STAYING = frozenset({"limit", "post-only", "iceberg"})


@dataclass(frozen=True)
class BookOutlook:
    """Of an order that is sent now."""

    fill_wh: int
    worth_e8: int  # of the fill, at the prices of what stands there
    meets: str  # the own order that it would meet first; "": none
    ahead: int  # orders that stand before what is left of it, at its price
    ahead_wh: int
    more_e8: int  # held for it, in addition to what is held in the product
    position_wh: int  # with the fill
    furthest_wh: int  # with it and all other open orders of its side filled


def book_outlook(product: ProductFigures, side: str, quantity_wh: int, price_tick: int | None) -> BookOutlook:
    """The order met with the book [Wh, tick; without a limit it takes any price]."""
    sign = 1 if side == "buy" else -1
    fill_wh, worth_e8, meets = _met(product, side, quantity_wh, price_tick)
    mine = product.bids if side == "buy" else product.asks
    stands = next((each for each in mine if each.price_tick == price_tick), None)
    is_behind = stands is not None and not fill_wh
    position = product.position
    return BookOutlook(
        fill_wh=fill_wh,
        worth_e8=worth_e8,
        meets=meets,
        ahead=stands.orders if stands is not None and is_behind else 0,
        ahead_wh=stands.energy_wh if stands is not None and is_behind else 0,
        more_e8=_held_e8(product, side, quantity_wh, price_tick) - position.held_e8,
        position_wh=position.net_wh + sign * fill_wh,
        furthest_wh=position.net_wh
        + sign * (quantity_wh + sum(each.open_wh for each in product.own if each.side == side)),
    )


def _met(product: ProductFigures, side: str, quantity_wh: int, price_tick: int | None) -> tuple[int, int, str]:
    """What is filled at once, what that is worth, and the own order that would be met; in a call nothing is filled."""
    sign = 1 if side == "buy" else -1
    fill_wh = worth_e8 = 0
    other = "sell" if side == "buy" else "buy"
    for level in product.asks if side == "buy" else product.bids:
        left_wh = quantity_wh - fill_wh
        if not left_wh or (price_tick is not None and (level.price_tick - price_tick) * sign > 0):
            break
        own = [order for order in product.own_at(level.price_tick) if order.side == other]
        if own and (product.call or own[0].ahead_wh < left_wh):
            taken_wh = 0 if product.call else own[0].ahead_wh
            return fill_wh + taken_wh, worth_e8 + taken_wh * level.price_tick, own[0].id
        taken_wh = 0 if product.call else min(left_wh, level.energy_wh)
        fill_wh, worth_e8 = fill_wh + taken_wh, worth_e8 + taken_wh * level.price_tick
    return fill_wh, worth_e8, ""


def _held_e8(product: ProductFigures, side: str, quantity_wh: int, price_tick: int | None) -> int:
    """What the desk would hold of the actor in the product with the order, by its own rule."""
    limit_tick = price_tick
    if limit_tick is None:
        limit_tick = product.cap_tick if side == "buy" else product.floor_tick
    sides = {"buy": Side(), "sell": Side()}
    for order in product.own:
        sides[order.side] = sides[order.side].plus(order.open_wh, order.price_tick)
    sides[side] = sides[side].plus(quantity_wh, limit_tick)
    held = Position(product.position.net_wh, product.position.cash_e8)
    return worst_loss_e8(held, sides["buy"], sides["sell"], product.floor_tick, product.cap_tick)
