"""What one more order would come to in the coming auction, as its curves stand.

The rules are those of `docs/market-rules.md`, "Clearing". Power plants that must run whole, and the last Wh of what
is shared at the price, are decided in the auction itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voltadesk.desk.indicative import Indicative
from voltadesk.units import average_price_up_tick, midpoint_tick

Ints64 = NDArray[np.int64]


@dataclass(frozen=True)
class Rules:
    """How the auction is cleared; the margin is what a buyer pays on top of its price [tick]."""

    pricing: str
    price_rule: str
    floor_tick: int
    cap_tick: int
    margin_tick: int


@dataclass(frozen=True)
class Outlook:
    """`fill_wh` of the order at `pays_tick` per MWh, margin included; `price_tick` is the auction's with the order."""

    fill_wh: int
    price_tick: int | None  # None: nothing would trade
    pays_tick: int | None  # or receives; None: nothing would be filled


def limit_in_auction(side: str, limit_tick: int | None, rules: Rules) -> int | None:
    """The price that an order stands at: a bid's is less the margin. None where it can't stand in the auction."""
    if side == "sell":
        return rules.floor_tick if limit_tick is None else max(limit_tick, rules.floor_tick)
    tick = (rules.cap_tick if limit_tick is None else limit_tick) - rules.margin_tick
    return min(tick, rules.cap_tick) if tick >= rules.floor_tick else None


def outlook(coming: Indicative, rules: Rules, side: str, quantity_wh: int, limit_tick: int | None) -> Outlook:
    """The coming auction with an order [Wh, tick; without a limit it takes any price] added."""
    own_tick, is_buy = limit_in_auction(side, limit_tick, rules), side == "buy"
    own = [] if own_tick is None else [(own_tick, quantity_wh)]
    levels = np.unique(np.concatenate([coming.offer_tick, coming.bid_tick, np.array([p for p, _ in own], np.int64)]))
    bid_wh = _at(levels, coming.bid_tick, coming.bid_wh, own if is_buy else [])
    offer_wh = _at(levels, coming.offer_tick, coming.offer_wh, [] if is_buy else own)
    clear = _vertical if rules.pricing == "vertical-demand" else _uniform
    found = clear(levels, bid_wh, offer_wh, rules)
    if found is None:
        return Outlook(0, None, None)
    price_tick, bid_tick, offer_tick = found
    bought_wh, bids_at_wh = int(bid_wh[levels > bid_tick].sum()), int(bid_wh[levels == bid_tick].sum())
    sold_wh, offers_at_wh = int(offer_wh[levels < offer_tick].sum()), int(offer_wh[levels == offer_tick].sum())
    volume_wh = min(bought_wh + bids_at_wh, sold_wh + offers_at_wh)
    if volume_wh == 0:
        return Outlook(0, None, None)
    if rules.pricing == "pay-as-bid":
        before = levels < offer_tick
        paid_e8 = int((levels[before] * offer_wh[before]).sum()) + offer_tick * (volume_wh - sold_wh)
        price_tick = average_price_up_tick(paid_e8, volume_wh)
    if own_tick is None:
        return Outlook(0, price_tick, None)
    if is_buy:
        fill_wh = _share(own_tick - bid_tick, quantity_wh, volume_wh - bought_wh, bids_at_wh)
        pays_tick = price_tick + rules.margin_tick
    else:
        fill_wh = _share(offer_tick - own_tick, quantity_wh, volume_wh - sold_wh, offers_at_wh)
        pays_tick = own_tick if rules.pricing == "pay-as-bid" else price_tick
    return Outlook(fill_wh, price_tick, pays_tick if fill_wh else None)


def _at(levels: Ints64, tick: Ints64, energy_wh: Ints64, more: list[tuple[int, int]]) -> Ints64:
    """Energy at each level of price."""
    sums = np.zeros(len(levels), np.int64)
    np.add.at(sums, np.searchsorted(levels, tick), energy_wh)
    for price, energy in more:
        sums[np.searchsorted(levels, price)] += energy
    return sums


def _uniform(levels: Ints64, bid_wh: Ints64, offer_wh: Ints64, rules: Rules) -> tuple[int, int, int] | None:
    """The price, and the prices at which bids and offers share what is left: all the same."""
    demand_wh = int(bid_wh.sum())
    if not demand_wh:
        return None
    below_wh = np.cumsum(bid_wh + offer_wh)
    at = int(np.searchsorted(below_wh, demand_wh))
    low_tick = high_tick = int(levels[at])
    if int(below_wh[at]) == demand_wh:
        high_tick = int(levels[at + 1]) if at + 1 < len(levels) else rules.cap_tick
    price_tick = {"lowest": low_tick, "highest": high_tick}.get(rules.price_rule)
    if price_tick is None:
        price_tick = midpoint_tick(low_tick, high_tick)
    return price_tick, price_tick, price_tick


def _vertical(levels: Ints64, bid_wh: Ints64, offer_wh: Ints64, rules: Rules) -> tuple[int, int, int] | None:
    """The price at which offers cover all bids, which serves bids from there on; offers are taken up to the last."""
    offered_wh = np.cumsum(offer_wh)
    supply_wh = int(offered_wh[-1]) if len(levels) else 0
    demand_wh = int(bid_wh.sum())
    if not supply_wh or not demand_wh:
        return None
    price_tick = rules.cap_tick
    if supply_wh >= demand_wh:
        price_tick = int(levels[int(np.searchsorted(offered_wh, demand_wh))])
    able_wh = int(bid_wh[levels >= price_tick].sum())
    if not able_wh:
        return None
    last = int(np.searchsorted(offered_wh, min(able_wh, supply_wh)))
    return price_tick, price_tick, int(levels[last])


def _share(better_by: int, quantity_wh: int, left_wh: int, wanted_wh: int) -> int:
    """What an order gets that is so much better than the price at which `left_wh` is shared among `wanted_wh`."""
    if better_by:
        return quantity_wh if better_by > 0 else 0
    return quantity_wh * left_wh // wanted_wh
