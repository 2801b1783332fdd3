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

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import kernel, part
from voltadesk.engine.pro_rata import share_out
from voltadesk.engine.rounding import average_price_up_tick, midpoint_tick

RULE_MIDPOINT = 0
RULE_LOWEST = 1
RULE_HIGHEST = 2

PRICING_UNIFORM = 0
PRICING_VERTICAL_DEMAND = 1
PRICING_PAY_AS_BID = 2

ENERGY_LIMIT_WH = 1 << 56  # exclusive, all orders of an auction together; see pro_rata.SHARE_LIMIT

_BLOCK = 512  # orders allocated in one go; prices and energies of a block stay in the nearest cache
_SMALL = 768  # orders; above, a sample pays
_SAMPLE = 0.7  # x n**(2/3) orders looked at first
_ROUNDS = 8


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
    low, high = _price_range(price_tick, quantity_wh, floor_tick, cap_tick)
    if low > high:
        fill_wh[:] = 0
        return 0, 0, 0, 0, 0
    price = _price_by_rule(low, high, rule)
    volume, welfare = _allocate(price_tick, quantity_wh, price, price, fill_wh)
    if volume == 0:
        return 0, 0, 0, 0, 0
    return volume, price, low, high, welfare


@kernel
def clearing_price(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], floor_tick: int, cap_tick: int, rule: int
) -> tuple[int, int, int, int]:
    """What `clear` would say, without fills: (volume_wh, price_tick, price_low_tick, price_high_tick)."""
    low, high = _price_range(price_tick, quantity_wh, floor_tick, cap_tick)
    if low > high:
        return 0, 0, 0, 0
    price = _price_by_rule(low, high, rule)
    bid_wh, offer_wh = _depth(price_tick, quantity_wh, price)
    if min(bid_wh, offer_wh) == 0:
        return 0, 0, 0, 0
    return min(bid_wh, offer_wh), price, low, high


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
        volume, price, welfare = _clear_vertical(price_tick, quantity_wh, floor_tick, cap_tick, fill_wh)
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
def _price_by_rule(low_tick: int, high_tick: int, rule: int) -> int:
    """The price of a range that a rule chooses."""
    if rule == RULE_LOWEST:
        return low_tick
    if rule == RULE_HIGHEST:
        return high_tick
    return midpoint_tick(low_tick, high_tick)


@part
def _price_range(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], floor_tick: int, cap_tick: int
) -> tuple[int, int]:
    """Lowest and highest price that clears; (1, 0), an empty range, where there are no bids or no offers."""
    demand, total = _totals(quantity_wh)
    assert total < ENERGY_LIMIT_WH
    if demand == 0 or demand == total:
        return 1, 0
    low, reached = _quantile(price_tick, quantity_wh, demand, total, floor_tick, cap_tick)
    if reached > demand:
        return low, low
    # A(<= low) is exactly the demand: every price up to the next order's clears as well.
    return low, _next_price(price_tick, quantity_wh, low, cap_tick)


@part
def _totals(quantity_wh: NDArray[np.int64]) -> tuple[int, int]:
    """Energy of the bids, and of all orders."""
    demand, total = 0, 0
    for i in range(len(quantity_wh)):
        demand += max(quantity_wh[i], 0)
        total += abs(quantity_wh[i])
    return demand, total


@part
def _quantile(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], target_wh: int, total_wh: int, low: int, high: int
) -> tuple[int, int]:
    """The lowest price p with A(<= p) >= target, and that A.

    All prices lie within [low, high]; 0 < target <= total, the energy of all orders here.

    Many orders are thinned out first: two prices of a sample enclose the target, one pass says what lies below and at
    each, and only orders between them go on (Floyd & Rivest, Expected time bounds for selection, CACM 18, 1975, with
    weights). Where many orders share a price, the sample hits that price and the search ends there. A sample that
    misses costs one more round, and rounds are counted; the rest is left to bisection.
    """
    base = 0  # energy of the orders already cut off below
    for _ in range(_ROUNDS):
        if len(price_tick) <= _SMALL:
            break
        left, right = _bracket(price_tick, quantity_wh, target_wh / total_wh, low, high)
        below_left, to_left, below_right, to_right = _energy_at(price_tick, quantity_wh, left, right)
        if below_left < target_wh <= to_left:
            return left, base + to_left
        if below_right < target_wh <= to_right:
            return right, base + to_right
        if target_wh <= below_left:
            high, total_wh, cut = left - 1, below_left, 0
        elif target_wh <= below_right:
            low, high, total_wh, cut = left + 1, right - 1, below_right - to_left, to_left
        else:
            low, total_wh, cut = right + 1, total_wh - to_right, to_right
        base += cut
        target_wh -= cut
        price_tick, quantity_wh = _between(price_tick, quantity_wh, low, high)
    price, reached = _bisect(price_tick, quantity_wh, target_wh, total_wh, low, high)
    return price, base + reached


@part
def _bracket(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], part: float, low: int, high: int
) -> tuple[int, int]:
    """Two prices between which A most likely reaches `part` of all energy, three standard errors of a sample apart."""
    n = len(price_tick)
    count = int(_SAMPLE * n ** (2 / 3))
    price, energy = np.empty(count, np.int64), np.empty(count, np.int64)
    step = n // count
    jitter = 1
    total, squares = 0, 0.0
    for k in range(count):
        # One order from each stretch of the array, not all at the same place: ids often have a rhythm.
        jitter = (jitter * 1103515245 + 12345) & 0x7FFFFFFF
        i = k * step + (jitter >> 8) % step
        price[k] = price_tick[i]
        energy[k] = abs(quantity_wh[i])
        total += energy[k]
        squares += float(energy[k]) * float(energy[k])
    if total == 0:
        return low, high
    margin = 1.5 * sqrt(squares)
    below, _ = _bisect(price, energy, min(max(int(total * part - margin), 1), int(total)), int(total), low, high)
    above, _ = _bisect(price, energy, min(max(int(total * part + margin), 1), int(total)), int(total), low, high)
    return below, above


@part
def _energy_at(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], left: int, right: int
) -> tuple[int, int, int, int]:
    """A(< left), A(<= left), A(< right), A(<= right)."""
    below_left, at_left, to_right, at_right = 0, 0, 0, 0
    for i in range(len(price_tick)):
        energy = abs(quantity_wh[i])
        below_left += energy if price_tick[i] < left else 0
        at_left += energy if price_tick[i] == left else 0
        to_right += energy if price_tick[i] <= right else 0
        at_right += energy if price_tick[i] == right else 0
    return below_left, below_left + at_left, to_right - at_right, to_right


@part
def _between(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], low: int, high: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The orders with low <= price <= high."""
    price, quantity = np.empty(len(price_tick) + 1, np.int64), np.empty(len(price_tick) + 1, np.int64)
    count = 0
    for i in range(len(price_tick)):
        price[count] = price_tick[i]
        quantity[count] = quantity_wh[i]
        count += int(low <= price_tick[i]) & int(price_tick[i] <= high)
    return price[:count], quantity[:count]


@part
def _bisect(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], target_wh: int, total_wh: int, low: int, high: int
) -> tuple[int, int]:
    """As `_quantile`, by halving [low, high] and snapping its ends to the prices there are."""
    reached = total_wh  # Invariant: A(<= high) = reached >= target > A(< low)
    while low < high:
        middle = (low + high) >> 1
        energy, below, above = 0, low, high
        for i in range(len(price_tick)):
            inside = price_tick[i] <= middle
            energy += abs(quantity_wh[i]) if inside else 0
            below = max(below, price_tick[i] if inside else low)
            above = min(above, high if inside else price_tick[i])
        if energy >= target_wh:
            high, reached = below, energy
        else:
            low = above
    return low, reached


@part
def _next_price(price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], above_tick: int, cap_tick: int) -> int:
    """The lowest price of an order above a price; the cap where there is none."""
    lowest = cap_tick
    for i in range(len(price_tick)):
        counts = price_tick[i] > above_tick and quantity_wh[i] != 0
        lowest = min(lowest, price_tick[i] if counts else cap_tick)
    return lowest


@part
def _depth(price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], at_tick: int) -> tuple[int, int]:
    """Energy bid at a price or above, and energy offered at it or below."""
    bid_wh, offer_wh = 0, 0
    for i in range(len(price_tick)):
        bid_wh += max(quantity_wh[i], 0) if price_tick[i] >= at_tick else 0
        offer_wh += max(-quantity_wh[i], 0) if price_tick[i] <= at_tick else 0
    return bid_wh, offer_wh


@part
def _clear_vertical(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    floor_tick: int,
    cap_tick: int,
    fill_wh: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Stepwise supply against total demand: (volume, price, welfare); see `clear_by`."""
    demand, total = _totals(quantity_wh)
    supply = total - demand
    if demand == 0 or supply == 0:
        fill_wh[:] = 0
        return 0, 0, 0
    offer_wh = np.minimum(quantity_wh, 0)
    price = cap_tick
    if supply >= demand:
        price, _ = _quantile(price_tick, offer_wh, demand, supply, floor_tick, cap_tick)
    served = min(_depth(price_tick, quantity_wh, price)[0], supply)
    if served == 0:
        fill_wh[:] = 0
        return 0, 0, 0
    # Fewer bids than the total demand may be served; then the last offer taken is cheaper than the price.
    last, _ = _quantile(price_tick, offer_wh, served, supply, floor_tick, cap_tick)
    volume, welfare = _allocate(price_tick, quantity_wh, price, last, fill_wh)
    return volume, price, welfare


# The energy -----------------------------------------------------------------------------------------------------------
@part
def _allocate(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    bid_tick: int,
    offer_tick: int,
    fill_wh: NDArray[np.int64],
) -> tuple[int, int]:
    """Fills bids above `bid_tick` and offers below `offer_tick` in full, and those at it as far as the other side goes.

    The volume is the smaller of what bids from `bid_tick` up and offers up to `offer_tick` come to, and no less than
    what is filled in full on either side. Returns (volume_wh, welfare_e8).
    """
    n = len(price_tick)
    touched = np.empty(n // _BLOCK + 1, np.int64)  # blocks with an order at the margin
    count = 0
    bought, sold, welfare = 0, 0, 0
    bids_at, offers_at = 0, 0
    for begin in range(0, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        block_bought, block_sold, block_bids_at, block_offers_at, block_welfare = _fill_block(
            price_tick[begin:end], quantity_wh[begin:end], bid_tick, offer_tick, fill_wh[begin:end]
        )
        bought += block_bought
        sold += block_sold
        bids_at += block_bids_at
        offers_at += block_offers_at
        welfare += block_welfare
        touched[count] = begin
        count += int(block_bids_at + block_offers_at > 0)
    volume = min(bought + bids_at, sold + offers_at)
    for side in (1, -1):
        at_tick, filled, wanted = (bid_tick, bought, bids_at) if side > 0 else (offer_tick, sold, offers_at)
        if volume > filled:
            _fill_margin(
                price_tick, quantity_wh, at_tick, side, volume - filled, int(wanted), touched[:count], fill_wh
            )
    return volume, welfare + volume * (bid_tick - offer_tick)


@part
def _fill_block(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    bid_tick: int,
    offer_tick: int,
    fill_wh: NDArray[np.int64],
) -> tuple[int, int, int, int, int]:
    """Fills what is better than the margin, without branches, so that it becomes vector code.

    Returns energy bought and sold, energy bid and offered at the margin, and the worth of what is filled against it.
    """
    bought, sold, bids_at, offers_at, worth = 0, 0, 0, 0, 0
    for i in range(len(price_tick)):
        quantity = quantity_wh[i]
        is_bid = quantity > 0
        gain = price_tick[i] - bid_tick if is_bid else offer_tick - price_tick[i]
        energy = abs(quantity) if gain > 0 else 0
        at_margin = abs(quantity) if gain == 0 else 0
        fill_wh[i] = energy
        bought += energy if is_bid else 0
        sold += 0 if is_bid else energy
        bids_at += at_margin if is_bid else 0
        offers_at += 0 if is_bid else at_margin
        worth += energy * gain
    return bought, sold, bids_at, offers_at, worth


@part
def _fill_margin(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    at_tick: int,
    side: int,
    energy_wh: int,
    wanted_wh: int,
    touched: NDArray[np.int64],
    fill_wh: NDArray[np.int64],
) -> None:
    """Shares out `energy_wh` among the orders of one side (1 bids, -1 offers) at exactly `at_tick`, in these blocks."""
    n = len(price_tick)
    index = np.empty(min(n, len(touched) * _BLOCK) + 1, np.int64)
    weight = np.empty(len(index), np.int64)
    m = 0
    for k in range(len(touched)):
        for i in range(touched[k], min(touched[k] + _BLOCK, n)):
            energy = side * quantity_wh[i] if price_tick[i] == at_tick else 0
            index[m] = i
            weight[m] = energy
            m += int(energy > 0)
    if m == 1:
        fill_wh[index[0]] = energy_wh
        return
    share = weight
    if energy_wh < wanted_wh:
        share = np.empty(m, np.int64)
        share_out(energy_wh, weight[:m], share)
    for j in range(m):
        fill_wh[index[j]] = share[j]
