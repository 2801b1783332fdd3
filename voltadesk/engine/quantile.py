"""The price at which the energy of merged orders, counted from the cheapest, reaches a target: weighted selection.

Orders are pairs of a limit price and a signed energy whose sign plays no part here; A(p) is the energy of all with a
limit at or below p.
"""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import part

_TELLING = 0.35  # part of the orders; a sample that leaves more in question tells too little
_CROWDED = 1 / 64  # part of the orders; more of them are worth another guess, fewer are taken as they are
_HUGE = 50_000  # orders; above, a second look at a part of them costs less than at all
_RUN = 512  # orders of that part that stand side by side, as they come from memory together
_PART = 4  # one run in so many


@part
def enclose(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], floor_tick: int, cap_tick: int
) -> tuple[int, int]:
    """Two prices that most likely enclose the clearing price, or twice the same where many orders share it.

    A sample says where to look (Floyd & Rivest, Expected time bounds for selection, CACM 18, 1975, with weights), and
    a second reading narrows that down. Floor and cap where the sample tells nothing.
    """
    n = len(price_tick)
    count = int(n ** (2 / 3))
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
    demand, _, total = band(price, quantity, floor_tick, cap_tick)
    # The prices of the sample if its demand were less or more by at least two standard errors.
    margin = int(1.5 * sqrt(squares))
    left, right = floor_tick, cap_tick
    if demand > margin:
        left, _ = bisect(price, quantity, demand - margin, total, floor_tick, cap_tick)
    if demand + margin <= total:
        right, _ = bisect(price, quantity, demand + margin, total, left, cap_tick)
    at_left, between, at_right = 0, 0, 0
    for k in range(count):
        at_left += int(price[k] == left)
        between += int(price[k] > left) & int(price[k] < right)
        at_right += int(price[k] == right)
    if between > _TELLING * count:
        return floor_tick, cap_tick
    demand, below, within = _look_again(price_tick, quantity_wh, left + 1, right - 1)
    if demand <= below:
        return left if at_left > _CROWDED * count else max(left - (right - left), floor_tick), left
    if demand > below + within:
        return right, right if at_right > _CROWDED * count else min(right + (right - left), cap_tick)
    if between < _CROWDED * count:
        return left + 1, right - 1
    guess = left + int((right - left) * ((demand - below) / within))
    slack = (right - left) // (7 if n > _HUGE else 16)
    return max(guess - slack, left + 1), min(guess + slack, right - 1)


@part
def _look_again(
    price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], left: int, right: int
) -> tuple[int, int, int]:
    """As `band`, of all orders or, where they are very many, of an even part of them."""
    n = len(price_tick)
    length, step = (_RUN, _RUN * _PART) if n > _HUGE else (n, n)
    demand, below, within = 0, 0, 0
    for begin in range(0, n, step):
        sums = band(price_tick[begin : begin + length], quantity_wh[begin : begin + length], left, right)
        demand += sums[0]
        below += sums[1]
        within += sums[2]
    return demand, below, within


@part
def band(price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], left: int, right: int) -> tuple[int, int, int]:
    """Energy of all bids, A(< left), and the energy of all orders from left to right."""
    demand, below, to_right = 0, 0, 0
    for i in range(len(price_tick)):
        energy = abs(quantity_wh[i])
        demand += energy if quantity_wh[i] > 0 else 0
        below += energy if price_tick[i] < left else 0
        to_right += energy if price_tick[i] <= right else 0
    return demand, below, to_right - below


@part
def bisect(
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
def next_price(price_tick: NDArray[np.int64], quantity_wh: NDArray[np.int64], above_tick: int, cap_tick: int) -> int:
    """The lowest price of an order above a price; the cap where there is none."""
    lowest = cap_tick
    for i in range(len(price_tick)):
        counts = price_tick[i] > above_tick and quantity_wh[i] != 0
        lowest = min(lowest, price_tick[i] if counts else cap_tick)
    return lowest
