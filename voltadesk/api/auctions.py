"""`voltadesk.clear`: one auction."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from voltadesk.engine.arguments import number, one_of, prices, series, within
from voltadesk.engine.cleared import CAP_TICK, FLOOR_TICK, PRICE_RULES, PRICING, Auction, Cleared, clear_orders
from voltadesk.errors import BadInput
from voltadesk.feeds.orders import TOTAL_LIMIT_WH
from voltadesk.units import ENERGY_LIMIT_WH, PRICE_LIMIT_TICK


def clear(
    price_tick: ArrayLike,
    quantity_wh: ArrayLike,
    *,
    pricing: str = "uniform",
    price_rule: str = "midpoint",
    floor_tick: int = FLOOR_TICK,
    cap_tick: int = CAP_TICK,
    margin_tick: int = 0,
) -> Cleared:
    """Clear one auction, as `voltadesk headless clear` does; `docs/market-rules.md` tells how.

    price_tick   (n,) the least a seller takes, the most a buyer pays, margin included [0.01/MWh]; from floor to cap, or
                 NO_PRICE_TICK for an order at any price
    quantity_wh  (n,) bids above 0, offers below 0, 0 no order [Wh]; in all below 2**55
    pricing      "uniform", "vertical-demand" or "pay-as-bid"
    price_rule   which of the prices that clear: "midpoint", "lowest" or "highest"
    floor_tick, cap_tick  lowest and highest price allowed [0.01/MWh]
    margin_tick  operator's margin: buyers pay price + margin [0.01/MWh]

    What is left of orders at exactly the price is shared in proportion; the last Wh go to those that stand first.
    Raises BadInput.
    """
    floor_tick = number("floor_tick", floor_tick, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)
    cap_tick = number("cap_tick", cap_tick, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)
    if floor_tick >= cap_tick:
        raise BadInput("floor_tick", floor_tick, f"must be below the cap ({cap_tick})")
    auction = Auction(
        PRICING[one_of("pricing", pricing, PRICING)],
        PRICE_RULES[one_of("price_rule", price_rule, PRICE_RULES)],
        floor_tick,
        cap_tick,
        number("margin_tick", margin_tick, 0, PRICE_LIMIT_TICK),
    )
    quantity = series("quantity_wh", quantity_wh)
    price = prices("price_tick", price_tick, len(quantity), floor_tick, cap_tick)
    within("quantity_wh", quantity, -ENERGY_LIMIT_WH, ENERGY_LIMIT_WH)
    total = np.abs(quantity).sum(dtype=np.float64)  # so that no sum wraps around
    if total >= TOTAL_LIMIT_WH:
        raise BadInput("quantity_wh", f"{total:.0f}", f"must be below {TOTAL_LIMIT_WH} in all")
    return clear_orders(price, quantity, auction)
