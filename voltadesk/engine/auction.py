"""Call auctions: one price for everybody, found without sorting, and two other ways of pricing.

Orders of both sides stand in one pair of arrays: a limit price and a signed energy, positive for a bid, negative for
an offer, 0 for none. They stand in the order of their ids, since the last watt-hours of a shared margin go to those
that stand first; nothing else depends on the order.

Let A(p) be the energy of ALL orders, bids and offers together, with a limit at or below p, and D the energy of all
bids. Supply up to p covers demand above p exactly where A(<= p) >= D, and demand from p covers supply below p exactly
where A(< p) <= D. So the clearing prices are the D-quantile of the merged orders, one weighted selection (M-th price
rule: Wurman, Walsh & Wellman, Flexible double auctions, Decision Support Systems 24, 1998; in linear time: Garg &
Sarswat, arXiv 2403.03046). Any of these prices gives the largest welfare, and only orders at exactly the price are
rationed.

Energy is limited to 2**56 Wh in all (72 PWh); welfare is exact while energy x (cap - floor) stays below 2**63.
"""

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import kernel, part
from voltadesk.engine.fills import settle, share_at_one_price, split
from voltadesk.engine.quantile import band, bisect, enclose, next_price
from voltadesk.engine.rounding import average_price_up_tick, midpoint_tick

RULE_MIDPOINT = 0
RULE_LOWEST = 1
RULE_HIGHEST = 2

PRICING_UNIFORM = 0
PRICING_VERTICAL_DEMAND = 1
PRICING_PAY_AS_BID = 2

ENERGY_LIMIT_WH = 1 << 56  # exclusive, all orders of an auction together; see pro_rata.SHARE_LIMIT

_SMALL = 2_500  # orders; above, a sample pays


# Kernels for users ----------------------------------------------------------------------------------------------------
@kernel
def clear(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    floor_tick: int,
    cap_tick: int,
    rule: int,
    fill_wh: NDArray[np.int64],
) -> tuple[int, int, int, int, int]:
    """Clears a two-sided call auction at one price: most welfare, then most energy.

    price_tick   int64[n], limit price [0.01/MWh], floor_tick <= price_tick <= cap_tick
    quantity_wh  int64[n], > 0 a bid, < 0 an offer, 0 no order [Wh]; in all below 2**56
    rule         which price of the range that clears: RULE_MIDPOINT (halves to even), RULE_LOWEST or RULE_HIGHEST
    fill_wh      int64[n], out: energy traded by each order, >= 0 [Wh]

    Returns (volume_wh, price_tick, price_low_tick, price_high_tick, welfare_e8). The range is [max(dearest accepted
    offer, dearest rejected bid, floor), min(cheapest accepted bid, cheapest rejected offer, cap)], where an order
    filled in part is both accepted and rejected. Volume 0 means no trade and no price: all is 0.

    Orders at exactly the price on the longer side share what is left by largest remainder, ties to the lower index.
    Welfare is the sum of limit x fill over bids less that over offers [1e-8 currency].
    """
    first, last = floor_tick, cap_tick
    if len(price_tick) > _SMALL:
        first, last = enclose(price_tick, quantity_wh, floor_tick, cap_tick)
    few_tick, few_wh, few_fill_wh = price_tick, quantity_wh, fill_wh
    index = np.empty(0, np.int32)
    bought, sold, welfare = 0, 0, 0
    apart = first < last and (first > floor_tick or last < cap_tick)
    if apart:
        first, last, demand, below, bought, sold, welfare, index = _set_apart(
            price_tick, quantity_wh, floor_tick, cap_tick, first, last, fill_wh
        )
        few_tick, few_wh, few_fill_wh = _taken(price_tick, index), _taken(quantity_wh, index), _taken(fill_wh, index)
        _, _, within = band(few_tick, few_wh, first, last)
    else:
        demand, below, within = band(price_tick, quantity_wh, first, last)
        if demand <= below or demand > below + within:
            first, last = floor_tick, cap_tick
            demand, below, within = band(price_tick, quantity_wh, first, last)
        assert below + within < ENERGY_LIMIT_WH
        if first == last and below == 0 and (price_tick == first).all():
            return share_at_one_price(first, demand, within - demand, quantity_wh, fill_wh)
    if demand == 0:
        fill_wh[:] = 0
        return 0, 0, 0, 0, 0
    low, reached = bisect(few_tick, few_wh, demand - below, within, first, last)
    high = low
    if below + reached == demand:  # so every price up to the next order's clears as well
        high = next_price(price_tick, quantity_wh, low, cap_tick)
    price = price_by_rule(low, high, rule)
    _, total, more_bought, more_sold, more, margin = split(few_tick, few_wh, price, price, few_fill_wh)
    assert total < ENERGY_LIMIT_WH
    volume, at_price = settle(
        few_tick, few_wh, margin, price, price, bought + more_bought, sold + more_sold, few_fill_wh
    )
    for k in range(len(index)):
        fill_wh[index[k]] = few_fill_wh[k]
    if volume == 0:
        return 0, 0, 0, 0, 0
    return volume, price, low, high, welfare + more + at_price


@kernel
def clearing_price(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], floor_tick: int, cap_tick: int, rule: int
) -> tuple[int, int, int, int]:
    """What `clear` would say, without fills: (volume_wh, price_tick, price_low_tick, price_high_tick)."""
    fill_wh = np.empty(len(price_tick), np.int64)
    volume, price, low, high, _ = clear(price_tick, quantity_wh, floor_tick, cap_tick, rule, fill_wh)
    return volume, price, low, high


@kernel
def clear_by(
    pricing: int,
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    floor_tick: int,
    cap_tick: int,
    rule: int,
    fill_wh: NDArray[np.int64],
    seller_tick: NDArray[np.int64],
) -> tuple[int, int, int, int, int, int]:
    """Clears by one of the pricing models; arrays and preconditions as in `clear`.

    PRICING_UNIFORM          one price for all: `clear`.
    PRICING_VERTICAL_DEMAND  the price is that of the offer at which offers in rising price first cover the energy of
                             ALL bids, the cap where all offers together do not. Bids with a limit of at least that
                             price are served (shared by largest remainder if short), offers are taken in rising
                             price. A price range of one price; `rule` plays no part.
    PRICING_PAY_AS_BID       filled as uniform; an accepted offer is paid its own limit, every buyer pays the average
                             of that rounded up to the tick, which is also the price reported; what the rounding
                             leaves (volume x price less the sum of fill x limit over offers) is the caller's to post.

    seller_tick  int64[n], out: what each accepted offer is paid; 0 for all other orders [0.01/MWh]

    Returns (volume_wh, price_tick, price_low_tick, price_high_tick, welfare_e8, buyer_tick), where buyer_tick is what
    every buyer pays. Volume 0 means no trade and no price: all is 0.
    """
    if pricing == PRICING_VERTICAL_DEMAND:
        volume, price, welfare = clear_vertical(price_tick, quantity_wh, floor_tick, cap_tick, fill_wh)
        low, high = price, price
    else:
        volume, price, low, high, welfare = clear(price_tick, quantity_wh, floor_tick, cap_tick, rule, fill_wh)
    if volume == 0:
        seller_tick[:] = 0
        return 0, 0, 0, 0, 0, 0
    paid_e8 = 0
    for i in range(len(price_tick)):
        sells = quantity_wh[i] < 0 and fill_wh[i] > 0
        own = price_tick[i] if pricing == PRICING_PAY_AS_BID else price
        seller_tick[i] = own if sells else 0
        paid_e8 += seller_tick[i] * fill_wh[i]
    if pricing == PRICING_PAY_AS_BID:
        price = average_price_up_tick(int(paid_e8), volume)
        low, high = price, price
    return volume, price, low, high, welfare, price


@kernel
def clear_many(
    offset: NDArray[np.int64],
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    floor_tick: int,
    cap_tick: int,
    rule: int,
    fill_wh: NDArray[np.int64],
    volume_out_wh: NDArray[np.int64],
    price_out_tick: NDArray[np.int64],
    low_out_tick: NDArray[np.int64],
    high_out_tick: NDArray[np.int64],
    welfare_out_e8: NDArray[np.int64],
) -> None:
    """`clear` for m markets that have nothing to do with each other; market k is orders offset[k] to offset[k + 1].

    offset       int64[m + 1], rising from 0 to n
    *_out_*      int64[m], out: what `clear` returns for each market
    """
    for k in range(len(offset) - 1):
        begin, end = offset[k], offset[k + 1]
        volume, price, low, high, welfare = clear(
            price_tick[begin:end], quantity_wh[begin:end], floor_tick, cap_tick, rule, fill_wh[begin:end]
        )
        volume_out_wh[k] = volume
        price_out_tick[k] = price
        low_out_tick[k] = low
        high_out_tick[k] = high
        welfare_out_e8[k] = welfare


# The price ------------------------------------------------------------------------------------------------------------
@part
def price_by_rule(low_tick: int, high_tick: int, rule: int) -> int:
    """The price of a range that a rule chooses."""
    if rule == RULE_LOWEST:
        return low_tick
    if rule == RULE_HIGHEST:
        return high_tick
    return int(midpoint_tick(low_tick, high_tick))


@part
def _set_apart(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    floor_tick: int,
    cap_tick: int,
    first: int,
    last: int,
    fill_wh: NDArray[np.int64],
) -> tuple[int, int, int, int, int, int, int, NDArray[np.int32]]:
    """Fills, in one pass, what is better than any price near the clearing price; the rest is a small auction.

    The clearing price most likely lies from `first` to `last`; a wrong guess costs another pass.
    Returns first and last as they hold, energy of all bids, A(< first), energy bought and sold, welfare, and which
    orders lie from first to last.
    """
    while True:
        demand, total, bought, sold, welfare, index = split(price_tick, quantity_wh, first, last, fill_wh)
        assert total < ENERGY_LIMIT_WH
        within, bids_within = 0, 0
        for k in range(len(index)):
            within += abs(quantity_wh[index[k]])
            bids_within += max(quantity_wh[index[k]], 0)
        # Bids that are neither above the range nor in it lie below it, so A(< first) needs no pass of its own.
        below = sold + demand - bought - bids_within
        further = 16 * (last - first + 1)
        if demand <= below and first > floor_tick:
            first, last = max(first - further, floor_tick), first - 1
        elif demand > below + within:
            first, last = last + 1, min(last + further, cap_tick)
        else:
            return first, last, demand, below, bought, sold, welfare, index


@part
def _taken(values: NDArray[np.int64], index: NDArray[np.int32]) -> NDArray[np.int64]:
    """The values at an index, as an array of their own."""
    taken = np.empty(len(index), np.int64)
    for k in range(len(index)):
        taken[k] = values[index[k]]
    return taken


@part
def clear_vertical(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    floor_tick: int,
    cap_tick: int,
    fill_wh: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Stepwise supply against total demand: (volume, price, welfare); see `clear_by`."""
    demand, _, total = band(price_tick, quantity_wh, floor_tick, cap_tick)
    assert total < ENERGY_LIMIT_WH
    supply = total - demand
    if demand == 0 or supply == 0:
        fill_wh[:] = 0
        return 0, 0, 0
    offer_wh = np.minimum(quantity_wh, 0)
    price = cap_tick
    if supply >= demand:
        price, _ = bisect(price_tick, offer_wh, demand, supply, floor_tick, cap_tick)
    able = 0
    for i in range(len(price_tick)):
        able += max(quantity_wh[i], 0) if price_tick[i] >= price else 0
    if able == 0:
        fill_wh[:] = 0
        return 0, 0, 0
    # Fewer bids than the total demand may be served; then the last offer taken is cheaper than the price.
    last, _ = bisect(price_tick, offer_wh, min(able, supply), supply, floor_tick, cap_tick)
    _, _, bought, sold, welfare, index = split(price_tick, quantity_wh, last, price, fill_wh)
    volume, more = settle(price_tick, quantity_wh, index, price, last, bought, sold, fill_wh)
    return volume, price, welfare + more
