"""The broker's market among homes: its price, who takes part, and how the short side is shared.

Rules: `docs/market-rules.md`, step 2. Mid-market rate: Long, Wu, Zhou & Jenkins, "Peer-to-peer energy trading in a
community microgrid", 2017. Supply-demand ratio: Liu, Yu, Wang, Li, Ma & Lei, "Energy-sharing model with price-based
demand response for microgrids of peer-to-peer prosumers", 2017.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import part
from voltadesk.engine.rounding import discounted_tick, midpoint_tick
from voltadesk.engine.tables import (
    COMMUNITY_DISCOUNT,
    COMMUNITY_MID_MARKET,
)

RATIO_DIGITS = 5  # the ratio of supply to demand is taken in steps of 1e-5, which keeps the products in 64 bits
RATIO_SCALE = 10**RATIO_DIGITS


@part
def supply_demand_ratio_tick(sell_tick: int, buy_tick: int, supply_wh: int, demand_wh: int) -> int:
    """Community price by the ratio of supply to demand: `sell_tick` in plenty, towards `buy_tick` in want [tick].

    Where the grid pays nothing or less for surplus the formula has no meaning and its limit, `sell_tick`, stands.
    """
    if supply_wh >= demand_wh or sell_tick <= 0:
        return sell_tick
    ratio, rest_wh = 0, supply_wh
    for _ in range(RATIO_DIGITS):  # digit by digit: a whole country's supply times the scale would leave 64 bits
        rest_wh *= 10
        ratio = 10 * ratio + rest_wh // demand_wh
        rest_wh %= demand_wh
    return sell_tick * buy_tick * RATIO_SCALE // ((buy_tick - sell_tick) * ratio + sell_tick * RATIO_SCALE)


@part
def community_price_tick(rules: Any, quote_tick: int, supply_wh: int, demand_wh: int) -> int:
    """Community price from the operator's quote under the rule in force [tick]."""
    buy_tick = quote_tick + rules.margin_tick + rules.grid_fee_tick + rules.levy_tick
    if rules.community_rule == COMMUNITY_DISCOUNT:
        return discounted_tick(quote_tick, rules.community_discount_bp)
    if rules.community_rule == COMMUNITY_MID_MARKET:
        return midpoint_tick(quote_tick, buy_tick)
    return supply_demand_ratio_tick(quote_tick, buy_tick, supply_wh, demand_wh)


@part
def take_part(
    rules: Any,
    home: Any,
    price_tick: int,
    short_wh: NDArray[np.int64],
    flexible_bid_wh: NDArray[np.int64],
    surplus_wh: NDArray[np.int64],
    offered_wh: NDArray[np.int64],
    wanted_wh: NDArray[np.int64],
) -> tuple[int, int]:
    """What each home offers and wants at the community price; arrays (H,) [Wh], the last two are written.

    Returns the sums offered and wanted [Wh].
    """
    offered, wanted = 0, 0
    # What a seller keeps of 1 MWh, in 1e-4 ticks; a fee is never negative.
    kept = price_tick * 10_000 - max(0, price_tick) * rules.community_fee_bp
    flexible_price_tick = price_tick + rules.community_grid_fee_tick + rules.community_levy_tick
    for h in range(home.shape[0]):
        row = home[h]
        offered_wh[h] = 0
        wanted_wh[h] = 0
        if row.in_community:
            if kept >= row.offer_limit_tick * 10_000:
                offered_wh[h] = surplus_wh[h]
            wanted_wh[h] = short_wh[h]
            if flexible_price_tick <= row.flexible_limit_tick:
                wanted_wh[h] += flexible_bid_wh[h]
            offered += offered_wh[h]
            wanted += wanted_wh[h]
    return offered, wanted
