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

_BLOCK = 2_048  # orders filled in one go; prices, energies and fills of a block fit into the nearest cache
_SMALL = 2_500  # orders; above, a sample pays
_SAMPLE = 1.0  # x n**(2/3) orders looked at first
_TELLING = 0.35  # part of the orders; a sample that leaves more in question tells too little
_CROWDED = 1 / 64  # part of the orders; more of them are worth another guess, fewer are taken as they are


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
    if len(price_tick) > _SMALL:
        left, right, part_between = _bracket(price_tick, quantity_wh, floor_tick, cap_tick)
        if part_between < _TELLING:
            outcome: tuple[int, int, int, int, int] = _clear_large(
                price_tick,
                quantity_wh,
                floor_tick,
                cap_tick,
                rule,
                fill_wh,
                left,
                right,
                part_between > _CROWDED,
            )
            return outcome
    # Few orders, or a few so large among many that a sample says nothing.
    demand, _, total = _band(price_tick, quantity_wh, floor_tick, cap_tick)
    assert total < ENERGY_LIMIT_WH
    if demand == 0:
        fill_wh[:] = 0
        return 0, 0, 0, 0, 0
    low, reached = _bisect(price_tick, quantity_wh, demand, total, floor_tick, cap_tick)
    high = low
    if reached == demand:  # so every price up to the next order's clears as well
        high = _next_price(price_tick, quantity_wh, low, cap_tick)
    price = _price_by_rule(low, high, rule)
    _, _, bought, sold, welfare, margin = _split(price_tick, quantity_wh, price, price, fill_wh)
    volume, more = _settle(price_tick, quantity_wh, margin, price, price, bought, sold, fill_wh)
    if volume == 0:
        return 0, 0, 0, 0, 0
    return volume, price, low, high, welfare + more


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
    return int(midpoint_tick(low_tick, high_tick))


@part
def _clear_large(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    floor_tick: int,
    cap_tick: int,
    rule: int,
    fill_wh: NDArray[np.int64],
    left: int,
    right: int,
    crowded: bool,
) -> tuple[int, int, int, int, int]:
    """As `clear`, in one pass over all orders and a little work on a few of them.

    A sample says between which two prices, `left` and `right`, the clearing price lies (Floyd & Rivest, Expected time
    bounds for selection, CACM 18, 1975, with weights). One reading of the orders finds out whether it does, or rather
    is one of the two, as where many share a price; and if `crowded`, whereabouts it lies. The pass then fills what is
    better than any price near there and sets apart the orders near there, which are a small auction of their own.
    A guess that was wrong costs another pass.
    """
    demand, below, within = _band(price_tick, quantity_wh, left + 1, right - 1)
    bottom, top = floor_tick, cap_tick
    if demand <= below:
        first, last = left, left
    elif demand > below + within:
        first, last = right, right
    else:
        bottom, top = left + 1, right - 1
        first, last = bottom, top
        if crowded:
            guess = bottom + int((top - bottom) * ((demand - below) / within))
            first, last = max(guess - (top - bottom) // 16, bottom), min(guess + (top - bottom) // 16, top)
    while True:
        demand, total, bought, sold, welfare, index = _split(price_tick, quantity_wh, first, last, fill_wh)
        assert total < ENERGY_LIMIT_WH
        if demand == 0:
            return 0, 0, 0, 0, 0
        within, bids_within = 0, 0
        for k in range(len(index)):
            within += abs(quantity_wh[index[k]])
            bids_within += max(quantity_wh[index[k]], 0)
        # Bids that are neither above the range nor in it lie below it, so A(< first) needs no pass of its own.
        below = sold + demand - bought - bids_within
        if demand <= below:
            first, last = bottom, first - 1
        elif demand > below + within:
            first, last = last + 1, top
        else:
            break
    low, reached = first, within
    if first < last:
        few_price, few_quantity = np.empty(len(index), np.int64), np.empty(len(index), np.int64)
        for k in range(len(index)):
            few_price[k] = price_tick[index[k]]
            few_quantity[k] = quantity_wh[index[k]]
        low, reached = _bisect(few_price, few_quantity, demand - below, within, first, last)
    high = low
    if below + reached == demand:
        high = _next_price(price_tick, quantity_wh, low, cap_tick)
    price = _price_by_rule(low, high, rule)
    volume, more = _settle(price_tick, quantity_wh, index, price, price, bought, sold, fill_wh)
    if volume == 0:
        return 0, 0, 0, 0, 0
    return volume, price, low, high, welfare + more


@part
def _bracket(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], floor_tick: int, cap_tick: int
) -> tuple[int, int, float]:
    """Two prices that most likely enclose the clearing price, and what part of the orders lies between them.

    They are the clearing prices of a sample if its demand were less or more by 1.5 x the root of its squared energies,
    which is at least two standard errors.
    """
    n = len(price_tick)
    count = int(_SAMPLE * n ** (2 / 3))
    price, quantity = np.empty(count, np.int64), np.empty(count, np.int64)
    step = n // count
    jitter = 1
    squares = 0.0
    for k in range(count):
        # One order from each stretch of the array, not all at the same place: ids often have a rhythm.
        jitter = (jitter * 1103515245 + 12345) & 0x7FFFFFFF
        i = k * step + ((jitter >> 8) * step >> 23)
        price[k] = price_tick[i]
        quantity[k] = quantity_wh[i]
        squares += float(quantity[k]) * float(quantity[k])
    demand, _, total = _band(price, quantity, floor_tick, cap_tick)
    margin = int(1.5 * sqrt(squares))
    left, right = floor_tick, cap_tick
    if demand > margin:
        left, _ = _bisect(price, quantity, demand - margin, total, floor_tick, cap_tick)
    if demand + margin <= total:
        right, _ = _bisect(price, quantity, demand + margin, total, left, cap_tick)
    between = 0
    for k in range(count):
        between += int(price[k] > left) & int(price[k] < right)
    return left, right, between / count


@part
def _split(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], left: int, right: int, fill_wh: NDArray[np.int64]
) -> tuple[int, int, int, int, int, NDArray[np.int32]]:
    """Fills bids above `right` and offers below `left`, nothing else, and finds the orders from `left` to `right`.

    Returns the energy of all bids and of all orders, energy bought, energy sold and its welfare, and which orders lie
    from left to right.
    """
    n = len(price_tick)
    index = np.empty(n + 1, np.int32)
    near = np.zeros(_BLOCK, np.uint8)
    eight = near.view(np.uint64)
    demand, total, bought, sold, welfare, count = 0, 0, 0, 0, 0, 0
    for begin in range(0, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        price, quantity = price_tick[begin:end], quantity_wh[begin:end]
        block = _fill_block(price, quantity, left, right, fill_wh[begin:end], near)
        demand += block[0]
        total += block[1]
        bought += block[2]
        sold += block[3]
        welfare += block[4]
        # Eight marks at a time: most often none of them is set.
        for word in range((end - begin) // 8):
            if eight[word] != 0:
                for i in range(word * 8, word * 8 + 8):
                    index[count] = begin + i
                    count += near[i]
        for i in range((end - begin) // 8 * 8, end - begin):
            index[count] = begin + i
            count += near[i]
    return demand, total, bought, sold, welfare, index[:count]


@part
def _fill_block(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    left: int,
    right: int,
    fill_wh: NDArray[np.int64],
    near: NDArray[np.uint8],
) -> tuple[int, int, int, int, int]:
    """Fills bids above `right` and offers below `left`, and marks orders from left to right in `near`.

    Returns the energy of bids and of all orders, energy bought and sold, and the welfare. No branches, so that it
    becomes vector code.
    """
    demand, total, bought, sold, welfare = 0, 0, 0, 0, 0
    for i in range(len(price_tick)):
        bid, offer = max(quantity_wh[i], 0), max(-quantity_wh[i], 0)
        buys = bid if price_tick[i] > right else 0
        sells = offer if price_tick[i] < left else 0
        fill_wh[i] = buys + sells
        demand += bid
        total += bid + offer
        bought += buys
        sold += sells
        welfare += (buys - sells) * price_tick[i]
    for i in range(len(price_tick)):
        near[i] = np.uint8((price_tick[i] >= left) & (price_tick[i] <= right))
    return demand, total, bought, sold, welfare


@part
def _band(price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], left: int, right: int) -> tuple[int, int, int]:
    """Energy of all bids, A(< left), and the energy of all orders from left to right."""
    demand, below, to_right = 0, 0, 0
    for i in range(len(price_tick)):
        energy = abs(quantity_wh[i])
        demand += energy if quantity_wh[i] > 0 else 0
        below += energy if price_tick[i] < left else 0
        to_right += energy if price_tick[i] <= right else 0
    return demand, below, to_right - below


@part
def _bisect(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], target_wh: int, total_wh: int, low: int, high: int
) -> tuple[int, int]:
    """The lowest price p with A(<= p) >= target, and that A.

    All prices lie within [low, high]; 0 < target <= total, the energy of all orders here. Each step splits
    [low, high], twice in proportion to the energy and once in half, and snaps its ends to the prices there are.
    """
    short, reached = 0, total_wh  # Invariant: A(< low) = short < target <= reached = A(<= high)
    step = 0
    while low < high:
        step += 1
        middle = (low + high) >> 1
        if step % 3 > 0:
            guess = low + int((high - low) * ((target_wh - short) / (reached - short)))
            middle = min(guess, high - 1)
        energy, below, above = 0, low, high
        for i in range(len(price_tick)):
            inside = price_tick[i] <= middle
            energy += abs(quantity_wh[i]) if inside else 0
            below = max(below, price_tick[i] if inside else low)
            above = min(above, high if inside else price_tick[i])
        if energy >= target_wh:
            high, reached = below, energy
        else:
            low, short = above, energy
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
def _clear_vertical(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    floor_tick: int,
    cap_tick: int,
    fill_wh: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Stepwise supply against total demand: (volume, price, welfare); see `clear_by`."""
    demand, _, total = _band(price_tick, quantity_wh, floor_tick, cap_tick)
    assert total < ENERGY_LIMIT_WH
    supply = total - demand
    if demand == 0 or supply == 0:
        fill_wh[:] = 0
        return 0, 0, 0
    offer_wh = np.minimum(quantity_wh, 0)
    price = cap_tick
    if supply >= demand:
        price, _ = _bisect(price_tick, offer_wh, demand, supply, floor_tick, cap_tick)
    able = 0
    for i in range(len(price_tick)):
        able += max(quantity_wh[i], 0) if price_tick[i] >= price else 0
    if able == 0:
        fill_wh[:] = 0
        return 0, 0, 0
    # Fewer bids than the total demand may be served; then the last offer taken is cheaper than the price.
    last, _ = _bisect(price_tick, offer_wh, min(able, supply), supply, floor_tick, cap_tick)
    _, _, bought, sold, welfare, index = _split(price_tick, quantity_wh, last, price, fill_wh)
    volume, more = _settle(price_tick, quantity_wh, index, price, last, bought, sold, fill_wh)
    return volume, price, welfare + more


# The energy -----------------------------------------------------------------------------------------------------------
@part
def _settle(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    index: NDArray[np.int32],
    bid_tick: int,
    offer_tick: int,
    bought_wh: int,
    sold_wh: int,
    fill_wh: NDArray[np.int64],
) -> tuple[int, int]:
    """Fills, of the orders in `index`, bids above `bid_tick`, offers below `offer_tick`, and as much as can be at it.

    `bought_wh` and `sold_wh` are filled already. The volume is the smaller of what bids from `bid_tick` up and offers
    up to `offer_tick` come to, and no less than what is filled in full on either side.
    Returns (volume_wh, welfare_e8 of the orders in `index`).
    """
    welfare, bids_at, offers_at = 0, 0, 0
    for k in range(len(index)):
        price, quantity = price_tick[index[k]], quantity_wh[index[k]]
        # Products instead of branches, which nothing could foretell here.
        bid, offer = max(quantity, 0), max(-quantity, 0)
        buys, sells = bid * int(price > bid_tick), offer * int(price < offer_tick)
        fill_wh[index[k]] = buys + sells
        bought_wh += buys
        sold_wh += sells
        welfare += (buys - sells) * price
        bids_at += bid * int(price == bid_tick)
        offers_at += offer * int(price == offer_tick)
    volume = min(bought_wh + bids_at, sold_wh + offers_at)
    one = 1 if volume - bought_wh == bids_at else -1
    for side in (one, -one):  # the side that is served in full goes first, as sharing out uses up the index
        at_tick, left, wanted = bid_tick, volume - bought_wh, int(bids_at)
        if side < 0:
            at_tick, left, wanted = offer_tick, volume - sold_wh, int(offers_at)
        if left > 0:
            _fill_margin(price_tick, quantity_wh, index, at_tick, side, left, wanted, fill_wh)
        welfare += side * at_tick * left
    return volume, welfare


@part
def _fill_margin(
    price_tick: NDArray[np.int64],
    quantity_wh: NDArray[np.int64],
    index: NDArray[np.int32],
    at_tick: int,
    side: int,
    energy_wh: int,
    wanted_wh: int,
    fill_wh: NDArray[np.int64],
) -> None:
    """Shares out `energy_wh` among the orders of one side (1 bids, -1 offers) at exactly `at_tick`.

    Where that is less than `wanted_wh`, what they want, `index` is overwritten.
    """
    if energy_wh == wanted_wh:
        for k in range(len(index)):
            energy = side * quantity_wh[index[k]] * int(price_tick[index[k]] == at_tick)
            fill_wh[index[k]] += max(energy, 0)
        return
    weight = np.empty(len(index) + 1, np.int64)
    count = 0
    for k in range(len(index)):
        energy = side * quantity_wh[index[k]] * int(price_tick[index[k]] == at_tick)
        index[count] = index[k]
        weight[count] = energy
        count += int(energy > 0)
    if count == 1:
        fill_wh[index[0]] = energy_wh
        return
    share = np.empty(count, np.int64)
    share_out(energy_wh, weight[:count], share)
    for k in range(count):
        fill_wh[index[k]] = share[k]
