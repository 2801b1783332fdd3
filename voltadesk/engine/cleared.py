"""One auction with the operator's margin: what each order pays or gets, to the last 1e-8 of the currency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.auction import (
    PRICING_PAY_AS_BID,
    PRICING_UNIFORM,
    PRICING_VERTICAL_DEMAND,
    RULE_HIGHEST,
    RULE_LOWEST,
    RULE_MIDPOINT,
    clear_by,
)
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput

PRICING = {
    "uniform": PRICING_UNIFORM,
    "vertical-demand": PRICING_VERTICAL_DEMAND,
    "pay-as-bid": PRICING_PAY_AS_BID,
}
PRICE_RULES = {"midpoint": RULE_MIDPOINT, "lowest": RULE_LOWEST, "highest": RULE_HIGHEST}
FLOOR_TICK, CAP_TICK = -50_000, 400_000  # where nothing else is asked for


@dataclass(frozen=True)
class Auction:
    """The rules of one auction; codes as in `engine.auction`."""

    pricing: int = PRICING_UNIFORM
    rule: int = RULE_MIDPOINT
    floor_tick: int = FLOOR_TICK
    cap_tick: int = CAP_TICK
    margin_tick: int = 0


class Cleared(NamedTuple):
    """What became of n orders; without a trade there is no price."""

    price_tick: int | None
    price_low_tick: int | None  # any price from here
    price_high_tick: int | None  # to here clears
    volume_wh: int
    welfare_e8: int  # what buyers and sellers gain and the operator earns
    operator_e8: int  # margin, and what pay-as-bid leaves
    fill_wh: NDArray[np.int64]  # (n,) traded, bids and offers alike at least 0
    amount_e8: NDArray[np.int64]  # (n,) what a buyer pays and a seller gets


def clear_orders(price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], auction: Auction) -> Cleared:
    """Clear the orders of one auction.

    price_tick   (n,) limits from floor to cap [0.01/MWh]; NO_PRICE_TICK: at any price
    quantity_wh  (n,) bids above 0, offers below [Wh]; in all below 2**55

    The margin is a wedge: it is taken off a bid's limit before clearing, and buyers pay price + margin. Ties in
    rationing go to the order that stands first. Raises BadInput where money would leave 64 bits.
    """
    farthest = max(abs(auction.floor_tick), abs(auction.cap_tick), auction.cap_tick - auction.floor_tick)
    most = int(np.abs(quantity_wh).sum()) * (farthest + auction.margin_tick)
    if most >= 1 << 63:
        raise BadInput("quantity", most // 10**8, f"times the price range must stay below {2**63 // 10**8:,}")
    buys, anything = quantity_wh > 0, price_tick == NO_PRICE_TICK
    limit = np.where(buys, np.where(anything, auction.cap_tick, price_tick - auction.margin_tick), price_tick)
    limit[anything & ~buys] = auction.floor_tick
    hopeless = buys & (limit < auction.floor_tick)  # no price leaves room for a trade
    fill, seller_tick = np.zeros(len(limit), np.int64), np.zeros(len(limit), np.int64)
    volume, price, low, high, welfare, buyer_tick = map(
        int,
        clear_by(
            auction.pricing, np.maximum(limit, auction.floor_tick), np.where(hopeless, 0, quantity_wh),
            auction.floor_tick, auction.cap_tick, auction.rule, fill, seller_tick,
        ),
    )  # fmt: skip
    amount = fill * np.where(buys, buyer_tick + auction.margin_tick, seller_tick)
    operator = int(amount[buys].sum()) - int(amount[~buys].sum())
    welfare += auction.margin_tick * volume
    if not volume:
        return Cleared(None, None, None, 0, welfare, operator, fill, amount)
    return Cleared(price, low, high, volume, welfare, operator, fill, amount)
